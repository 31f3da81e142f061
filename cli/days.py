"""Days as options of commands."""

from datetime import date
from typing import Any

import typer


def day(about: str) -> Any:
    """An option that takes a day and gives a `date`."""
    return typer.Option(parser=_read, metavar="DATE", help=about)


def _read(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no day. 2026-11-28 is right") from None
