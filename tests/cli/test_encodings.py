"""Commands on terminals, pipes and files that can't say every character."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import pytest

from cli.app import run
from cli.printing import print_json
from output_encoding import replace_unencodable
from tests.cli.shell import Shell
from tests.infrastructure.processes import PROJECT

each_encoding = pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "koi8-r", "utf-8"])


class Output:
    """Stdout in an encoding, as `resell` begins with it."""

    def __init__(self, encoding: str) -> None:
        self._written = io.BytesIO()
        self.stream = io.TextIOWrapper(self._written, encoding=encoding)

    @property
    def text(self) -> str:
        self.stream.flush()
        return self._written.getvalue().decode(self.stream.encoding)


@contextmanager
def speaking(encoding: str) -> Iterator[Output]:
    output = Output(encoding)
    with redirect_stdout(output.stream):
        replace_unencodable()
        yield output


@each_encoding
def test_what_can_not_be_said_is_said_plainly_or_as_its_number(encoding: str) -> None:
    with speaking(encoding) as output:
        print("сервер → ☃ \ud800 …\u00a0x")

    name = "сервер" if encoding in ("utf-8", "koi8-r") else r"\u0441\u0435\u0440\u0432\u0435\u0440"
    assert output.text.startswith(f"{name} {'→' if encoding == 'utf-8' else '->'} ")
    assert r"\ud800" in output.text
    assert ("☃" if encoding == "utf-8" else r"\u2603") in output.text


@each_encoding
def test_json_stays_json(encoding: str) -> None:
    value = {"name": "сервер → 😀", "half": "\ud83d"}
    with speaking(encoding) as output:
        print_json(value)

    assert json.loads(output.text) == value


def test_no_command_fails_for_what_it_can_not_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESELL_DATABASE_URL", f"sqlite:///{tmp_path / 'new.db'}")
    with speaking("ascii") as output:
        assert run(["migrate"]) == 0

    assert output.text.startswith("schema: (none) -> 0")


@pytest.mark.proof
async def test_resell_begins_so(shell: Shell, tmp_path: Path) -> None:
    # Really started, for the encoding is the interpreter's own business.
    narrow = Shell({"RESELL_DATABASE_URL": f"sqlite:///{tmp_path / 'new.db'}", "PYTHONIOENCODING": "ascii"})

    done = (await narrow.process("migrate", forked=False)).done()

    assert done.out.startswith("schema: (none) -> 0")


def test_nothing_is_written_past_the_stream() -> None:
    """typer.echo takes a stdout in ASCII for a mistake, and writes UTF-8 to it."""
    for file in sorted((PROJECT / "cli").glob("*.py")):
        assert "echo(" not in file.read_text(encoding="utf-8"), file.name
