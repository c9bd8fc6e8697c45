from datetime import timedelta

from django.db import migrations
from django.db.models import F

from webapp.probing.evidence import digest_of

CHUNK = 500
MOVED = (
    "elapsed", "outcome", "status", "finish_reason", "prompt_tokens", "completion_tokens", "returned_model",
    "system_fingerprint", "headers", "error", "request_sha256", "raw_sha256", "request_zlib", "raw_zlib",
)  # fmt: skip


def move(apps, _schema_editor):
    """An attempt for every completion that came from a send. Earlier attempts were not kept, and stay absent."""
    completions = apps.get_model("probing", "Completion").objects.filter(collection__recorded=False, evidence=None)
    while rows := list(completions.select_related("probe").order_by("pk")[:CHUNK]):
        _move(apps, rows)
    unsent = apps.get_model("probing", "ProbeCall").objects.exclude(state="done")
    unsent.update(place=F("id"))
    for probe in apps.get_model("probing", "Probe").objects.filter(pk__in=unsent.values("probe")):
        words = sum(len(m["content"].encode()) for m in probe.messages)
        of_probe = unsent.filter(probe=probe.pk)
        of_probe.update(worst_in=words + 64 * len(probe.messages), worst_out=probe.config["max_tokens"])


def _move(apps, completions):
    attempts = [_attempt(apps, completion) for completion in completions]
    apps.get_model("probing", "Attempt").objects.bulk_create(attempts)
    for completion, attempt in zip(completions, attempts, strict=True):
        type(completion).objects.filter(pk=completion.pk).update(evidence=attempt)


def _attempt(apps, completion):
    call = apps.get_model("probing", "ProbeCall").objects.get(
        collection=completion.collection_id, probe=completion.probe_id, sample=completion.sample
    )
    received = completion.received_at or completion.collection.created_at
    attempt = apps.get_model("probing", "Attempt")(
        call=call,
        number=completion.attempt,
        received_at=received,
        started_at=received - timedelta(seconds=completion.elapsed),
        **{name: getattr(completion, name) for name in MOVED},
    )
    attempt.digest = digest_of(
        vars(attempt), str(completion.collection_id), completion.probe.prompt_id, completion.sample
    )
    return attempt


class Migration(migrations.Migration):
    dependencies = [("probing", "0002_evidence")]

    operations = [migrations.RunPython(move, migrations.RunPython.noop)]
