"""A case record as HTML: one page that opens offline with figures to explore, and the body that is printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from forensics.reports import print_figures
from forensics.reports.blocking import missing
from forensics.reports.blocks import Block, Chapter, Facts, Figure, Heading, Points, Table, Text
from forensics.reports.chapters import chapters
from forensics.reports.document import document
from forensics.reports.sections import SECTIONS
from forensics.tables import printable

Record = Mapping[str, Any]
LONG = 24
Draw = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""A figure's data record to its Plotly figure."""


def page(record: Record, draw: Draw) -> str:
    """The whole file; plotly.js and all data lie within, and it asks no server for anything."""
    figures: list[tuple[str, str, Mapping[str, Any]]] = []

    def place(figure: Figure) -> str:
        figures.append((figure.caption, figure.data["reading"], draw(figure.data)))
        reading = words(figure.data["reading"])
        return (
            f'<figure><h4>{words(figure.caption)}</h4><figcaption>{reading}</figcaption><div class="canvas" role="img" '
            f'aria-label="{reading}" data-figure="{len(figures) - 1}"></div></figure>'
        )

    return document(words(title(record)), list(_body(record, place)), figures, style="case")


def printed(record: Record) -> str:
    """The body of the printed form, its figures drawn as vectors."""

    def place(figure: Figure) -> str:
        reading = words(figure.data["reading"])
        return f"<figure><h4>{words(figure.caption)}</h4>{print_figures.svg(figure.data)}<p>{reading}</p></figure>"

    return "".join(_body(record, place))


def title(record: Record) -> str:
    """What a file of this record is called at its head."""
    version = record["version"]
    draft = "DRAFT, " if version["kind"] == "draft" else ""
    return f"{draft}{record['administrative']['case']}: {record['template']['heading']}, version {version['number']}"


def words(text: object) -> str:
    """Text as HTML, in its lines; what cannot be seen is written as an escape."""
    return "<br>".join(escape(printable(line)) for line in str(text).splitlines())


def _body(record: Record, place: Callable[[Figure], str]) -> Iterator[str]:
    told = chapters(record)
    yield from _cover(record)
    if record["version"]["kind"] == "draft":
        yield '<p class="stamp" aria-hidden="true">DRAFT</p>'
    yield '<nav class="contents" aria-label="Contents"><h2>Contents</h2><ol>'
    yield from (f'<li value="{c.number}"><a href="#{c.key}">{escape(c.title)}</a></li>' for c in told)
    yield "</ol></nav>"
    for chapter in told:
        yield from _chapter(chapter, place)


def _cover(record: Record) -> Iterator[str]:
    told, draft = record["administrative"], record["version"]["kind"] == "draft"
    yield f'<header class="cover"><p class="kind">{words(record["template"]["heading"])}</p>'
    yield f"<h1>{words(told['title'])}</h1><p>{words(title(record))}</p>"
    yield f"<p>{words(record['version']['made_at'] or '')}</p>"
    if draft:
        found = missing(record)
        yield '<div class="draft-note"><p><strong>DRAFT</strong>: not reviewed, and not to be relied on.'
        yield f" {len(found)} points keep it from being final.</p><ul>"
        yield from (f"<li>{words(SECTIONS[one.section])}: {words(one.told)}</li>" for one in found)
        yield "</ul></div>"
    yield "</header>"


def _chapter(chapter: Chapter, place: Callable[[Figure], str]) -> Iterator[str]:
    yield f'<section id="{chapter.key}"><h2>{chapter.number} {escape(chapter.title)}</h2>'
    for block in chapter.blocks:
        yield place(block) if isinstance(block, Figure) else html_of(block)
    yield "</section>"


def html_of(block: Block) -> str:
    """One block; every word is escaped."""
    if isinstance(block, Heading):
        return f"<h3>{words(block.text)}</h3>"
    if isinstance(block, Text):
        tone = "quoted" if block.quoted else block.tone
        return f'<p class="{tone}">{words(block.text)}</p>'
    if isinstance(block, Points):
        return f"<ul>{''.join(f'<li>{words(text)}</li>' for text in block.texts)}</ul>"
    if isinstance(block, Facts):
        rows = (f"<div><dt>{words(name)}</dt><dd>{words(value)}</dd></div>" for name, value in block.rows)
        return f"<dl>{''.join(rows)}</dl>"
    if isinstance(block, Table):
        return _table(block)
    raise TypeError(f"a figure is placed by its form, not written: {block!r}")


def _table(block: Table) -> str:
    head = "".join(f'<th scope="col"{_class(block, k, "")}>{words(name)}</th>' for k, name in enumerate(block.columns))
    rows = "".join(f"<tr>{_cells(block, row)}</tr>" for row in block.rows)
    return (
        f'<div class="sheet" tabindex="0"><table><caption>{words(block.caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cells(block: Table, row: Sequence[str]) -> str:
    return "".join(f"<td{_class(block, k, cell)}>{words(cell)}</td>" for k, cell in enumerate(row))


def _class(block: Table, column: int, cell: str) -> str:
    """A column of long text keeps room; a word that is too long for a line, as a hash is, may break anywhere."""
    long = any(len(word) > LONG for word in cell.split())
    names = [name for name, there in (("wide", column in block.wide), ("long", long)) if there]
    return f' class="{" ".join(names)}"' if names else ""
