"""Files that take long start first: one that starts last keeps a processor busy alone.

How long each takes is written down in `seconds.json`, for `make test` and for `make proof`. With `ARGS=--weigh` they
measure it anew. A file that is not in it is taken for a short one. No test depends on this order.
"""

import json
from collections import defaultdict
from pathlib import Path

import pytest

WEIGHTS = Path(__file__).with_name("seconds.json")
WORTH_A_LINE = 1.0

_weighed = pytest.StashKey[defaultdict[str, float]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--weigh", action="store_true", help=f"write how long each file takes to {WEIGHTS.name}")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_weighed] = defaultdict(float)
    if config.getoption("--weigh") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Scales(config.stash[_weighed], config.option.markexpr))


def _known() -> dict[str, dict[str, float]]:
    """Of each choice of tests, the seconds of each file."""
    known: dict[str, dict[str, float]] = json.loads(WEIGHTS.read_text())
    return known


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seconds = _known().get(config.option.markexpr, {})
    items.sort(key=lambda item: -seconds.get(item.nodeid.partition("::")[0], 0.0))


class _Scales:
    def __init__(self, weighed: defaultdict[str, float], chosen: str) -> None:
        self._weighed = weighed
        self._chosen = chosen

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._weighed[report.nodeid.partition("::")[0]] += report.duration

    def pytest_sessionfinish(self) -> None:
        heavy = {file: round(taken) for file, taken in self._weighed.items() if taken >= WORTH_A_LINE}
        in_order = sorted(heavy.items(), key=lambda entry: (-entry[1], entry[0]))
        WEIGHTS.write_text(json.dumps(_known() | {self._chosen: dict(in_order)}, indent=1) + "\n")
