"""The watch over the history of services (`tests.infrastructure.history`) sees what is changed without an entry."""

import pytest

from models.database import Database
from models.order import Service
from orders.services.history import Origin, change_entry, changing
from tests.infrastructure import history
from tests.infrastructure.processes import PROJECT
from tests.orders.test_owners import add_service


@pytest.mark.parametrize(
    ("statement", "told", "found"),
    [
        ("service.ip = '192.0.2.9'", False, ["ip"]),
        ("service.addons = {'ram': 4}", False, ["addons.ram"]),
        ("service.cost_amount, service.cost_currency = None, None", False, []),
        ("service.ip = '192.0.2.9'", True, []),
    ],
    ids=["a-value", "an-addon", "as-it-was", "told"],
)
async def test_what_product_code_changes_has_its_entry(
    shelf: Database, statement: str, told: bool, found: list[str]
) -> None:
    number = await add_service(shelf, "17")
    code = compile(statement, str(PROJECT / "orders" / "somewhere.py"), "exec")
    async with shelf.write() as session:
        service = await session.get_one(Service, number)
        if told:
            async with changing(session, service, Origin("joe", "changed")):
                exec(code, {"service": service})  # noqa: S102 - stands for code of the product
        else:
            exec(code, {"service": service})  # noqa: S102 - stands for code of the product
    assert [one.partition(" ")[0] for one in history.missing()] == found


async def test_what_a_test_sets_is_its_own(shelf: Database) -> None:
    number = await add_service(shelf, "17")
    async with shelf.write() as session:
        (await session.get_one(Service, number)).ip = "192.0.2.9"
    assert history.missing() == []


async def test_an_entry_of_another_session_does_not_hide_a_change(shelf: Database) -> None:
    """Two installations in one process have services of the same number."""
    number = await add_service(shelf, "17")
    code = compile("service.ip = '192.0.2.9'", str(PROJECT / "orders" / "somewhere.py"), "exec")
    async with shelf.read() as other, shelf.write() as session:
        service = await session.get_one(Service, number)
        exec(code, {"service": service})  # noqa: S102 - stands for code of the product
        other.add(change_entry(service, Origin("joe", "changed"), {"ip": ("", "192.0.2.9")}))
        other.expunge_all()
    assert [one.partition(" ")[0] for one in history.missing()] == ["ip"]


async def test_a_test_that_begins_meanwhile_takes_no_entry_away(shelf: Database) -> None:
    """Stories of several tests run side by side: one may begin in the middle of another one's transaction."""
    number = await add_service(shelf, "17")
    code = compile("service.ip = '192.0.2.9'", str(PROJECT / "orders" / "somewhere.py"), "exec")
    async with shelf.write() as session:
        service = await session.get_one(Service, number)
        async with changing(session, service, Origin("joe", "changed")):
            exec(code, {"service": service})  # noqa: S102 - stands for code of the product
        history.begin()
    assert history.missing() == []
