"""Random stories of a reseller against the whole product; docs/testing.md says what is compared, and how to play more.

What a story has found becomes a test with a name, beside the code that it was about.
"""

import itertools
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.infrastructure.databases import Stock, copy_of
from tests.model.machine import Reseller

FACTOR = int(os.environ.get("RESELL_TEST_MODEL", "1"))
"""So many times what `make test` plays, and each time something else."""
STEPS = 25
FEW_STEPS = 12
"""Of each story in `make test`."""


def play(new_database: Callable[[ExitStack], str], stories: int, steps: int = STEPS) -> None:
    class Played(Reseller):
        pass

    Played.new_database = staticmethod(new_database)
    chosen = settings(
        max_examples=stories * FACTOR,
        stateful_step_count=steps,
        derandomize=FACTOR == 1,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(Played, settings=chosen)


@pytest.mark.timeout(300 * FACTOR)
def test_random_stories(migrated_sqlite_template: Path, tmp_path: Path) -> None:
    numbers = itertools.count(1)

    def new_database(_: ExitStack) -> str:
        directory = tmp_path / str(next(numbers))
        directory.mkdir()
        return copy_of(migrated_sqlite_template, directory)

    play(new_database, 2, STEPS if FACTOR > 1 else FEW_STEPS)


@pytest.mark.proof
@pytest.mark.timeout(300 * FACTOR)
def test_random_stories_on_postgresql(postgres_stock: Stock) -> None:
    play(lambda stack: stack.enter_context(postgres_stock.lent()), 6)
