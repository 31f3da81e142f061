"""Fails a test in which a secret comes into a log.

Problem: a password in a log is read by people and by programs that it was never for, and nobody notices.

Mechanism: every record that is logged in this process is looked at as it was given, before the product's own masks; so
is every line that a program of a test writes, and at the end every log file that the run has left. What a command
prints for the person who called it is no log. The secrets are those that the tests use; each kind has a pattern.
"""

import logging
import re
import traceback
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

PASSWORD = "pass-of-reseller-in-tests"
"""Of our account at the simulator."""
_HEX = "0-9a-f"
SECRETS = {
    "a password of an upstream": re.compile(rf"{PASSWORD}|hunter22|n3w pa&ss|pa:ss&wörd=1|sec:ret|reseller:(?=\S)"),
    "credentials of a call": re.compile(
        r"\b(authinfo|password|passwd)[\"']?\s?[=:]\s?(?!\1\b)[\"']?(?![‹*…\"'])\w"
    ),  # `"authinfo": authinfo` is a line of our code, in a stack
    "a session of an upstream": re.compile(rf"\bauth(?: id)?[\"']?\s?[=:]\s?[\"']?[{_HEX}]{{12}}\b"),
    "a token": re.compile(
        r"\b(?:shop|rival|operator|colleague)-token\b|shops-own-token|s3cr?3?t-s3c|bearer (?![‹*…])\S{16,}",
        re.IGNORECASE,
    ),
    "a secret of a webhook": re.compile(r"\bwhsec_[A-Za-z0-9+/]{8,}"),
    "a key": re.compile(r"(?<![\w+/=])[A-Za-z0-9+/]{43}=(?![\w=])"),
    "a password of a database": re.compile(r"\w://[^\s/@:\"'‹]*:(?![‹*…])[^\s/@\"'‹]+@"),
}
PRINTS_FOR_PEOPLE = ("resell", "pytest")
"""Programs whose output is not a log, by the beginning of their names."""

_found: list[str] = []
_allowed = 0
_all_of_run = pytest.StashKey[list[str]]()


@contextmanager
def leaks_on_purpose() -> Iterator[None]:
    """For tests of what keeps secrets out of lines."""
    global _allowed
    _allowed += 1
    try:
        yield
    finally:
        _allowed -= 1


def secrets_in(text: str) -> list[str]:
    """Kinds of secrets in it, each with the words around it; the values, too: a test's are known to everybody."""
    found = []
    for kind, pattern in SECRETS.items():
        if one := pattern.search(text):
            found.append(f"{kind}: …{text[max(one.start() - 120, 0) : one.end() + 40]}…")
    return found


def look_at(text: str, where: str) -> None:
    """Remember it if a secret is in it. Safe to use from threads."""
    if not _allowed:
        _found.extend(f"{where}: {one}" for one in secrets_in(text))


def _look_at_record(record: logging.LogRecord) -> None:
    text = record.getMessage()
    if record.exc_info and record.exc_info[0]:
        text += "\n" + "".join(traceback.format_exception(*record.exc_info))
    look_at(text, f"log of this process, {record.name}")


def pytest_configure(config: pytest.Config) -> None:
    """Levels below INFO are nobody's log by default; above it everything is made, so that it can be looked at."""
    handle = logging.Logger.handle

    def looked_at(self: logging.Logger, record: logging.LogRecord) -> None:
        _look_at_record(record)
        handle(self, record)

    logging.Logger.handle = looked_at  # type: ignore[method-assign]
    config.add_cleanup(lambda: setattr(logging.Logger, "handle", handle))
    logging.getLogger().setLevel(logging.INFO)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    try:
        return (yield)
    finally:
        if _found:
            words = "\n".join(dict.fromkeys(_found))
            _found.clear()
            pytest.fail(f"a secret came into a log:\n{words}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """What was written after the last test, and the files that are left."""
    try:
        return (yield)
    finally:
        factory = getattr(session.config, "_tmp_path_factory", None)
        basetemp = getattr(factory, "_basetemp", None)
        for file in basetemp.rglob("*.log*") if basetemp is not None else ():
            if file.is_file():
                look_at(file.read_text(errors="replace"), str(file.relative_to(basetemp)))
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["leaks"] = list(_found)
        else:
            _end(session.config, _found)
            if session.config.stash[_all_of_run]:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object, error: object) -> None:
    """A process of xdist has ended."""
    _end(node.config, getattr(node, "workeroutput", {}).get("leaks", []))  # type: ignore[attr-defined]


def _end(config: pytest.Config, found: list[str]) -> None:
    config.stash.setdefault(_all_of_run, []).extend(found)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if found := config.stash.get(_all_of_run, None):
        terminalreporter.section("secrets came into logs", red=True)
        for one in found:
            terminalreporter.line(one)
