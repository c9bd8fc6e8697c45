"""Teams: made by an administrator, kept by their owners, invisible to others, needed by nobody who is alone."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from forensics.errors import BadInput
from tests.helpers.making import stored_suite
from tests.helpers.people import person, recorded_model
from webapp.accounts import access, teams
from webapp.accounts.models import Membership
from webapp.catalogue import services as catalogue
from webapp.custody.models import Entry

pytestmark = pytest.mark.django_db


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_an_administrator_makes_teams_and_people_through_pages() -> None:
    boss = User.objects.create_superuser("boss")
    admin = signed_in(boss)
    assert admin.post("/teams/", {"name": "Blue"}).status_code == 302
    assert admin.post("/teams/", {"name": "blue"}).status_code == 422
    made = admin.post("/people/add/", {"username": "ada"}).content.decode()
    password = made.split("never again: <code>")[1].split("</code>")[0]
    assert User.objects.get(username="ada").check_password(password)
    team = access.teams_for(boss).get()
    assert admin.post(f"/teams/{team.pk}/", {"person": "nobody", "role": "owner"}).status_code == 422
    assert admin.post(f"/teams/{team.pk}/", {"person": "ada", "role": "owner"}).status_code == 302
    ada = signed_in(User.objects.get(username="ada"))
    assert ada.get("/people/add/").status_code == 403
    assert ada.post("/teams/", {"name": "Red"}).status_code == 403
    assert ada.get(f"/teams/{team.pk}/").status_code == 200


def test_the_last_owner_of_others_stays() -> None:
    team = teams.create_team("blue")
    owner, other = person("owner", team, "owner"), person("other", team, "reader")
    with pytest.raises(BadInput, match="last owner"):
        teams.set_member(team, owner, "reader")
    client = signed_in(owner)
    client.post(f"/teams/{team.pk}/remove/{Membership.objects.get(user=owner).pk}/")
    assert team.memberships.count() == 2
    client.post(f"/teams/{team.pk}/remove/{Membership.objects.get(user=other).pk}/")
    assert [m.user for m in team.memberships.all()] == [owner]


def test_what_somebody_registers_belongs_to_their_home_team_and_is_shared_without_one() -> None:
    suite = stored_suite(1)
    team = teams.create_team("blue")
    alone, member = person("alone"), person("member", team)
    assert access.home_team(alone) is None
    assert access.home_team(member) == team.pk
    teams.set_home(member, None)
    assert access.home_team(member) is None
    signed_in(member).post("/teams/home/", {"team": team.pk})
    model = catalogue._new("mine", "reference", member, adapter="recorded", location="x")
    assert model.team_id == team.pk
    assert recorded_model("shared", suite).team_id is None


def test_the_custody_log_shows_each_person_what_exists_for_them_and_the_chain_is_one_for_all() -> None:
    team = teams.create_team("blue")
    inside, outside = person("inside", team), person("outside")
    recorded_model("secret-name", stored_suite(1), team=team)
    recorded_model("public-name", stored_suite(1))
    pages = {
        name: signed_in(user).get("/custody/").content.decode() for name, user in (("in", inside), ("out", outside))
    }
    assert "secret-name" in pages["in"] and "secret-name" not in pages["out"]
    assert all("public-name" in page and "The chain holds" in page for page in pages.values())
    assert f"All {Entry.objects.count()} entries" in pages["out"]
