"""Every form of a case report, each a function of its record alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from forensics.provenance import canonical_json
from forensics.reports.case_docx import docx
from forensics.reports.case_html import Draw, page
from forensics.reports.case_pdf import pdf

Render = Callable[[Mapping[str, Any], Draw], bytes]
FORMS: dict[str, tuple[str, str, Render]] = {
    "report.html": ("text/html; charset=utf-8", "HTML", lambda record, draw: page(record, draw).encode()),
    "report.pdf": ("application/pdf", "PDF", lambda record, _: pdf(record)),
    "report.docx": (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "DOCX",
        lambda record, _: docx(record),
    ),
    "record.json": ("application/json", "JSON", lambda record, _: canonical_json(record)),
}
"""File name to content type, what it is called, and how it is made."""


def files(record: Mapping[str, Any], draw: Draw) -> dict[str, bytes]:
    """File name to bytes, of every form. draw: a figure's data record to its Plotly figure."""
    return {name: render(record, draw) for name, (_, _, render) in FORMS.items()}
