"""The first page, and the pages of teams and people."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from forensics.errors import ForensicsError
from webapp.accounts import access, forms, overview, services, teams
from webapp.accounts.models import Team


def home(request: HttpRequest) -> HttpResponse:
    """What needs the reader, what runs, what failed, and one next action."""
    return render(request, "accounts/home.html", overview.overview(request.user))


def team_list(request: HttpRequest) -> HttpResponse:
    """The reader's teams (all of them for an administrator); an administrator makes new ones here."""
    form = forms.TeamForm(request.POST or None)
    if request.method == "POST":
        access.require_administrator(request.user)
        if form.is_valid():
            try:
                team = teams.create_team(form.cleaned_data["name"], user=request.user)
            except ForensicsError as problem:
                form.add_error("name", str(problem))
            else:
                return redirect("team", team.pk)
    context = {
        "form": form, "teams": access.teams_for(request.user).prefetch_related("memberships"),
        "home_form": forms.HomeForm(None, user=request.user), "roles": access.roles_of(request.user),
    }  # fmt: skip
    return render(request, "accounts/teams.html", context, status=422 if form.errors else 200)


@require_POST
def set_home(request: HttpRequest) -> HttpResponse:
    """Choose which team new things of the reader belong to."""
    form = forms.HomeForm(request.POST, user=request.user)
    if form.is_valid():
        team = form.cleaned_data["team"]
        teams.set_home(request.user, UUID(team) if team else None)  # type: ignore[arg-type]
        messages.success(request, f"New things of yours belong to: {dict(form.fields['team'].choices)[team]}.")
    else:
        messages.warning(request, "You do not belong to that team: nothing was changed.")
    return redirect("teams")


def team_page(request: HttpRequest, team_id: object) -> HttpResponse:
    """A team's members; its owners and administrators add people and change roles here."""
    team = access.team_or_404(request.user, team_id)
    form = forms.MemberForm(request.POST or None)
    if request.method == "POST":
        access.require_management(request.user, team)
        if form.is_valid() and _set_member(request, team, form):
            return redirect("team", team.pk)
    context = {
        "team": team, "form": form, "members": team.memberships.select_related("user"),
        "may_manage": access.may_manage(request.user, team),
    }  # fmt: skip
    return render(request, "accounts/team.html", context, status=422 if form.errors else 200)


def _set_member(request: HttpRequest, team: Team, form: Any) -> bool:
    person, role = form.cleaned_data["person"], form.cleaned_data["role"]
    try:
        teams.set_member(team, person, role, user=request.user)
    except ForensicsError as problem:
        form.add_error("role", str(problem))
        return False
    messages.success(request, f"{person} is {role} of {team}.")
    return True


@require_POST
def remove_member(request: HttpRequest, team_id: object, member_id: int) -> HttpResponse:
    """End somebody's membership."""
    team = access.team_or_404(request.user, team_id)
    member = get_object_or_404(team.memberships.select_related("team", "user"), pk=member_id)
    access.require_management(request.user, team)
    try:
        teams.remove_member(member, user=request.user)
    except ForensicsError as problem:
        messages.warning(request, str(problem))
    else:
        messages.success(request, f"{member.user} does not belong to {team} any more.")
    return redirect("team", team.pk)


def add_person(request: HttpRequest) -> HttpResponse:
    """Make an account. Its password is drawn, shown on the answer, and kept nowhere."""
    access.require_administrator(request.user)
    form, made, password = forms.PersonForm(request.POST or None), None, ""
    if request.method == "POST" and form.is_valid():
        made, password = services.ensure_analyst(form.cleaned_data["username"])
        form = forms.PersonForm()
    context = {"form": form, "made": made, "password": password}
    return render(request, "accounts/person.html", context, status=422 if form.errors else 200)
