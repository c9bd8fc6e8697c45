"""Forms of teams and people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.contrib.auth.validators import UnicodeUsernameValidator

from webapp.accounts.models import Membership, Role


class TeamForm(forms.Form):
    """A new team."""

    name = forms.CharField(label="Name", max_length=100)


class MemberForm(forms.Form):
    """Somebody with an account here, and their role. Given again, the role changes."""

    person = forms.CharField(label="User name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(
        label="Role", choices=Role.choices, initial=Role.ANALYST,
        help_text="A reader reads, a reviewer also comments, an analyst also works, an owner also says who belongs.",
    )  # fmt: skip

    def clean_person(self) -> User:
        """The account of that name."""
        name = self.cleaned_data["person"].strip()
        person = User.objects.filter(username=name, is_active=True).first()
        if person is None:
            raise forms.ValidationError(f"Nobody here has the user name {name}. An administrator makes accounts.")
        return person


class HomeForm(forms.Form):
    """Which team new things belong to; empty: everybody who signs in."""

    team = forms.ChoiceField(label="What I register or open belongs to", required=False)

    def __init__(self, data: Any, *, user: Any) -> None:
        mine = list(Membership.objects.filter(user=user).select_related("team"))
        home = next((str(m.team_id) for m in mine if m.home), "")
        super().__init__(data, initial={"team": home})
        shared = ("", "Everybody who signs in")
        self.fields["team"].choices = [shared, *((str(m.team_id), m.team.name) for m in mine)]
        self.memberships = mine


class PersonForm(forms.Form):
    """A new account; its password is drawn, and shown once."""

    username = forms.CharField(
        label="User name", max_length=150, validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip

    def clean_username(self) -> str:
        """A name that nobody has."""
        name: str = self.cleaned_data["username"]
        if User.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError("Somebody has this user name already.")
        return name
