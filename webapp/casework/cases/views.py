"""Pages of cases."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from forensics.errors import ForensicsError
from forensics.reports.case_files import FORMS
from webapp.casework.cases import access, contents, forms, listing, pages, services, steps
from webapp.casework.cases.acts import ACTS, Act
from webapp.casework.cases.blinding import Mask
from webapp.casework.cases.pages import SECTIONS, follow
from webapp.casework.models import Case, Item
from webapp.casework.reporting import services as reporting
from webapp.catalogue.access import models_for
from webapp.presenting import page_of
from webapp.probing import live

# Of what is only ever a download: a browser that shows it all the same lets it do nothing.
SEALED = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
# While the case is blinded, these show models by name.
NAMING = ("items", "control", "facts")


def case_list(request: HttpRequest) -> HttpResponse:
    """Cases by words, state, tag and part in them, sorted."""
    wanted = {name: request.GET.get(name, "") for name in ("q", "state", "tag", "mine", "sort")}
    found = listing.listed(
        request.user, words=wanted["q"], state=wanted["state"], tag=wanted["tag"], mine=bool(wanted["mine"]),
        sort=wanted["sort"],
    )  # fmt: skip
    context = wanted | {
        "page": page_of(request, found, 30), "states": Case.State.choices, "tags": listing.tags_for(request.user),
        "filtered": any(wanted[name] for name in ("q", "state", "tag", "mine")), "sort": wanted["sort"] or "-number",
    }  # fmt: skip
    return render(request, "casework/cases/list.html", context)


def start(request: HttpRequest) -> HttpResponse:
    """Open a case: what is asked. A model named in the address becomes its questioned model."""
    form = forms.OpenForm(request.POST or None, user=request.user)
    questioned = _questioned(request)
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        team = data.pop("team", None)
        case = services.open_case(user=request.user, team=team.pk if team else None, **data)
        if questioned is not None:
            try:
                contents.add_items(case, [questioned], Item.Role.QUESTIONED, user=request.user)
            except ForensicsError as problem:
                messages.warning(request, str(problem))
        messages.success(request, f"Case {case.number} is open. Next: what is claimed, and what else could be.")
        return redirect("cases:section", case.pk, "propositions")
    context = {"form": form, "questioned": questioned}
    return render(request, "casework/cases/start.html", context, status=422 if form.errors else 200)


def _questioned(request: HttpRequest) -> Any:
    try:
        wanted = UUID(request.GET.get("questioned", ""))
    except ValueError:
        return None
    return models_for(request.user).filter(pk=wanted).first()


def case_page(request: HttpRequest, case_id: object) -> HttpResponse:
    """A case's overview."""
    return _section(request, access.case_or_404(request.user, case_id), "overview")


def section(request: HttpRequest, case_id: object, section: str) -> HttpResponse:
    """One section of a case."""
    case = access.case_or_404(request.user, case_id)
    if section not in SECTIONS:
        raise Http404(section)
    return _section(request, case, section)


def _section(
    request: HttpRequest, case: Case, name: str, failed: tuple[str, forms.CaseForm] | None = None
) -> HttpResponse:
    mask, role = Mask(case), access.role_of(request.user, case)
    rights = {right: role in roles for right, roles in access.RIGHTS.items()}
    shown = {
        act_name.replace("-", "_"): _form(act_name, act, case, request.user)
        for act_name, act in ACTS.items() if act.page == name and _allowed(act_name, act, case, rights)
    }  # fmt: skip
    if failed is not None:
        shown[failed[0].replace("-", "_")] = failed[1]
    title, read = SECTIONS[name]
    known = steps.steps(case)
    context = {
        "case": case, "mask": mask, "role": role, "rights": rights, "section": name, "section_title": title,
        "sections": [(key, words) for key, (words, _) in SECTIONS.items()], "forms": shown,
        "failed": failed[1] if failed else None, "failed_act": failed[0] if failed else "",
        "steps": known, "next": steps.next_of(known),
    }  # fmt: skip
    context |= read(case, mask, request)
    return render(request, f"casework/cases/{name}.html", context, status=422 if failed else 200)


def _form(name: str, act: Act, case: Case, user: Any, data: Any = None, files: Any = None) -> forms.CaseForm:
    return act.form(data, files, case=case, user=user, auto_id=f"id_{name}_%s")


def _allowed(name: str, act: Act, case: Case, rights: dict[str, bool]) -> bool:
    return rights["own" if case.is_blinded and name in NAMING else act.right]


@require_POST
def act(request: HttpRequest, case_id: object, act: str) -> HttpResponse:
    """Do one thing of the table to a case; what was typed is kept where it is refused."""
    if act not in ACTS:
        raise Http404(act)
    case = access.case_or_404(request.user, case_id)
    done = ACTS[act]
    role = access.role_of(request.user, case)
    if not _allowed(act, done, case, {right: role in roles for right, roles in access.RIGHTS.items()}):
        raise PermissionDenied("Your role in this case lets you read it, and not do this.")
    form = _form(act, done, case, request.user, request.POST, request.FILES)
    if form.is_valid():
        data = dict(form.cleaned_data)
        if isinstance(form, forms.RunForm):
            data["plan"] = form.plan
        try:
            told = done.do(case, data, request.user)
        except ForensicsError as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(request, told)
            return redirect("cases:section", case.pk, done.next or done.page)
    case = access.case_or_404(request.user, case_id)
    return _section(request, case, done.page, (act, form))


@never_cache
def progress_json(request: HttpRequest, case_id: object) -> JsonResponse:
    """How far the case's runs are; finished once nothing will move by itself."""
    case = access.case_or_404(request.user, case_id)
    rows = [live.row(run) for run in case.collections.select_related("model", "suite")]
    comparison = case.comparisons.first()
    told = live.as_json(rows) | {"finished": not follow(case, rows)}
    if comparison is not None:
        told |= {"stage": comparison.stage or "waiting for a worker", "compared": round(100 * comparison.progress)}
    made = case.reports.filter(state__in=["queued", "running"]).first()
    if made is not None:
        told |= {"report_stage": made.stage or "waiting for a worker", "report_share": round(100 * made.progress)}
    return JsonResponse(told)


def report_file(request: HttpRequest, case_id: object, report_id: object, name: str) -> HttpResponse:
    """A file of a version of the report, only ever as a download; that it left is logged."""
    case = access.case_or_404(request.user, case_id)
    report = get_object_or_404(case.reports, pk=report_id, state="done")
    if name not in FORMS or name not in report.files or pages.is_named(report, case):
        raise Http404(name)
    reporting.hand_out(report, name, user=request.user)
    kind, _, _ = FORMS[name]
    return FileResponse(
        (report.folder / name).open("rb"), as_attachment=True, filename=f"{case.number}-v{report.number}-{name}",
        content_type=kind, headers=SEALED,
    )  # fmt: skip


def attachment(request: HttpRequest, case_id: object, attachment_id: int) -> HttpResponse:
    """A file of the case, only ever as a download."""
    case = access.case_or_404(request.user, case_id)
    record = get_object_or_404(case.attachments, pk=attachment_id)
    if not record.path.is_file():
        raise Http404("its bytes are not on this server any more")
    return FileResponse(
        record.path.open("rb"), as_attachment=True, filename=record.name, content_type="application/octet-stream",
        headers=SEALED,
    )  # fmt: skip
