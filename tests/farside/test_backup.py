"""A restored database at a reseller whose upstream is a distributor's Resellflow: nothing is bought there again."""

from pathlib import Path

import pytest

from models.enums import Stage
from models.messages import Decision, DecisionKind
from tests.farside.conftest import OpenPair
from tests.flow.backups import back_up, resell_restored, restore, stop


@pytest.mark.proof
async def test_what_was_bought_after_the_backup_is_not_bought_again(opening: OpenPair, tmp_path: Path) -> None:
    async with opening(workers=False) as pair:
        reseller = pair.reseller
        selling = pair.distributor.start_worker()
        worker = reseller.start_worker()
        first = await pair.bought()
        await stop(worker)
        order = await reseller.order("S")
        prolonging = await reseller.resellflow.prolong(first.id, 1, key="p", client="shop")
        back_up(reseller, tmp_path / "saved")
        worker = reseller.start_worker()
        for one in (order, prolonging):
            await reseller.until(one, Stage.COMPLETED, timeout=60)
        lost = await pair.bought()
        await stop(worker)
        intended = await pair.counts()
        await restore(reseller, tmp_path / "saved")
        worker = reseller.start_worker()  # waits
        findings = await resell_restored(reseller)
        assert [one.service for one in findings.orphans] == [lost.id]
        await reseller.until(order, Stage.COMPLETED, timeout=60)
        attention = await reseller.until(prolonging, Stage.NEEDS_ATTENTION, timeout=60)
        assert "expiry" in attention.reason
        done = Decision(actor="anna", reason="seen there")
        await reseller.resellflow.decide(prolonging.operation, DecisionKind.MARK_DONE, done)
        await reseller.until(prolonging, Stage.COMPLETED, timeout=60)
        assert await pair.counts() == intended
        await pair.bought()
        services, items, charges = await pair.counts()
        assert (services, items, charges) == (intended[0] + 1, intended[1] + 1, intended[2] + 1)
        for program in (worker, selling):
            await stop(program)
        await reseller.database.close()
