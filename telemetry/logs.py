"""The log of a process: one line on standard error for each record, whoever writes it, as JSON or as text.

Everything goes through Python's logging: our own lines, and those of uvicorn, alembic and the Temporal SDK. structlog
makes the line. Each has the fields that are bound (`telemetry.fields`) and those of the record itself. What is
called a password or a token by its place, or is known as one, is replaced.
"""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, TextIO, TypeVar

from telemetry import tracing
from telemetry.fields import bound
from telemetry.secrecy import without_secrets

if TYPE_CHECKING:
    from structlog.typing import EventDict

FIELDS = frozenset({"request", "operation", "service", "upstream", "method", "path", "status", "ms", "client"})
"""Fields that a record may bring by `extra`. Others, as the Temporal SDK has them, are left out."""
_MASKED = {"message", "exception", "request", "path"}
"""Where words of others may stand."""
_SAID = frozenset({"method", "path", "status", "ms", "client"})
"""Fields that the message says, too: left out of a line for people."""
OURS = (
    *("activities", "catalogue", "cli", "metrics", "models", "orders", "payloads", "simulator", "stack", "starter"),
    *("storefront", "telemetry", "temporal", "upstreams", "worker", "workflows"),
)
"""Loggers that follow the setting below INFO, too. Those of libraries don't: they would show what they send."""
_TOO_TALKATIVE = ("httpx", "httpcore")
"""Their lines show addresses with whatever stands in them."""


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    AUTO = "auto"
    """Text on a terminal, JSON elsewhere."""
    JSON = "json"
    TEXT = "text"


W = TypeVar("W", bound=StrEnum)


class WrongVariable(Exception):
    """A variable of the log has a value that it can't have, in words."""


def configure_by_variables(*, plain: bool = False) -> None:
    """For the programs beside the product, which read no other setting: RESELL_LOG_LEVEL and RESELL_LOG_FORMAT. Raises
    WrongVariable.

    `plain`: lines of text are the message alone, for a program whose lines people read while it runs.
    """
    level = _word("RESELL_LOG_LEVEL", LogLevel, LogLevel.INFO)
    _write(level, _word("RESELL_LOG_FORMAT", LogFormat, LogFormat.AUTO), plain=plain)


def _word(name: str, words: type[W], default: W) -> W:
    try:
        return words((os.environ.get(name) or default).strip().lower())
    except ValueError:
        raise WrongVariable(f"{name}: one of {', '.join(words)} is right") from None


def configure(level: LogLevel, log_format: LogFormat, stream: TextIO | None = None) -> None:
    """Let everything that is logged in this process go to `stream` (default: standard error)."""
    _write(level, log_format, stream)
    _leave_out_what_is_bound()


def _write(level: LogLevel, log_format: LogFormat, stream: TextIO | None = None, *, plain: bool = False) -> None:
    stream = stream or sys.stderr
    is_text = log_format is LogFormat.TEXT or (log_format is LogFormat.AUTO and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s") if is_text and plain else formatter(is_text=is_text))
    chosen = logging.getLevelNamesMapping()[level.name]
    logging.basicConfig(level=max(chosen, logging.INFO), handlers=[handler], force=True)
    logging.captureWarnings(True)  # Python would write its warnings as text, with whatever stands in them
    for name in OURS:
        logging.getLogger(name).setLevel(chosen)
    for name in _TOO_TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def _leave_out_what_is_bound() -> None:
    """The Temporal SDK would end each message with the numbers that the line has as fields."""
    from temporalio import activity, workflow

    activity.logger.activity_info_on_message = False
    workflow.logger.workflow_info_on_message = False


def formatter(*, is_text: bool) -> logging.Formatter:
    """Makes the line of a record."""
    import structlog  # only where lines are written: most commands of `resell` write none

    as_json = structlog.processors.JSONRenderer(serializer=partial(json.dumps, ensure_ascii=False, default=str))
    written = _as_text if is_text else as_json
    return structlog.stdlib.ProcessorFormatter(
        processors=[_fields, structlog.processors.format_exc_info, _masked, written]
    )


def _fields(_: object, __: str, event: "EventDict") -> "EventDict":
    record: logging.LogRecord = event["_record"]
    line: EventDict = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": event["event"],
        **bound(),
        **({"trace": trace} if (trace := tracing.trace_id()) else {}),
        **{name: value for name in FIELDS if (value := record.__dict__.get(name)) is not None},
    }
    if event.get("exc_info"):
        line["exc_info"] = event["exc_info"]
    return line


def _as_text(_: object, __: str, line: "EventDict") -> str:
    time, level, logger, message = (line.pop(name) for name in ("time", "level", "logger", "message"))
    exception = line.pop("exception", "")
    told = " ".join(f"{name}={value}" for name, value in line.items() if name not in _SAID)
    whole = f"{time} {str(level).upper()} {logger}: {message}" + (f" [{told}]" if told else "")
    return f"{whole}\n{exception}" if exception else whole


def _masked(_: object, __: str, line: "EventDict") -> "EventDict":
    for name in _MASKED & line.keys():
        line[name] = without_secrets(str(line[name]))
    return line
