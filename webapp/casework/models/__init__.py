"""Comparisons, and the cases that they belong to."""

from webapp.casework.models.case import Case, CaseRole, Tag
from webapp.casework.models.comparison import Comparison
from webapp.casework.models.contents import Authorisation, Control, Item, Proposition
from webapp.casework.models.record import Attachment, Deviation, Note, Plan, Verdict
from webapp.casework.models.report import Expert, Remark, Report, SignOff

__all__ = [
    "Attachment", "Authorisation", "Case", "CaseRole", "Comparison", "Control", "Deviation", "Expert", "Item", "Note",
    "Plan", "Proposition", "Remark", "Report", "SignOff", "Tag", "Verdict",
]  # fmt: skip
