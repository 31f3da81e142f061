"""What is proof for an operation that may have been sent after the backup. It is stricter than after a lost answer.

Other orders that the database has lost may have changed the item, so a change alone does not say whose it was.
"""

from collections.abc import Mapping
from dataclasses import replace

from models.catalogue import PlanMapping
from models.order import Intent
from orders.operations.item import read_if_there
from orders.operations.job import Job
from orders.operations.registry import operation_type
from orders.operations.seen import Seen
from orders.restoration.before import ADDONS, EXPIRY, TARIFF, addons_in_words, is_suspected
from orders.settlement.verdicts import Judgement, Verdict
from upstreams.port import Upstream, UpstreamItem

_NAMES = {EXPIRY: "expiry", TARIFF: "tariff", ADDONS: "add-ons"}


async def stricter(job: Job, call: Intent, upstream: Upstream, found: Judgement) -> Judgement:
    """The verdict on an operation for an item that is there. Raises the errors of `upstreams.errors`."""
    if not is_suspected(call) or found.verdict not in (Verdict.DONE, Verdict.NOT_DONE):
        return found
    if found.verdict is Verdict.DONE and operation_type(job.operation.kind).goal_proves_it:
        return found
    differing = differences(call.before, await read_if_there(job, upstream), job.mapping)
    if not differing:
        return found
    words = (
        f"the item is not as the restored database knew it: {'; '.join(differing)}. Nobody can see whether this "
        "operation did that after the backup, or one that the database has lost; look there"
    )
    return replace(found, verdict=Verdict.CANNOT_TELL, reason=words)


def differences(before: Mapping[str, list[str]], item: UpstreamItem | None, mapping: PlanMapping) -> list[str]:
    """Expiry, plan and add-ons that are not as they were, in words."""
    if item is None:
        return ["it does not exist any more"]
    shows = {
        EXPIRY: [item.expires_on.isoformat()] if item.expires_on is not None else [],
        TARIFF: [Seen.of_form(item).tariff],
        ADDONS: addons_in_words(mapping, item.raw),
    }
    return [
        f"{name} {_words(shows[key])}, was {_words(before[key])}"
        for key, name in _NAMES.items()
        if key in before and before[key] != shows[key]
    ]


def _words(values: list[str]) -> str:
    return ", ".join(values) or "none"
