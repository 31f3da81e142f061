"""The decorator that makes a test of a story: it runs beside the others, and its test waits for its end."""

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

TEST_TIMEOUT = 900
"""A test waits for its story, and a story for its turn; so a test may take as long as all stories. How long a story may
take is said by the rehearsal. The test's own time limit would end whatever story happens to be told in that moment."""


def story(tale: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """The tale gets the rehearsal and the test's own parameters, one of which may be the `profile`."""
    return _test_of(tale, troubling=False)


def troubling_story(tale: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """One that troubles a whole panel: it has it for itself, when the other stories are over."""
    return _test_of(tale, troubling=True)


def at_panels(*profiles: str) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Awaitable[None]]]:
    """Says which shared panels a tale needs, besides that of its parameter `profile`. Written below `story`."""

    def says(tale: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        tale.profiles = profiles  # type: ignore[attr-defined]
        return tale

    return says


def _test_of(tale: Callable[..., Awaitable[None]], *, troubling: bool) -> Callable[..., Awaitable[None]]:
    names = list(inspect.signature(tale).parameters)[1:]

    async def test(told: Callable[[], Awaitable[None]], **_: Any) -> None:
        await told()

    functools.update_wrapper(test, tale)
    del test.__wrapped__  # type: ignore[attr-defined]
    keyword = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names]
    told = inspect.Parameter("told", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    test.__signature__ = inspect.Signature([told, *keyword])  # type: ignore[attr-defined]
    test.troubling = troubling  # type: ignore[attr-defined]
    test.profiles = getattr(tale, "profiles", ())  # type: ignore[attr-defined]
    test.tale = tale  # type: ignore[attr-defined]
    return pytest.mark.timeout(TEST_TIMEOUT)(test)  # type: ignore[no-any-return]
