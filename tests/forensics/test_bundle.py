"""What a bundle is sealed and checked by, apart from any case; and bundles of every released form, for ever."""

from __future__ import annotations

import io
import stat
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import pytest

from forensics.errors import BadInput
from forensics.reports.bundle import verify
from forensics.reports.bundle.recompute import recompute
from forensics.reports.bundle.signing import Signer, new_key
from forensics.reports.bundle.stage import Stage

RELEASED = sorted((Path(__file__).parents[1] / "data" / "bundles").glob("*.zip"))
ABOUT = {"case": "c", "version": 1, "sealed": False, "custody": {"entries": 0, "head": ""}}
# RFC 8032, section 7.1: tests 1 to 3.
VECTORS = (
    ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", ""),
    ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72"),
    ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "af82"),
)
SIGNED = (
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
)


@pytest.mark.parametrize(("key", "message", "signature"), [(*v, s) for v, s in zip(VECTORS, SIGNED, strict=True)])
def test_the_signatures_of_the_standard_hold_and_no_other(key: str, message: str, signature: str) -> None:
    signer, said, sealed = Signer.of(key), bytes.fromhex(message), bytes.fromhex(signature)
    public = bytes.fromhex(signer.public)
    assert signer._private.sign(said) == sealed
    assert verify.ed25519_holds(public, said, sealed)
    for place in range(0, 64, 7):
        assert not verify.ed25519_holds(public, said, sealed[:place] + bytes([sealed[place] ^ 4]) + sealed[place + 1 :])
    assert not verify.ed25519_holds(public, said + b"!", sealed)
    # The same signature with the group's order added: RFC 8032 refuses it.
    later = int.from_bytes(sealed[32:], "little") + verify.L
    assert not verify.ed25519_holds(public, said, sealed[:32] + later.to_bytes(32, "little"))
    assert verify.fingerprint(signer.public) == signer.fingerprint


def test_a_key_that_is_none_is_refused_in_words() -> None:
    with pytest.raises(BadInput, match="put the right file back"):
        Signer.of("not a key")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A bundle of three files."""
    made = Stage(tmp_path / "stage")
    made.add(verify.CHAIN, b"")
    made.add_json(verify.INDEX, {"collections": []})
    made.add("notes.txt", (piece for piece in (b"one ", b"two")))
    made.seal(tmp_path / "small.zip", Signer.of(new_key()), ABOUT)
    assert verify.verify(str(tmp_path / "small.zip"))["faults"] == []
    return tmp_path / "small.zip"


@pytest.mark.parametrize("name", ["../up.txt", "/etc/passwd", "a//b", "..", "a/../b", "C:\\x", "a b", ".hidden", ""])
def test_no_file_can_have_a_name_that_leads_out(small: Path, name: str) -> None:
    with pytest.raises(BadInput):
        Stage(small.parent / "other").add(name, b"")
    if name:
        with zipfile.ZipFile(small, "a") as archive:
            archive.writestr(name, b"x")
        (fault,) = verify.verify(str(small))["faults"]
        assert "no name that a bundle has" in fault


def test_a_link_a_name_twice_and_a_file_from_outside_are_faults(small: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    for entry, told in (
        (link, "link: is a link"),
        ("notes.txt", "notes.txt: is in the zip twice"),
        ("new", "new: is not"),
    ):
        copy = io.BytesIO(small.read_bytes())
        with warnings.catch_warnings(), zipfile.ZipFile(copy, "a") as archive:
            warnings.simplefilter("ignore")  # zipfile itself finds a second file of a name odd
            archive.writestr(entry, b"/etc/passwd")
        (small.parent / "copy.zip").write_bytes(copy.getvalue())
        assert [f for f in verify.verify(str(small.parent / "copy.zip"))["faults"] if told in f]


def test_a_file_that_unpacks_to_more_than_was_sealed_is_not_read_to_its_end(small: Path) -> None:
    bomb = small.parent / "bomb.zip"
    with zipfile.ZipFile(small) as old, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, b"\0" * (200 << 20) if name == "notes.txt" else old.read(name))
    command = [sys.executable, "-I", verify.__file__, str(bomb)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, "notes.txt: has 209715200 bytes" in done.stdout) == (1, True), done.stdout


@pytest.mark.parametrize("cut", [0, 10, 200, -30, -1])
def test_a_cut_zip_is_a_fault_and_no_traceback(small: Path, cut: int) -> None:
    part = small.parent / "part.zip"
    part.write_bytes(small.read_bytes()[:cut])
    done = subprocess.run(
        [sys.executable, "-I", verify.__file__, str(part)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr, "FAULT" in done.stdout) == (1, "", True)


def test_every_byte_of_the_zip_that_matters_is_noticed(small: Path) -> None:
    whole, unseen = small.read_bytes(), 0
    for place in range(0, len(whole), 5):
        (small.parent / "one.zip").write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        unseen += not verify.verify(str(small.parent / "one.zip"))["faults"]
    # Times, versions and permissions in the zip's own headers are not evidence; the files' bytes all are.
    assert unseen < len(whole) / 5 * 0.5


def test_there_is_a_bundle_of_every_released_form() -> None:
    assert {verify.verify(str(path))["format"] for path in RELEASED} == set(verify.FORMATS)


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_a_released_bundle_verifies_and_recomputes_for_ever(path: Path) -> None:
    assert path.stat().st_size < 200_000
    assert verify.verify(str(path))["faults"] == []
    found = recompute(path)
    assert found.doctored == ()
    assert (found.reread, found.recorded) == (16, 16)
