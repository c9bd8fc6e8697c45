"""What keeps a report from being final, condition by condition, and what leaves as a file."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from forensics import figures, registry
from forensics.provenance import canonical_json
from forensics.reports.blocking import missing
from forensics.reports.case_docx import docx
from forensics.reports.case_html import page
from forensics.reports.case_pdf import pdf
from forensics.reports.chapters import chapters
from forensics.reports.sections import SECTIONS

# WeasyPrint leaves the colour profile of PDF/A open for the collector to close.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

Record = dict[str, Any]
RECORD = Path(__file__).parents[1] / "data" / "case-record-1.json"


def ready() -> Record:
    """A record of the demonstration's case that nothing blocks: a final version for a court."""
    plain: Record = json.loads(RECORD.read_text(encoding="utf-8"))
    return plain


def set_at(*path: Any, to: Any) -> Callable[[Record], None]:
    def change(record: Record) -> None:
        place: Any = record
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


def naive(record: Record) -> None:
    record["summary"]["headlines"][0]["log10_lr"] = record["interpretation"]["pairs"][0]["fused_from"]["naive_sum"]


def unblinded(record: Record) -> None:
    record["propositions"]["stated"][0]["after_unblinding"] = True


def by_hand(record: Record) -> None:
    record["findings"]["pairs"][0]["exemplars"] = [{"text": "I like this one", "value": 1.0, "rule": ""}]


def merged(record: Record) -> None:
    record["other"]["exhibits"] = [dict.fromkeys(("name", "size", "sha256", "by", "at"), "x") | {"log10_lr": 2.0}]


def low(record: Record) -> None:
    record["quality"]["runs"][0]["coverage"] = 0.5


def dropped(record: Record) -> None:
    next(rule for rule in record["contrary"]["rules"] if rule["rows"])["rows"].pop()


CONDITIONS: dict[str, tuple[str, Callable[[Record], None], str]] = {
    "no commissioning party": ("administrative", set_at("administrative", "commissioned_by", to=""), "commissioning"),
    "no analyst": ("administrative", set_at("administrative", "analyst", to=""), "analyst"),
    "no date": ("administrative", set_at("version", "made_at", to=None), "date"),
    "court, unsigned": ("expert", set_at("expert", "signed", to=False), "signature"),
    "court, no qualifications": ("expert", set_at("expert", "qualifications", to=""), "qualifications"),
    "no authorisation": ("instructions", set_at("instructions", "authorisations", to=[]), "authorisation"),
    "limitations missing": ("summary", set_at("summary", "limitations", to=["one"]), "limitations"),
    "no bound": ("summary", set_at("summary", "headlines", 0, "bound", to=[]), "bound"),
    "no Hp": ("propositions", set_at("propositions", "stated", 0, "withdrawn_at", to="2026-01-01T00:00:00Z"), "Hp"),
    "other level": ("propositions", set_at("propositions", "stated", 1, "level", to="activity"), "levels"),
    "set after unblinding": ("propositions", unblinded, "after unblinding"),
    "metadata neither stored nor marked": (
        "items", set_at("items", 0, "acquisitions", 0, "returned", "provider", to=[]), "not returned",
    ),
    "completions without evidence": (
        "items", set_at("items", 0, "acquisitions", 0, "without_evidence", to=3), "attempt",
    ),
    "broken chain": ("custody", set_at("custody", "chain", "problems", to=["entry 7 was changed"]), "entry 7"),
    "part of the chain": ("custody", set_at("custody", "chain", "checked", to=1), "part of the chain"),
    "no plan": ("method", set_at("method", "plan", to=None), "not frozen"),
    "acquired before the plan": ("method", set_at("method", "before_the_plan", to=2), "before the plan"),
    "plan altered": ("method", set_at("method", "plan", "holds", to=False), "hashed"),
    "conditions not covered": ("validation", set_at("validation", "covered", to=False), "No LR reported"),
    "control fails": ("controls", set_at("controls", "rows", 0, "state", to="failed"), "unexplained"),
    "no control": ("controls", set_at("controls", "missing", to=["A/A"]), "A/A"),
    "coverage": ("quality", low, "95 %"),
    "hand-picked": ("findings", by_hand, "how it was chosen"),
    "naive sum": ("interpretation", naive, "sum of the channels"),
    "nothing left out": ("interpretation", set_at("interpretation", "computed", to=False), "not computed"),
    "blank alternative": ("alternatives", set_at("alternatives", 3, "verdict", to=""), "Without a verdict"),
    "no test": ("alternatives", set_at("alternatives", 3, "test", to=" "), "Without a verdict"),
    "contrary evidence dropped": ("contrary", dropped, "the database holds"),
    "limit removed": ("limits", set_at("limits", "fixed", to=[]), "removed"),
    "merged into the LR": ("other", merged, "stands apart"),
    "no reviewer": ("review", set_at("review", "signoff", to=None), "signed off"),
    "open comment": ("review", set_at("review", "remarks", to=[{"section": "Method", "by": "x", "text": "Why?",
                     "answer": "", "settled_at": None}]), "wait for an answer"),
    "recompute fails": (
        "reproduction", set_at("reproduction", "recomputed", to={"agrees": False, "told": "It differs."}), "It differs",
    ),
    "not recomputed": ("reproduction", set_at("reproduction", "recomputed", to=None), "not recomputed"),
    "the analyst's wording": ("alternatives", set_at("alternatives", 0, "test", to="The scores prove it."), "prove"),
}  # fmt: skip


def test_nothing_blocks_the_record_that_the_others_are_made_of() -> None:
    assert [f"{one.section}: {one.told}" for one in missing(ready())] == []


@pytest.mark.parametrize("condition", CONDITIONS)
def test_each_condition_blocks_with_a_sentence_in_its_own_section(condition: str) -> None:
    section, change, told = CONDITIONS[condition]
    record = ready()
    change(record)
    found = [one for one in missing(record) if one.section == section]
    assert found
    assert told in " ".join(one.told for one in found)
    assert all(one.told.rstrip().endswith(".") for one in found)


def test_every_section_but_the_appendices_has_a_condition() -> None:
    assert {section for section, _, _ in CONDITIONS.values()} == set(SECTIONS) - {"appendices"}


def drawn(data: Any) -> Any:
    return registry.load(figures.PACKAGE, data["name"]).figure(data)


def shorter(*, kind: str) -> Record:
    """The record with its long lists cut, as this kind of version: a page takes its time."""
    record = ready()
    record["version"]["kind"] = kind
    record["appendices"] |= {name: record["appendices"][name][:5] for name in ("probes", "glossary")}
    record["custody"]["entries"] = record["custody"]["entries"][:10]
    record["items"], record["limits"]["channels"] = record["items"][:4], record["limits"]["channels"][:3]
    return record


def test_every_page_of_a_draft_says_so_and_every_section_and_figure_is_on_paper() -> None:
    written = pdf(shorter(kind="draft"))
    assert written == pdf(shorter(kind="draft"))
    document = pypdfium2.PdfDocument(written)
    pages = [document[k].get_textpage().get_text_range() for k in range(len(document))]
    assert all("DRAFT" in page for page in pages)
    assert all(f"Page {k} of {len(pages)}" in page for k, page in enumerate(pages, start=1))
    text = "\n".join(pages)
    assert all(f"{number} {title}" in text for number, title in enumerate(SECTIONS.values(), start=1))
    assert "Main limitations" in next(page for page in pages if "4 Summary" in page)
    drawn_ones = ("Heatmap and dendrogram", "Lineage tree", "Evidence waterfall", "Tippett plot", "References ranked")
    assert [caption for caption in drawn_ones if caption not in text] == []


def test_a_final_version_says_nothing_of_a_draft_and_a_memo_leaves_the_expert_out() -> None:
    record = ready()
    assert ">DRAFT<" not in page(record, drawn)
    memo = record | {"template": record["template"] | {"key": "memo", "court": False}}
    assert "expert" not in {chapter.key for chapter in chapters(memo)}


def test_the_html_asks_no_server_and_words_of_strangers_stay_words() -> None:
    record = shorter(kind="final")
    record["items"][0]["model"] = '<script src="http://example.org/x.js"></script>'
    record["instructions"]["question"] = "<img src=file:///etc/passwd onerror=alert(1)>\u202eevil"
    told = page(record, drawn)
    assert 'data-figure="0"' in told
    told = told.split('<script type="application/json"')[0]
    assert "<script src" not in told
    assert "<img src" not in told
    assert "\u202e" not in told
    assert "&lt;img src=file:" in told


def test_the_docx_is_one_file_for_one_record_and_holds_every_section() -> None:
    body = docx(shorter(kind="final"))
    assert body == docx(shorter(kind="final"))
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        text = archive.read("word/document.xml").decode()
        assert sum(name.startswith("word/media/") for name in archive.namelist()) >= 5
    assert all(title in text for title in SECTIONS.values())


def test_the_record_is_canonical_json() -> None:
    assert RECORD.read_bytes() == canonical_json(ready())
