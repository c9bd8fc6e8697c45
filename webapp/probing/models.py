"""Suites, collections, the ledger of probe calls, and the completions that came back."""

from __future__ import annotations

import uuid
import zlib

from django.conf import settings
from django.db import models
from django.db.models import Q

from forensics import probes
from forensics.records import GenerationConfig, Message, Mode, Outcome, Prompt
from webapp.catalogue.models import Model


class Suite(models.Model):
    """A versioned, hashed list of probes."""

    class Origin(models.TextChoices):
        SHIPPED = "shipped", "Ships with Filiation"
        CORPUS = "corpus", "Prompts of a recorded corpus"
        UPLOADED = "uploaded", "Uploaded"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    version = models.CharField(max_length=64)
    title = models.CharField(max_length=300, blank=True)
    suite_hash = models.CharField(max_length=64, unique=True)
    origin = models.CharField(max_length=16, choices=Origin, default=Origin.SHIPPED)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "version"]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Probe(models.Model):
    """One prompt of a suite, with the configuration that its completions are drawn by."""

    suite = models.ForeignKey(Suite, models.CASCADE, related_name="probes")
    ordinal = models.PositiveIntegerField()
    prompt_id = models.CharField(max_length=200)
    mode = models.CharField(max_length=8)
    family = models.CharField(max_length=64)
    category = models.CharField(max_length=200, blank=True)
    answer = models.TextField(null=True, blank=True)
    cell = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=35, default="en")
    messages = models.JSONField()
    config = models.JSONField()

    class Meta:
        ordering = ["ordinal"]
        constraints = [models.UniqueConstraint(fields=["suite", "prompt_id"], name="one_prompt_id_per_suite")]

    def __str__(self) -> str:
        return self.prompt_id

    @property
    def prompt(self) -> Prompt:
        """The engine's record of what is asked."""
        messages = tuple(Message(m["role"], m["content"]) for m in self.messages)
        return Prompt(
            self.prompt_id, messages, Mode(self.mode), self.family, self.category, self.answer, self.cell, self.language
        )

    @property
    def record(self) -> probes.Probe:
        """The engine's record of prompt and configuration."""
        return probes.Probe(self.prompt, GenerationConfig(**self.config))


class Collection(models.Model):
    """A run of a suite on a model. `ticket` names the one slice in line that may work on it."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    model = models.ForeignKey(Model, models.PROTECT, related_name="collections")
    suite = models.ForeignKey(Suite, models.PROTECT, related_name="collections")
    state = models.CharField(max_length=16, choices=State, default=State.RUNNING)
    recorded = models.BooleanField(default=False, help_text="Imported, not sent: it has completions and no calls")
    planned = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict, blank=True, help_text="Outcome to number, stored when done")
    content_hash = models.CharField(max_length=64, blank=True, help_text="Of the response set, stored when done")
    tokenizer_hash = models.CharField(max_length=64, blank=True)
    error = models.TextField(blank=True)
    ticket = models.PositiveBigIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When work was last sent or seen alive")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "sent_at"], name="collection_unfinished")]

    def __str__(self) -> str:
        return f"{self.suite} on {self.model}"

    @property
    def is_open(self) -> bool:
        """Whether calls may still be sent, now or after a resume."""
        return self.state in (self.State.RUNNING, self.State.PAUSED)


class ProbeCall(models.Model):
    """One unit of a collection: the ledger row. `fence` grows with every claim, and a write must carry the latest."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        LEASED = "leased", "Leased"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    collection = models.ForeignKey(Collection, models.CASCADE, related_name="calls")
    probe = models.ForeignKey(Probe, models.PROTECT, related_name="+")
    sample = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_expires = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True, help_text="A throttled call waits until then")
    fence = models.PositiveBigIntegerField(default=0)
    attempt = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)

    class Meta:
        ordering = ["collection", "probe", "sample"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "probe", "sample"], name="one_call_per_probe_and_sample")
        ]
        indexes = [models.Index(fields=["collection", "state"], name="call_by_state")]

    def __str__(self) -> str:
        return f"{self.probe_id}/{self.sample} {self.state}"


class Completion(models.Model):
    """What came back for one probe and sample. Written once; the raw bytes are the evidence, the text is a reading."""

    collection = models.ForeignKey(Collection, models.CASCADE, related_name="completions")
    probe = models.ForeignKey(Probe, models.PROTECT, related_name="+")
    sample = models.PositiveIntegerField()
    attempt = models.PositiveIntegerField(default=1)
    text = models.TextField(blank=True)
    outcome = models.CharField(max_length=20)
    finish_reason = models.CharField(max_length=64, blank=True)
    next_tokens = models.JSONField(default=list, blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    request_zlib = models.BinaryField(default=b"", blank=True)
    raw_zlib = models.BinaryField(default=b"", blank=True)
    request_sha256 = models.CharField(max_length=64, blank=True)
    raw_sha256 = models.CharField(max_length=64, blank=True)
    headers = models.JSONField(default=dict, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    elapsed = models.FloatField(default=0.0)
    returned_model = models.CharField(max_length=200, blank=True)
    system_fingerprint = models.CharField(max_length=200, blank=True)
    error = models.TextField(blank=True)
    received_at = models.DateTimeField(null=True, blank=True, help_text="Empty for recorded completions")

    class Meta:
        ordering = ["collection", "probe", "sample"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "probe", "sample"], name="one_completion_per_call"),
            models.CheckConstraint(
                condition=Q(outcome__in=[o.value for o in Outcome]), name="completion_outcome_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.probe_id}/{self.sample} {self.outcome}"

    @property
    def request(self) -> bytes:
        """The request's bytes as sent, without its secret."""
        return zlib.decompress(self.request_zlib) if self.request_zlib else b""

    @property
    def raw(self) -> bytes:
        """The reply's bytes as received."""
        return zlib.decompress(self.raw_zlib) if self.raw_zlib else b""
