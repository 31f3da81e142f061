"""Ends pytest the way every process that used the Temporal SDK must end (see `process_exit`).

Last of all, when the summary is printed and reports are written: the exit status is the session's. Where there was no
session, or the command line was wrong and pytest has yet to say so, nothing used the SDK and pytest ends normally.
"""

import pytest

import process_exit

_session = pytest.StashKey[pytest.Session]()


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[_session] = session


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    session = config.stash.get(_session, None)
    if session is None or session.exitstatus == pytest.ExitCode.USAGE_ERROR:
        return
    process_exit.leave(int(session.exitstatus))
