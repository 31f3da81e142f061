"""`resell plans`, `resell quote`, `--quote` and `--dry-run`: what a person types and reads."""

from tests.cli.shell import Shell


async def test_plans_are_listed_and_shown(stocked_shell: Shell) -> None:
    listed = (await stocked_shell.resell("plans")).done().out
    assert "VDS-1" in listed
    shown = (await stocked_shell.resell("plans", "show", "VDS-1")).done().out
    assert "bought by" in shown
    plan = (await stocked_shell.resell("plans", "show", "VDS-1", "--json")).done().json
    assert plan["order_schema"]["properties"]["plan"]["const"] == "VDS-1"
    (await stocked_shell.resell("plans", "show", "nothing")).failed("there is no tariff plan 'nothing'")


async def test_an_order_is_quoted_tried_and_made_by_its_quote(stocked_shell: Shell) -> None:
    order = ("VDS-1", "--customer", "c-17", "--period", "1")
    quote = (await stocked_shell.resell("quote", "order", *order, "--json")).done().json
    assert quote["possible"]
    tried = (await stocked_shell.resell("order", *order, "--dry-run")).done().out
    assert "it would be accepted: open of VDS-1" in tried
    made = (await stocked_shell.resell("order", *order, "--quote", quote["id"], "--json")).done().json
    assert made["service"] == 1, "the dry run made none"
    renewal = (await stocked_shell.resell("quote", "prolong", "1", "--period", "1")).done().out
    assert "selling price" in renewal
    (await stocked_shell.resell("order", *order, "--quote", "q-none")).failed("quote: there is no quote 'q-none'")
    refused = await stocked_shell.resell("quote", "order", "nothing", "--customer", "c", "--period", "1")
    assert refused.status == 1
    assert "plan: there is no tariff plan 'nothing'" in refused.out
