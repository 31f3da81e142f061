"""On which databases `make test` runs a test that there is for both: on SQLite; on PostgreSQL, too, if it is marked.

Most of these tests are about a rule that is the same on both. Their copies on PostgreSQL are long stories (`proof`),
which `make proof` runs. A file or a test whose statements, locks or outages differ is marked `dialects`. A test that
chooses its databases by itself is left alone.
"""

import pytest

CHOICES = ("database_url", "migrated_database_url")
"""The fixtures that there are twice."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_a_second_copy(item) and item.get_closest_marker("dialects") is None:
            item.add_marker(pytest.mark.proof)


def _is_a_second_copy(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return False
    by_itself = {name for mark in item.iter_markers("parametrize") for name in _names(mark.args[0])}
    given = item.callspec.params
    return any(given.get(name) == "postgresql" and name not in by_itself for name in CHOICES)


def _names(named: str | list[str] | tuple[str, ...]) -> list[str]:
    return [name.strip() for name in named.split(",")] if isinstance(named, str) else [*named]
