"""A licence's key and the processing module of a service, from the shell."""

import pytest

from models.catalogue import ProcessingModule
from models.enums import ModuleKind
from tests.cli.shell import Shell
from tests.flow.shop import Shop


@pytest.mark.proof
async def test_a_key_is_read_and_a_service_given_away_from_the_shell(shop: Shop, shop_shell: Shell) -> None:
    resell = shop_shell.resell
    async with shop.database.write() as session:
        session.add(ProcessingModule(name="hands", kind=ModuleKind.MANUAL, product_type="soft", department="support"))
    order = ["order", "LIC-1", "--customer", "jane", "--period", 1, "--param", "ip=192.0.2.1", "--wait"]
    (await resell(*order)).done()
    key = (await resell("services", "licence-key", 1)).done().out.strip()
    [item] = await shop.upstream.items()
    assert key == item["lickey"]
    (await resell("change", 1, "--new-licence-key", "--wait")).done()
    another = (await resell("services", "licence-key", 1, "--json")).done().json
    assert another == {"service": 1, "licence_key": (await shop.upstream.items())[0]["lickey"]}
    assert another["licence_key"] != key
    given = await resell("services", "set-module", 1, "hands", "--reason", "their panel is away")
    assert given.done().lines == ["service 1 now belongs to processing module hands"]
    again = await resell("services", "set-module", 1, "hands", "--reason", "still", "--as", "olga")
    assert again.done().lines == ["service 1 already belongs to processing module hands"]
    assert (await resell("services", "show", 1, "--json")).json["processing_module"] == "hands"
    shown = (await resell("services", "history", 1)).done().out
    assert "module_set" in shown
    assert "their panel is away" in shown
    (await resell("services", "set-module", 1, "main-vds", "--reason", "no")).failed("is for a vds")
    (await resell("services", "licence-key", 99)).failed("there is no service 99")
    (await resell("services", "hand-over", 1, "--to", "nobody", "--reason", "no")).failed("no storefront token named")
    kept = (await resell("services", "hand-over", 1, "--reason", "theirs")).done().lines
    assert kept == ["service 1 already belongs to the operators"], "what the shell orders is no shop's"
