"""A new product type is a line among the types and a tariff: a copy of the simulator gets these two, and sells it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infrastructure.processes import PROJECT
from tests.simulator.running import ORDER, Simulator

TYPE = '    STORAGE = "storage", "Storage", Family.HOSTING, Trait.COMMON'
TARIFF = """        Pricelist(
            id=900, type=ItemType.STORAGE, name="S", description="S", prices=_monthly("3", "30"), datacenters=[1]
        ),"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The simulator in links, but for these two files."""
    for file in [PROJECT / "program_version.py", *(PROJECT / "simulator").rglob("*.py")]:
        copy = tmp_path / file.relative_to(PROJECT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.symlink_to(file)
    put(tmp_path / "simulator/itemtypes.py", before='    VDS = "vds"', line=TYPE)
    put(tmp_path / "simulator/tariffs.py", before="        Pricelist(\n            id=58,", line=TARIFF)
    return tmp_path


def put(file: Path, *, before: str, line: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1
    file.unlink()
    file.write_text(text.replace(before, f"{line}\n{before}"), encoding="utf-8")


@pytest.fixture
def simulator(tree: Path) -> Iterator[Simulator]:
    running = Simulator(tree=tree)
    yield running
    running.close()


def test_it_is_in_the_menu_and_is_ordered_listed_read_and_suspended(simulator: Simulator) -> None:
    simulator.set(opening_delay=0, operation_delay=0)
    order = {**ORDER, "pricelist": "900", "autoprolong": "off", "domain": "files.shop.example"}
    number = simulator.xml("v2.storage.order.param", order).findtext("item.id") or ""
    assert simulator.charges()[0]["amount"] == "3.00"
    assert simulator.rows("storage")[0]["status"] == "2"
    assert simulator.xml("storage.edit", elid=number).findtext("nameserver1") == "ns1.upstream.example"
    assert "Storage" in {node.get("title") for node in simulator.xml("menu").iter("node")}
    simulator.xml("storage.suspend", elid=number)
    assert simulator.rows("storage")[0]["status"] == "3"
