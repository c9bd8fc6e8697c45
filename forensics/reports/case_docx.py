"""A case record as DOCX, for those who have to write on: headings, tables, figures as pictures, page numbers."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from forensics.reports import print_figures
from forensics.reports.blocking import missing
from forensics.reports.blocks import Block, Facts, Figure, Heading, Points, Table, Text
from forensics.reports.case_html import title
from forensics.reports.chapters import chapters
from forensics.reports.sections import SECTIONS
from forensics.tables import printable

FIXED = (1980, 1, 1, 0, 0, 0)
LONG_AGO = datetime(1980, 1, 1, tzinfo=UTC)


def docx(record: Mapping[str, Any]) -> bytes:
    """The file's bytes, the same for the same record."""
    from docx import Document

    paper = Document()
    _properties(paper, record)
    _margins(paper, record)
    paper.add_heading(_plain(record["administrative"]["title"]), 0)
    paper.add_paragraph(_plain(title(record)))
    if record["version"]["kind"] == "draft":
        _draft(paper, record)
    _field(paper.add_paragraph(), 'TOC \\o "1-2" \\h')
    for chapter in chapters(record):
        paper.add_heading(f"{chapter.number} {chapter.title}", 1)
        for block in chapter.blocks:
            _write(paper, block)
    out = io.BytesIO()
    paper.save(out)
    return _without_times(out.getvalue())


def _properties(paper: Any, record: Mapping[str, Any]) -> None:
    told = paper.core_properties
    told.title, told.author = _plain(title(record)), _plain(record["administrative"]["analyst"])
    told.created = told.modified = LONG_AGO
    told.comments = ""


def _margins(paper: Any, record: Mapping[str, Any]) -> None:
    """The title at the head of each page, and its number at the foot."""
    section = paper.sections[0]
    section.header.paragraphs[0].text = _plain(title(record))
    foot = section.footer.paragraphs[0]
    foot.add_run("Page ")
    _field(foot, "PAGE")
    foot.add_run(" of ")
    _field(foot, "NUMPAGES")


def _draft(paper: Any, record: Mapping[str, Any]) -> None:
    found = missing(record)
    paper.add_paragraph().add_run(f"DRAFT. {len(found)} points keep it from being final.").bold = True
    for one in found:
        paper.add_paragraph(_plain(f"{SECTIONS[one.section]}: {one.told}"), style="List Bullet")


def _field(paragraph: Any, code: str) -> None:
    """A field that the word processor fills in."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    for kind in ("begin", "code", "end"):
        part = OxmlElement("w:instrText" if kind == "code" else "w:fldChar")
        if kind == "code":
            part.text = code
        else:
            part.set(qn("w:fldCharType"), kind)
        paragraph.add_run()._r.append(part)


def _write(paper: Any, block: Block) -> None:
    if isinstance(block, Heading):
        paper.add_heading(_plain(block.text), 2)
    elif isinstance(block, Text):
        style = "Intense Quote" if block.tone == "headline" else "Quote" if block.quoted else None
        paper.add_paragraph(_plain(block.text), style=style)
    elif isinstance(block, Points):
        for text in block.texts:
            paper.add_paragraph(_plain(text), style="List Bullet")
    elif isinstance(block, Facts):
        _table(paper, (), block.rows)
    elif isinstance(block, Table):
        paper.add_paragraph(_plain(block.caption), style="Caption").paragraph_format.keep_with_next = True
        _table(paper, block.columns, block.rows)
    elif isinstance(block, Figure):
        _picture(paper, block)


def _picture(paper: Any, block: Figure) -> None:
    from docx.shared import Inches

    paper.add_paragraph(_plain(block.caption), style="Caption").paragraph_format.keep_with_next = True
    paper.add_picture(io.BytesIO(print_figures.png(block.data)), width=Inches(6))
    paper.add_paragraph(_plain(block.data["reading"]))


def _table(paper: Any, columns: Any, rows: Any) -> None:
    """The table written as XML in one piece: cell by cell a long one takes minutes."""
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    width = len(columns) or len(rows[0])
    head = [_row(columns, bold=True)] if columns else []
    grid = "".join("<w:gridCol/>" for _ in range(width))
    style = '<w:tblPr><w:tblStyle w:val="TableGrid"/><w:tblW w:w="5000" w:type="pct"/></w:tblPr>'
    body = "".join([*head, *(_row(row) for row in rows)])
    xml = f"<w:tbl {nsdecls('w')}>{style}<w:tblGrid>{grid}</w:tblGrid>{body}</w:tbl>"
    paper.element.body.insert(len(paper.element.body) - 1, parse_xml(xml))
    paper.add_paragraph()


def _row(cells: Any, *, bold: bool = False) -> str:
    from xml.sax.saxutils import escape

    weight = "<w:b/>" if bold else ""
    look = f'<w:rPr>{weight}<w:sz w:val="15"/></w:rPr>'
    told = "".join(
        f'<w:tc><w:tcPr/><w:p><w:r>{look}<w:t xml:space="preserve">{escape(_plain(cell))}</w:t></w:r></w:p></w:tc>'
        for cell in cells
    )
    again = "<w:tblHeader/>" if bold else ""
    return f"<w:tr><w:trPr><w:cantSplit/>{again}</w:trPr>{told}</w:tr>"


def _plain(text: object) -> str:
    """Text that XML can hold; what cannot be seen is written as an escape."""
    return " ".join(printable(line) for line in str(text).splitlines())


def _without_times(body: bytes) -> bytes:
    """The same archive with one fixed time in it and its names sorted, so that two of one record are one file."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            new.writestr(zipfile.ZipInfo(name, FIXED), old.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()
