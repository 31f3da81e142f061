"""The sample catalogue is written at every start, and never over what somebody has edited."""

from pathlib import Path

import pytest

from stack.catalogue import write

VALUES = {"username": "reseller", "currency": "EUR"}
HERE, ELSEWHERE = "http://127.0.0.1:1500", "http://127.0.0.1:1600"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    assert write(tmp_path, HERE, VALUES) == ""
    return tmp_path / "catalogue.toml"


def test_it_says_what_an_owner_may_do_with_it_and_not_how_the_sample_is_filled_in(file: Path) -> None:
    written = file.read_text(encoding="utf-8")

    assert "# It is yours to edit: it is loaded at the next start, and an edited one is never written over." in written
    assert "filled in" not in written
    assert "dollar" not in written


def test_what_nobody_edited_follows_the_stack_s_ports(file: Path) -> None:
    assert write(file.parent, ELSEWHERE, VALUES) == ""

    assert f'url = "{ELSEWHERE}/billmgr"' in file.read_text(encoding="utf-8")
    (file.parent / "catalogue.sha256").unlink()  # as an older stack left it
    assert write(file.parent, HERE, VALUES) == ""
    assert f'url = "{HERE}/billmgr"' in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("edit", ["# mine\n", "\n", "\xa0", "№ 1"])
def test_what_was_edited_stays_byte_for_byte(file: Path, edit: str, marked: bool) -> None:
    edited = file.read_bytes() + edit.encode("utf-8" if "№" in edit else "latin-1")
    file.write_bytes(edited)
    if not marked:
        (file.parent / "catalogue.sha256").unlink()

    for _ in range(2):
        told = write(file.parent, HERE, VALUES)

        assert told.startswith("  catalogue.toml was edited: it stays as it is")
        assert "simulator" not in told
        assert file.read_bytes() == edited


def test_one_that_names_another_simulator_is_told_apart(file: Path) -> None:
    file.write_text(file.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")

    told = write(file.parent, ELSEWHERE, VALUES)

    assert f"It names {HERE}; this stack's simulator is at {ELSEWHERE}." in told
    file.unlink()
    assert write(file.parent, ELSEWHERE, VALUES) == ""
    assert ELSEWHERE in file.read_text(encoding="utf-8")
