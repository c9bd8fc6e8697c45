"""The page of one channel of a pair: first in suite order, then by what each probe gives, as a worker found it."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client

from tasks.explaining import run_explanation
from tests.helpers.populations import OTHER, finished_comparison
from webapp.casework import queries
from webapp.explaining.models import Explanation

pytestmark = pytest.mark.django_db(transaction=True)
THIRD = "family-0-member-2"
GIVEN = re.compile(r"gives ([+−][\d.]+)")


def given(page: str) -> list[float]:
    """What the listed probes give, in the order of the page."""
    return [float(value.replace("−", "-")) for value in GIVEN.findall(page)]


def test_the_probes_of_a_channel_are_sorted_by_what_they_give_once_a_worker_has_taken_the_pair_apart(
    client: Client,
) -> None:
    comparison = finished_comparison()
    client.force_login(User.objects.create_user("analyst"))
    two = {"a": OTHER, "b": THIRD}
    place = f"/comparisons/{comparison.pk}/pair"
    page = client.get(f"{place}/channel/?{urlencode(two | {'score': 'agreement'})}").content.decode()
    assert "in suite order" in page and given(page) == []

    asked = client.post(f"{place}/why/ask/?{urlencode(two | {'score': 'agreement', 'back': 'channel'})}")
    assert asked["Location"] == f"{place}/channel/?{urlencode(two | {'score': 'agreement'})}#probes"
    assert "data-progress" in client.get(asked["Location"]).content.decode()
    run_explanation(str(Explanation.objects.get().pk))

    page = client.get(asked["Location"]).content.decode()
    values = given(page)
    assert len(values) == 24 and values == sorted(values, reverse=True) and values[0] > values[-1]
    sought = client.get(f"{place}/channel/?{urlencode(two | {'score': 'agreement', 'q': '23?'})}")
    assert len(given(sought.content.decode())) == 1


def test_the_parts_of_agreement_have_the_mean_that_the_ranks_are_made_of(client: Client) -> None:
    comparison = finished_comparison()
    client.force_login(User.objects.create_user("analyst"))
    explanation = Explanation.objects.create(comparison=comparison, model_a=OTHER, model_b=THIRD)
    run_explanation(str(explanation.pk))
    two = urlencode({"a": OTHER, "b": THIRD, "score": "agreement_cosine"})
    page = client.get(f"/comparisons/{comparison.pk}/pair/channel/?{two}").content.decode()
    result = queries.result(comparison)
    i, j = result.models.index(OTHER), result.models.index(THIRD)
    others = result.scores["agreement_cosine"][np.triu_indices(9, k=1)]
    rank = int((others > result.scores["agreement_cosine"][i, j]).sum()) + 1
    assert f"rank {rank} of 36 pairs" in page
    assert np.mean(given(page)) > 0


def test_a_channel_that_looks_across_prompts_says_so_and_asks_nobody(client: Client) -> None:
    comparison = finished_comparison()
    client.force_login(User.objects.create_user("analyst"))
    two = urlencode({"a": OTHER, "b": THIRD, "score": "quirks"})
    page = client.get(f"/comparisons/{comparison.pk}/pair/channel/?{two}").content.decode()
    assert "This channel looks across prompts" in page
    assert "/why/ask/" not in page.partition('id="probes"')[2].partition("Probes</")[0]
    assert not Explanation.objects.exists()
