"""One line for each record: its fields, as JSON or as text, and no secret in it."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import ValidationError

from settings import Settings
from telemetry import logs, secrecy
from telemetry.fields import with_fields
from telemetry.logs import LogFormat, LogLevel, configure
from telemetry.secrecy import REPLACED, keep_out
from tests.infrastructure.leaks import leaks_on_purpose

log = logging.getLogger("orders.of.this.test")
library = logging.getLogger("a_library.of.this.test")


@pytest.fixture(autouse=True)
def _put_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The loggers of this process as they were, and what is kept out of lines."""
    monkeypatch.setattr(secrecy, "_kept_out", frozenset())
    names = [None, *logs.OURS, *logs._TOO_TALKATIVE]
    levels = {name: logging.getLogger(name).level for name in names}
    handlers = logging.root.handlers[:]
    for one in handlers:
        logging.root.removeHandler(one)
    with leaks_on_purpose():
        yield
    for one in logging.root.handlers[:]:
        logging.root.removeHandler(one)
    for one in handlers:
        logging.root.addHandler(one)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


class Written(io.StringIO):
    is_terminal = False

    def isatty(self) -> bool:
        return self.is_terminal

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@contextmanager
def writing(level: LogLevel = LogLevel.INFO, log_format: LogFormat = LogFormat.JSON) -> Iterator[Written]:
    written = Written()
    configure(level, log_format, written)
    yield written


def test_a_line_has_what_is_bound_and_what_the_record_brings() -> None:
    with writing() as written, with_fields(request="r-1", operation=7):
        log.info("call %s", "vds", extra={"ms": 12, "something_else": "x"})
        with with_fields(request="r-2", service=None):
            log.warning("наоборот\nзавтра")
    with with_fields(operation=8):
        pass
    first, second = written.lines
    assert first.items() >= {"level": "info", "logger": log.name, "message": "call vds", "request": "r-1"}.items()
    assert (first["operation"], first["ms"], first["time"][-1]) == (7, 12, "Z")
    assert "something_else" not in first
    assert (second["request"], second["operation"], second["message"]) == ("r-2", 7, "наоборот\nзавтра")
    assert "service" not in second
    assert "завтра" in written.getvalue(), "people search for words as they write them"


def test_an_error_is_one_line_with_its_stack() -> None:
    with writing() as written:
        try:
            raise ValueError("password=hunter22")
        except ValueError:
            log.exception("it broke")
    [line] = written.lines
    assert "ValueError: password=‹secret›" in line["exception"]
    assert "test_lines.py" in line["exception"]


def test_a_warning_of_python_is_a_line_too_and_without_secrets() -> None:
    """Libraries give them while they are imported. Otherwise they would be text among lines of JSON."""
    logging.captureWarnings(False)  # pytest has put its own in the place of what an earlier test captured
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with writing() as written:
            warnings.warn("old\npassword=hunter22", DeprecationWarning, stacklevel=1)
    [line] = written.lines
    assert (line["level"], line["logger"]) == ("warning", "py.warnings")
    assert "DeprecationWarning: old\npassword=‹secret›" in line["message"]


@pytest.mark.parametrize(
    ("log_format", "is_terminal", "is_text"),
    [
        (LogFormat.AUTO, True, True),
        (LogFormat.AUTO, False, False),
        (LogFormat.TEXT, False, True),
        (LogFormat.JSON, True, False),
    ],
)
def test_text_is_for_terminals(log_format: LogFormat, is_terminal: bool, is_text: bool) -> None:
    written = Written()
    written.is_terminal = is_terminal
    configure(LogLevel.INFO, log_format, written)
    with with_fields(request="r-1"):
        log.info("said", extra={"status": 200})
    line = written.getvalue()
    assert line.endswith(f"INFO {log.name}: said [request=r-1]\n") is is_text
    assert line.startswith("{") is not is_text


def test_debug_shows_ours_and_no_more_of_libraries() -> None:
    """Below INFO libraries show statements with their values, and requests with their heads."""
    with writing(LogLevel.DEBUG) as written:
        log.debug("ours")
        library.debug("theirs")
        library.info("theirs")
        logging.getLogger("httpx").info("GET http://host/?q")
    assert [(line["level"], line["message"]) for line in written.lines] == [("debug", "ours"), ("info", "theirs")]


def test_warning_hides_what_is_less() -> None:
    with writing(LogLevel.WARNING) as written:
        log.info("ours")
        library.info("theirs")
        log.warning("ours")
    assert [line["message"] for line in written.lines] == ["ours"]


@pytest.mark.parametrize(
    "leak",
    [
        "authinfo=reseller:HUNTER-22",
        "auth=HUNTER-22",
        "{'password': 'HUNTER-22'}",
        'token="HUNTER-22"',
        "Authorization: Bearer HUNTER-22",
        "whsec_SFVOVEVSLTIy",
        "postgresql://resell:HUNTER-22@host/db",
        "the value in a sentence is kept-out-HUNTER-22",
    ],
)
@pytest.mark.parametrize("log_format", [LogFormat.JSON, LogFormat.TEXT])
def test_no_line_has_a_secret(leak: str, log_format: LogFormat) -> None:
    keep_out("kept-out-HUNTER-22")
    with writing(log_format=log_format) as written:
        log.info("it said: %s", leak)
        try:
            raise ValueError(leak)
        except ValueError:
            log.exception("broken")
        with with_fields(request=leak):
            log.info("its request")
    assert "HUNTER-22" not in written.getvalue()
    assert "SFVOVEVS" not in written.getvalue()
    assert written.getvalue().count(REPLACED) >= 3


def test_ordinary_words_stay() -> None:
    keep_out("short", "")
    said = "a short token of shop is not right: see RESELL_STOREFRONT_TOKENS; http://127.0.0.1:8080/v1?x=1 a@b"
    with writing() as written:
        log.info(said)
    assert written.lines[0]["message"] == said


def test_the_settings_have_their_secrets_kept_out(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    url = "postgresql://resell:word-of-database@host/db"
    settings = Settings(
        database_url=url,
        storefront_tokens={"shop": ("token-of-shop",)},
        operator_tokens={"anna": ("token-of-anna",)},
        codec_token="c" * 32,
        log_format=LogFormat.JSON,
    )
    settings.configure_logging()
    log.info("word-of-database token-of-shop token-of-anna %s", "c" * 32)
    [line] = capsys.readouterr().err.splitlines()
    assert json.loads(line)["message"] == " ".join([REPLACED] * 4)


def test_settings_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESELL_LOG_LEVEL", "WARNING")
    monkeypatch.setenv("RESELL_LOG_FORMAT", " Text")
    assert (Settings().log_level, Settings().log_format) == (LogLevel.WARNING, LogFormat.TEXT)
    monkeypatch.setenv("RESELL_LOG_LEVEL", "loud")
    with pytest.raises(ValidationError, match=r"log_level\n.*'debug', 'info', 'warning' or 'error'"):
        Settings()
