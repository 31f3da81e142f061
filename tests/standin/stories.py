"""The decorator that makes a test of a story: it runs beside the others, and its test waits for its end."""

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any


def story(tale: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """The tale gets the rehearsal and the test's own parameters, one of which may be the `profile`."""
    return _test_of(tale, troubling=False)


def troubling_story(tale: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """One that troubles a whole panel: it has it for itself, when the other stories are over."""
    return _test_of(tale, troubling=True)


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
    test.tale = tale  # type: ignore[attr-defined]
    return test
