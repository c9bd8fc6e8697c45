"""Downloads of a case: its bundles, and its tables. Always attachments."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from forensics.errors import BadInput
from forensics.table_files import KINDS
from webapp.casework.cases import access as cases
from webapp.casework.cases.recording import log
from webapp.exporting import access, services, tables
from webapp.exporting.models import Bundle
from webapp.presenting import state

HEADERS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}


def bundle(request: HttpRequest, bundle_id: object) -> FileResponse:
    """The zip, and an entry in the custody log that it was taken."""
    found = access.bundle_or_404(request.user, bundle_id)
    if found.state != Bundle.State.DONE or not found.path.is_file():
        raise Http404("this bundle is not made yet, or its file is gone: have it made again")
    services.downloaded(found, user=request.user)
    return FileResponse(
        found.path.open("rb"), as_attachment=True, filename=found.file_name, content_type="application/zip",
        headers=HEADERS,
    )  # fmt: skip


@require_POST
def again(request: HttpRequest, bundle_id: object) -> HttpResponse:
    """Make a version again that failed, or whose file is gone."""
    found = access.bundle_or_404(request.user, bundle_id)
    cases.case_to("comment", request.user, found.case_id)
    if services.again(found, user=request.user):
        messages.success(request, f"Version {found.version} is being made again.")
    return redirect("cases:section", found.case_id, "exports")


def table(request: HttpRequest, case_id: object, name: str, kind: str) -> FileResponse:
    """Responses, scores or findings in one of three forms, logged as an export."""
    case = cases.case_or_404(request.user, case_id)
    if name not in tables.TABLES or kind not in KINDS:
        raise Http404(name)
    with tempfile.TemporaryDirectory(prefix="filiation-table-") as folder:
        path = Path(folder) / f"{name}.{kind}"
        try:
            rows = tables.write(case, name, path)
        except BadInput as problem:
            raise Http404(str(problem)) from problem
        log(case, "table-exported", request.user, table=name, form=kind, rows=rows)
        # Open when the folder goes: the system keeps the bytes until the answer has been sent.
        handle = path.open("rb")
    return FileResponse(
        handle, as_attachment=True, filename=f"case-{case.number}-{path.name}",
        content_type="application/octet-stream", headers=HEADERS,
    )  # fmt: skip


@never_cache
def progress_json(request: HttpRequest, case_id: object) -> JsonResponse:
    """How far the bundles under way are; finished once none is."""
    case = cases.case_or_404(request.user, case_id)
    rows = [
        {"id": str(one.pk), "state": state(one.state), "stage": one.stage or "waiting for a worker",
         "share": round(100 * one.progress)}
        for one in case.bundles.filter(state__in=[Bundle.State.QUEUED, Bundle.State.RUNNING])
    ]  # fmt: skip
    return JsonResponse({"finished": not rows, "rows": rows})
