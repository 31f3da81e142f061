"""The real worker, or the real API, with its SQL counted: `python -m benchmarks.counted FILE worker|resell ARGUMENTS…`.

On SIGUSR1 it writes what it has counted since its start to FILE, with how often it was asked. Nothing else is
different from `python worker.py ARGUMENTS…` or `resell ARGUMENTS…`: the counting listens, and costs about two
microseconds a statement.
"""

import os
import signal
import sys
from pathlib import Path

from pydantic import BaseModel

from benchmarks.statements import StatementCount, tallying


class Look(BaseModel):
    """`number` counts the looks; `tallies` by who asked."""

    number: int = 0
    tallies: dict[str, StatementCount] = {}


def read(file: Path) -> Look:
    """The latest look; an empty one where there has been none."""
    try:
        return Look.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return Look()


def main(file: Path, program: str, arguments: list[str]) -> None:
    looks = 0
    with tallying() as tallies:

        def write(_number: int, _frame: object) -> None:
            nonlocal looks
            looks += 1
            written = file.with_suffix(".new")
            written.write_text(Look(number=looks, tallies=tallies).model_dump_json())
            os.replace(written, file)

        signal.signal(signal.SIGUSR1, write)
        if program == "worker":
            import worker

            worker.main(arguments)
        else:
            import cli.app

            sys.argv = [program, *arguments]
            cli.app.main()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
