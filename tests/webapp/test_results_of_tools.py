"""Results that other tools wrote, uploaded on the page or imported by the command."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from webapp.catalogue.models import Model
from webapp.probing.models import Collection, Suite

pytestmark = pytest.mark.django_db

DATA = Path(__file__).resolve().parents[1] / "data" / "foreign"
TABLE = b"model,prompt,response\na,Hello?,Hi\nb,Hello?,Yes\nb,Bye?,\n"


@pytest.fixture
def page() -> Client:
    """A signed-in visitor."""
    client = Client()
    client.force_login(User.objects.create_user("ana"))
    return client


def upload(page: Client, name: str, raw: bytes) -> tuple[int, str]:
    """Status and text of the page after an upload."""
    sent = {"file": SimpleUploadedFile(name, raw), "role": "reference"}
    answer = page.post(reverse("catalogue:register") + "?way=results", sent, follow=True)
    return answer.status_code, answer.text


def kept() -> list[Path]:
    """Files that lie in the folder of uploads."""
    return [path for path in (Path(settings.MEDIA_ROOT) / "transcripts").rglob("*") if path.is_file()]


def test_a_table_becomes_its_models_and_a_suite(page: Client) -> None:
    before = len(kept())
    status, shown = upload(page, "../My table.csv", TABLE)
    assert (status, "2 models are registered" in shown) == (200, True)
    assert sorted(Model.objects.values_list("name", "role", "adapter")) == [
        ("a", "reference", "recorded"),
        ("b", "reference", "recorded"),
    ]
    assert Suite.objects.get().name == "My-table.csv"
    assert Collection.objects.get(model__name="b").counts == {"completed": 1, "empty": 1}
    status, shown = upload(page, "My table.csv", TABLE)
    assert (status, "stored already" in shown) == (422, True)
    assert len(kept()) == before + 1


def test_what_inspect_and_promptfoo_wrote_is_taken(page: Client) -> None:
    for name, models in (("inspect_log.json", 1), ("promptfoo_results.json", 2)):
        before = Model.objects.count()
        status, shown = upload(page, name, (DATA / name).read_bytes())
        assert status == 200, shown
        assert Model.objects.count() - before == models


@pytest.mark.parametrize(
    ("name", "raw", "why"),
    [
        ("said.csv", b"model,prompt,response\na,b\n", "said.csv, row 2: has 2 cells"),
        ("said.csv", b"question,reply\na,b\n", "not a recorded corpus that is known here"),
        ("said.eval", b"PK\x03\x04 cut", "not a readable zip file"),
        ("said.exe", b"MZ", "does not end in .csv or .json or .eval"),
    ],
)
def test_a_bad_file_is_named_and_nothing_of_it_stays(page: Client, name: str, raw: bytes, why: str) -> None:
    before = kept()
    status, shown = upload(page, name, raw)
    assert status == 422
    assert why in shown
    assert not Model.objects.exists()
    assert kept() == before


def test_the_command_takes_a_file_as_well_as_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_bytes(TABLE)
    out = StringIO()
    call_command("import_corpus", str(file), stdout=out)
    assert "2 imported, 0 unchanged, 0 failed" in out.getvalue()
    file.write_bytes(TABLE + b"c,d\n")
    with pytest.raises(CommandError, match=r"table\.csv, row 5: has 2 cells.*Nothing was stored"):
        call_command("import_corpus", str(file), stdout=out)
