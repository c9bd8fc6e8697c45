"""The append-only, hash-chained log of what was done to evidence."""

from __future__ import annotations

from typing import Any

from django.db import models

GENESIS = "0" * 64


class Entry(models.Model):
    """One act. `entry_hash` covers its fields and the previous entry's hash, but for `team`, which is no evidence."""

    sequence = models.PositiveBigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=300)
    detail = models.JSONField(default=dict, blank=True)
    previous_hash = models.CharField(max_length=64)
    entry_hash = models.CharField(max_length=64, unique=True)
    team = models.ForeignKey(
        "accounts.Team", models.PROTECT, null=True, blank=True, related_name="+", help_text="Who reads it; not hashed"
    )

    class Meta:
        ordering = ["sequence"]
        verbose_name_plural = "entries"
        indexes = [models.Index(fields=["subject"], name="entry_by_subject")]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action} {self.subject}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new entry; an existing one is never changed."""
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refused: the log only grows."""
        raise TypeError("custody entries are never deleted")
