"""Runs things at the same time. The first failure ends the others and is raised without a group."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")


async def at_once(count: int, concurrency: int, one: Callable[[int], Awaitable[T]]) -> list[T]:
    """A closed loop: `one(0)` to `one(count - 1)`, the next when one has ended; the results in this order."""
    results: dict[int, T] = {}
    numbers = iter(range(count))

    async def lane() -> None:
        for number in numbers:
            results[number] = await one(number)

    await together(*(lane() for _ in range(min(count, concurrency))))
    return [results[number] for number in range(count)]


async def together(*work: Coroutine[object, object, None]) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except* Exception as failures:
        raise failures.exceptions[0] from None
