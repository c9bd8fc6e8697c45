"""What a case is about: propositions, items, controls, and who allowed it. Withdrawn rows are kept."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from webapp.casework.models.case import Case
from webapp.catalogue.models import Model


class _Withdrawable(models.Model):
    """A row that is added and withdrawn, never changed and never deleted."""

    added_at = models.DateTimeField(auto_now_add=True)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class Proposition(_Withdrawable):
    """Hp or one Hd. `key` names the alternative of the shipped list; `relation` is what Hp says of the pair."""

    class Side(models.TextChoices):
        HP = "Hp", "Hp"
        HD = "Hd", "Hd"

    case = models.ForeignKey(Case, models.CASCADE, related_name="propositions")
    side = models.CharField(max_length=2, choices=Side)
    key = models.CharField(max_length=40)
    statement = models.TextField(help_text="{questioned} and {reference} stand for the two models")
    level = models.CharField(max_length=20, default="source")
    population = models.TextField(blank=True, help_text="Of Hd: whom the finding is compared with")

    class Meta:
        ordering = ["-side", "pk"]

    def __str__(self) -> str:
        return f"{self.side} {self.key}"


class Item(_Withdrawable):
    """A model in the role that it takes in this case, under the code that stands for it while the case is blinded."""

    class Role(models.TextChoices):
        QUESTIONED = "questioned", "Questioned"
        REFERENCE = "reference", "Reference"
        BACKGROUND = "background", "Background"
        CONTROL = "control", "Also compared"

    case = models.ForeignKey(Case, models.CASCADE, related_name="items")
    model = models.ForeignKey(Model, models.PROTECT, related_name="items")
    role = models.CharField(max_length=16, choices=Role)
    label = models.CharField(max_length=12)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "model"], condition=models.Q(withdrawn_at=None), name="a_model_is_one_item"
            )
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.model}"


class Control(_Withdrawable):
    """A pair whose answer is known: related (positive), unrelated (negative), or twice the same model (A/A)."""

    class Kind(models.TextChoices):
        POSITIVE = "positive", "Positive"
        NEGATIVE = "negative", "Negative"
        SAME = "same", "A/A"

    case = models.ForeignKey(Case, models.CASCADE, related_name="controls")
    kind = models.CharField(max_length=16, choices=Kind)
    first = models.ForeignKey(Item, models.PROTECT, related_name="+")
    second = models.ForeignKey(Item, models.PROTECT, related_name="+")
    ground = models.CharField(max_length=300, blank=True, help_text="How the answer is known")
    explanation = models.TextField(blank=True, help_text="Why it failed, where it did")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} control of {self.case_id}"


class Authorisation(models.Model):
    """Who gave the authority for the enquiry itself, apart from leave to probe single endpoints."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="authorisations")
    granted_by = models.CharField(max_length=200)
    basis = models.TextField()
    facts = models.TextField(blank=True, help_text="Facts that were supplied, and by whom")
    terms_reviewed = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    recorded_at = models.DateTimeField(auto_now_add=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-recorded_at"]

    def __str__(self) -> str:
        return f"{self.granted_by}: {self.basis[:60]}"
