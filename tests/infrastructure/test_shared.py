"""What the processes of a run share."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

from tests.infrastructure.shared import made_once


def test_what_many_ask_for_at_once_is_made_once_and_seen_when_it_is_whole(tmp_path: Path) -> None:
    process: Any = SimpleNamespace(workerinput={"shared": {"directory": str(tmp_path)}})
    made: list[Path] = []
    second = Event()

    def make(file: Path) -> None:
        made.append(file)
        if len(made) > 1:
            second.set()
        assert not second.wait(0.3), "somebody else makes it meanwhile"
        file.write_text("whole")

    with ThreadPoolExecutor(8) as many:
        found = list(many.map(lambda _: made_once(process, "thing.txt", make), range(8)))
    assert found == [tmp_path / "thing.txt"] * 8
    assert len(made) == 1
    assert made[0] != found[0], "it has its name when it is whole"


def test_a_process_alone_shares_nothing(tmp_path: Path) -> None:
    alone: Any = SimpleNamespace()
    assert made_once(alone, "thing.txt", lambda file: file.touch()) is None
