"""The key file: what is right, and what is refused in a sentence that never prints a key."""

import base64
import sys
from pathlib import Path

import pytest

from cli.failures import in_words
from payloads.keyfile import LARGEST_FILE, KeyFileError, read_key_file
from tests.infrastructure.processes import Program
from tests.payloads.conftest import KeyFile, key_line

SECRET = base64.b64encode(b"k" * 31).decode()
"""A byte too short."""


def test_the_first_key_encrypts_and_all_of_them_are_known(key_file: KeyFile) -> None:
    keyring = read_key_file(key_file("# made by anna", "", key_line("2026-11", 1), f"  {key_line('old', 2)}  "))

    assert keyring.current == "2026-11"
    assert keyring.keys == {"2026-11": b"\1" * 32, "old": b"\2" * 32}
    assert "\\x01" not in repr(keyring)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "holds no key"),
        (["# only this"], "holds no key"),
        ([SECRET], "line 1 .* two words"),
        ([f"a {SECRET}"], "line 1 .* has 31 bytes and not 32"),
        ([f"a {SECRET[:-3]}"], "line 1 .* not Base64"),
        ([f"a/b {SECRET}"], "line 1 .* begins with no id"),
        ([key_line("a"), f"{'a' * 65} {SECRET}"], "line 2 .* begins with no id"),
        ([key_line("a", 1), key_line("a", 2)], "line 2 .* a line before it has"),
        ([key_line("a", 1), key_line("b", 1)], "line 2 .* a line before it has"),
        ([f"ä {SECRET}"], "not plain text"),
        (["#" * LARGEST_FILE], "more than"),
    ],
)
def test_what_is_no_key_file_is_refused_and_never_printed(key_file: KeyFile, lines: list[str], said: str) -> None:
    with pytest.raises(KeyFileError, match=said) as refused:
        read_key_file(key_file(*lines))

    for word in " ".join(lines).split():
        assert len(word) < 16 or word not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"nothing\.keys can't be read: No such file") as refused:
        read_key_file(str(tmp_path / "nothing.keys"))

    assert in_words(refused.value) == f"RESELL_PAYLOAD_KEY_FILE: {refused.value}"


def test_a_worker_with_a_wrong_key_file_does_not_start(key_file: KeyFile) -> None:
    environment = {"RESELL_PAYLOAD_KEY_FILE": key_file(f"a {SECRET}")}
    with Program([sys.executable, "worker.py"], name="worker", env=environment, forked=True) as worker:
        assert worker.wait_for_exit() == 2

    assert "worker: RESELL_PAYLOAD_KEY_FILE: the key in line 1" in worker.output
    assert SECRET not in worker.output
    assert "Traceback" not in worker.output
