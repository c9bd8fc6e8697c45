"""Suites, collections, the ledger of probe calls, and the completions that came back."""

from __future__ import annotations

import uuid
import zlib

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

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
    evidence_hash = models.CharField(max_length=64, blank=True, help_text="Of every attempt's digest, stored when done")
    tokenizer_hash = models.CharField(max_length=64, blank=True)
    error = models.TextField(blank=True)
    seed = models.BigIntegerField(default=0, help_text="Of the order in which calls are sent, and of their jitter")
    budget_calls = models.PositiveBigIntegerField(null=True, blank=True)
    budget_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    budget_money = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    price_in = models.DecimalField(max_digits=12, decimal_places=4, default=0, help_text="A million tokens of prompts")
    price_out = models.DecimalField(max_digits=12, decimal_places=4, default=0, help_text="A million tokens of replies")
    spent_calls = models.PositiveBigIntegerField(default=0)
    spent_in = models.PositiveBigIntegerField(default=0)
    spent_out = models.PositiveBigIntegerField(default=0)
    held_until = models.DateTimeField(null=True, blank=True, help_text="The endpoint is left alone until then")
    held_why = models.CharField(max_length=300, blank=True)
    pace_note = models.CharField(max_length=300, blank=True, help_text="What is unusual about the pace at present")
    identities = models.JSONField(default=list, blank=True, help_text="[returned model, system fingerprint], as seen")
    segment = models.PositiveSmallIntegerField(null=True, blank=True, help_text="The one identity that is compared")
    segment_hash = models.CharField(max_length=64, blank=True, help_text="Content hash of that segment alone")
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
    def changed_model(self) -> bool:
        """Whether more than one model, or one model at more than one state, is known to have answered."""
        return len(self.identities) > 1

    @property
    def held_seconds(self) -> float:
        """Seconds that the endpoint still has to be left alone, as the last slice learnt."""
        return max(0.0, (self.held_until - timezone.now()).total_seconds()) if self.held_until else 0.0

    @property
    def compared_hash(self) -> str:
        """The content hash of what a comparison reads: all completions, or the chosen segment's."""
        return self.content_hash if self.segment is None else self.segment_hash

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
    place = models.PositiveIntegerField(default=0, help_text="In the order of sending, drawn by the collection's seed")
    worst_in = models.PositiveIntegerField(default=0, help_text="The most tokens that the prompt can have")
    worst_out = models.PositiveIntegerField(default=0, help_text="The most tokens that the reply may have")

    class Meta:
        ordering = ["collection", "probe", "sample"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "probe", "sample"], name="one_call_per_probe_and_sample")
        ]
        indexes = [models.Index(fields=["collection", "state", "place"], name="call_by_state_and_place")]

    def __str__(self) -> str:
        return f"{self.probe_id}/{self.sample} {self.state}"


class Attempt(models.Model):
    """One send of a call: the evidence. Never changed, neither here nor in the database, where a trigger refuses it.

    An *answered* attempt has what came back. A *lost* one was handed to a worker that died: it may have been sent, and
    no reply was recorded. A *late* one came back after the call had been given to another worker: kept, never read.
    """

    class Kind(models.TextChoices):
        ANSWERED = "answered", "Answered"
        LOST = "lost", "Sent perhaps, reply never recorded"
        LATE = "late", "Came too late"

    call = models.ForeignKey(ProbeCall, models.PROTECT, related_name="attempts")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.ANSWERED)
    worker = models.CharField(max_length=100, blank=True)
    url = models.CharField(
        max_length=2000, null=True, blank=True, help_text="Where it was sent; empty if not on record"
    )
    started_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField()
    elapsed = models.FloatField(default=0.0)
    outcome = models.CharField(max_length=20, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    finish_reason = models.CharField(max_length=64, blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    returned_model = models.CharField(max_length=200, blank=True)
    provider = models.CharField(max_length=200, blank=True)
    system_fingerprint = models.CharField(max_length=200, blank=True)
    headers = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)
    request_sha256 = models.CharField(max_length=64, blank=True)
    raw_sha256 = models.CharField(max_length=64, blank=True)
    request_zlib = models.BinaryField(default=b"", blank=True)
    raw_zlib = models.BinaryField(default=b"", blank=True)
    digest = models.CharField(max_length=64, help_text="SHA-256 over every other field, bytes by their hashes")

    class Meta:
        ordering = ["call", "number", "kind"]
        constraints = [models.UniqueConstraint(fields=["call", "number", "kind"], name="one_attempt_of_a_kind")]

    def __str__(self) -> str:
        return f"{self.call_id}, attempt {self.number}: {self.outcome or self.kind}"

    @property
    def request(self) -> bytes:
        """The request's bytes as sent, without its secret."""
        return zlib.decompress(self.request_zlib) if self.request_zlib else b""

    @property
    def raw(self) -> bytes:
        """The reply's bytes as received."""
        return zlib.decompress(self.raw_zlib) if self.raw_zlib else b""


class Completion(models.Model):
    """What came back for one probe and sample. Written once: a reading of the attempt that it points at.

    One that was recorded elsewhere has no attempt, since nothing was sent from here.
    """

    collection = models.ForeignKey(Collection, models.CASCADE, related_name="completions")
    probe = models.ForeignKey(Probe, models.PROTECT, related_name="+")
    sample = models.PositiveIntegerField()
    evidence = models.OneToOneField(Attempt, models.PROTECT, null=True, blank=True, related_name="completion")
    text = models.TextField(blank=True)
    outcome = models.CharField(max_length=20)
    finish_reason = models.CharField(max_length=64, blank=True)
    next_tokens = models.JSONField(default=list, blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True, help_text="Empty for recorded completions")

    class Meta:
        ordering = ["collection", "probe", "sample"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "probe", "sample"], name="one_completion_per_call"),
            models.CheckConstraint(
                condition=Q(outcome__in=[o.value for o in Outcome]), name="completion_outcome_is_known"
            ),
        ]
        indexes = [
            models.Index(fields=["collection", "outcome", "probe", "sample"], name="completion_by_outcome"),
            models.Index(fields=["collection", "received_at"], name="completion_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.probe_id}/{self.sample} {self.outcome}"


class Endpoint(models.Model):
    """How fast one origin (scheme, host, port) may be sent to, by all models, collections and workers together."""

    origin = models.CharField(max_length=300, unique=True)
    concurrency = models.PositiveSmallIntegerField(default=16, help_text="Calls under way at once")
    per_minute = models.PositiveIntegerField(null=True, blank=True, help_text="Calls a minute; empty: no limit")
    jitter = models.FloatField(default=0.1, help_text="By how much gaps vary, as a share; they only grow")

    class Meta:
        ordering = ["origin"]

    def __str__(self) -> str:
        return self.origin
