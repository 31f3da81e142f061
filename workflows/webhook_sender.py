"""Sends webhooks. Like pollers and sweep one long activity, so that looking twice a second costs no history."""

from temporalio import workflow

from models.messages import SendInput
from workflows import calls


@workflow.defn
class WebhookSender:
    """One per installation: its id is always the same."""

    @workflow.run
    async def run(self, sender: SendInput) -> None:
        workflow.set_current_details(
            "Sends webhooks. The pending activity's heartbeat shows how many this run has delivered."
        )
        await calls.send_webhooks(sender)
        workflow.continue_as_new(sender)
