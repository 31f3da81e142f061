"""A worker that is frozen around its send, and wakes when another one has done its work: charged once, or loudly."""

from models.enums import OperationKind
from tests.flow.freeze import QUICK, open_row
from tests.flow.frozen_sender import Moment
from tests.flow.shop import Upstream
from tests.infrastructure.temporal import TemporalServer


async def test_who_wakes_after_its_lease_sends_nothing_and_what_no_check_can_prevent_is_told(
    shop_database: str, temporal_server: TemporalServer, upstream: Upstream
) -> None:
    async with open_row(shop_database, temporal_server, upstream, QUICK, tuple(Moment)) as row:
        await row.play(3, others_first=True)
        outcomes = await row.outcomes()
    assert [str(outcome) for outcome in outcomes if not outcome.is_fine] == []
    in_write = [outcome for outcome in outcomes if outcome.story.moment is Moment.IN_WRITE]
    twice = {outcome.story.kind for outcome in in_write if outcome.charges == 2}
    assert twice >= {OperationKind.OPEN, OperationKind.PROLONG}, "else this row proves nothing"
