"""One decision about many operations from the shell: a preview, and its run."""

import pytest

from tests.cli.shell import Shell
from tests.cli.test_orders import rejected_order
from tests.flow.shop import Shop


@pytest.mark.proof
async def test_a_batch_is_seen_first_and_then_carried_out_on_what_was_seen(shop: Shop, shop_shell: Shell) -> None:
    await rejected_order(shop, shop_shell)
    reason = ("--reason", "the template is there now")
    seen = (await shop_shell.resell("operations", "batch", "retry", "--stage", "needs_attention", *reason)).done()
    assert seen.lines[0] == "batch 1: retry: 1 planned"
    assert seen.lines[-1] == "carry it out with: resell operations batch-run 1"
    await rejected_order(shop, shop_shell)  # what comes later is left alone

    ran = (await shop_shell.resell("operations", "batch-run", 1)).done()
    assert ran.lines[0] == "batch 1: retry: 1 done"
    (await shop_shell.resell("operations", "wait", 1)).done()
    later = (await shop_shell.resell("operations", "show", 2, "--json")).done().json
    assert later["stage"] == "needs_attention"
    (await shop_shell.resell("operations", "batch-run", 1)).done()
    assert len(await shop.upstream.charges()) == 1

    (await shop_shell.resell("operations", "batch", "cancel", "--stage", "waiting_for_funds", *reason)).failed(
        "filter: finds no operation"
    )
    (await shop_shell.resell("operations", "batch-run", 9)).failed("there is no batch 9")
