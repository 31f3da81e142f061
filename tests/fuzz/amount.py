"""What the fuzzers try: little and always the same in `make test`, much and each time something else in `make fuzz`."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from hypothesis import Phase, settings

FACTOR = int(os.environ.get("RESELL_TEST_FUZZ", "1"))
"""So many times what `make test` tries."""
SEED = int(os.environ.get("RESELL_TEST_FUZZ_SEED", "0"))
"""Of what is drawn here; hypothesis takes its own from `--hypothesis-seed`."""
LONGEST_SECONDS = 1.0


def drawn(name: str) -> Random:
    """Where a test draws from; each of its own, so that no test changes what another one tries."""
    return Random(f"{SEED} {name}")  # noqa: S311


def tries(number: int) -> settings:
    """Settings of hypothesis: `number` examples in `make test`."""
    return settings(
        max_examples=number * FACTOR,
        derandomize=FACTOR == 1,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )


@contextmanager
def at_once() -> Iterator[None]:
    """What is done in here takes no second of this thread's processor."""
    began = time.thread_time()
    try:
        yield
    finally:
        taken = time.thread_time() - began
        assert taken < LONGEST_SECONDS, f"it took {taken:.1f} s"
