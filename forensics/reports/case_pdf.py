"""A case record as PDF by WeasyPrint: pages numbered x of y, contents, figures as vectors. It needs no browser."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from forensics.provenance import sha256_json
from forensics.reports.case_html import printed, title, words
from forensics.reports.document import ASSETS

VARIANT = "pdf/a-3u"


def pdf(record: Mapping[str, Any]) -> bytes:
    """The file's bytes, the same for the same record: its identity is the record's hash, and it bears no other time."""
    from weasyprint import HTML

    # It warns of what it draws well all the same, such as an inline SVG's own style.
    logging.getLogger("weasyprint").setLevel(logging.ERROR)

    css = (ASSETS / "print.css").read_text(encoding="utf-8")
    head = words(title(record))
    made = record["version"]["made_at"] or ""
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{head}</title>'
        f'<meta name="author" content="{words(record["administrative"]["analyst"])}">'
        f'<meta name="dcterms.created" content="{made}"><meta name="generator" content="Filiation">'
        f'<style>{css}</style></head><body><p class="head">{head}</p>{printed(record)}</body></html>'
    )
    document = HTML(string=text, url_fetcher=_refuse)
    identity = bytes.fromhex(sha256_json(record))[:16]
    written: bytes = document.write_pdf(pdf_identifier=identity, pdf_variant=VARIANT)
    return written


def _refuse(url: str, *_: Any, **__: Any) -> dict[str, Any]:
    """Nothing is ever fetched: words of a record may hold an address, and none is a reason to read a file or a site."""
    raise ValueError(f"a report reads no address, and this one was asked for: {url[:100]}")
