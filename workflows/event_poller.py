"""Watches one upstream account. A poll leaves no history: one long activity does many, then continue-as-new."""

from temporalio import workflow

from models.messages import PollInput
from workflows import calls


@workflow.defn
class EventPoller:
    """One per upstream account; its id is made from the account's name, so there can't be two."""

    @workflow.run
    async def run(self, poller: PollInput) -> None:
        last = poller.last_poll_at.strftime("%H:%M:%S UTC") if poller.last_poll_at else "not yet"
        workflow.set_current_details(
            f"Watching **{poller.upstream}**: {poller.polls} polls so far, the last of the previous run: {last}.\n\n"
            "The pending activity's heartbeat shows the polls of this run."
        )
        lap = await calls.poll_upstream(poller)
        last_poll_at = lap.last_poll_at or poller.last_poll_at  # a lap may have had none: the upstream was down
        workflow.continue_as_new(
            poller.model_copy(update={"polls": poller.polls + lap.polls, "last_poll_at": last_poll_at})
        )
