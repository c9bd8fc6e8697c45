"""Asking for a bundle of a case, and for the same one again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from forensics.errors import BadInput
from forensics.reports.bundle.signing import Signer, new_key, stored_key
from webapp import dispatch
from webapp.casework.cases import runs
from webapp.casework.cases.recording import log
from webapp.casework.models import Case
from webapp.custody import queries as custody
from webapp.exporting.models import Bundle
from webapp.exporting.record import case_files


def signer() -> Signer:
    """The key of this installation, made on first use and kept beside the data."""
    return Signer.of(stored_key(Path(settings.FILIATION_HOME) / "signing.key", new_key))


def ask(case: Case, *, sealed: bool = False, user: Any = None) -> Bundle:
    """The case's next version as a bundle, sent to a worker; raises BadInput as `fix` does."""
    with transaction.atomic():
        bundle = fix(case, sealed=sealed, user=user)
        send_work(bundle)
    return bundle


def fix(case: Case, *, sealed: bool = False, user: Any = None) -> Bundle:
    """The case's next version: what its bundle will tell is fixed now. Nobody is asked to make it yet.

    Raises BadInput while nothing is compared, runs are under way, or codes stand for names.
    """
    comparison, why = runs.latest(case), refusal(case)
    if why or comparison is None:
        raise BadInput(why)
    with transaction.atomic():
        # A row lock where there is one: two who ask at once get two versions.
        Case.objects.select_for_update().get(pk=case.pk)
        newest, head = case.bundles.aggregate(last=Max("version"))["last"] or 0, custody.head()
        bundle = Bundle.objects.create(
            case=case, comparison=comparison, version=newest + 1, sealed=sealed, created_by=user,
            record=case_files(case, comparison), head_sequence=head.sequence if head else 0,
        )  # fmt: skip
        log(case, "bundle-asked", user, version=bundle.version, sealed=sealed, head=head.entry_hash if head else "")
    return bundle


def refusal(case: Case) -> str:
    """Why no bundle can be made of the case now; '' where one can."""
    if runs.latest(case) is None:
        return "There is no finished comparison yet: a bundle holds one, with all that it was made of."
    if case.collections.filter(state__in=runs.OPEN).exists():
        return "Collections are still under way: wait for them, or cancel them."
    if case.is_blinded:
        return "Codes stand for names in this case, and a bundle tells who is who: show the names first."
    return ""


def again(bundle: Bundle, *, user: Any = None) -> bool:
    """Whether a version that failed, or whose file is gone, was queued to be made again."""
    with transaction.atomic():
        ended = Bundle.objects.filter(pk=bundle.pk, state__in=[Bundle.State.DONE, Bundle.State.FAILED])
        moved = ended.update(state=Bundle.State.QUEUED, error="", stage="", progress=0.0)
        if moved:
            send_work(bundle)
            log(bundle.case, "bundle-asked-again", user, version=bundle.version)
    return bool(moved)


def send_work(bundle: Bundle) -> None:
    """Send it to a worker on commit; the reconciler looks again after a lease's time."""
    expires = timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)
    Bundle.objects.filter(pk=bundle.pk).update(lease_expires=expires)
    dispatch.send(dispatch.EXPORT, str(bundle.pk), queue="cpu")


def downloaded(bundle: Bundle, *, user: Any) -> None:
    """Write down that somebody took the bundle."""
    with transaction.atomic():
        log(bundle.case, "bundle-downloaded", user, version=bundle.version, sha256=bundle.sha256)
