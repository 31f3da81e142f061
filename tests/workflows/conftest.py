"""One bench for all tests of workflows, here and of their histories."""

import warnings
from collections.abc import Iterator

import pytest
from temporalio.workflow import UnfinishedSignalHandlersWarning, UnfinishedUpdateHandlersWarning

from tests.workflows.bench import bench

__all__ = ["bench"]

UNFINISHED = (UnfinishedUpdateHandlersWarning, UnfinishedSignalHandlersWarning)


@pytest.fixture(autouse=True)
def no_handler_is_left_unfinished() -> Iterator[None]:
    """A workflow that ends over an open update leaves a person without an answer: the SDK warns, the test fails."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UnfinishedUpdateHandlersWarning)
        warnings.simplefilter("always", UnfinishedSignalHandlersWarning)
        yield
    unfinished = [str(one.message) for one in caught if issubclass(one.category, UNFINISHED)]
    assert not unfinished, "\n".join(unfinished)
