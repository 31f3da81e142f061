"""A line of the log for each stage of an operation, once it is committed."""

import logging
from functools import partial

from sqlmodel.ext.asyncio.session import AsyncSession

from models.database import after_commit
from models.enums import Stage
from models.order import Operation
from models.untrusted_text import masked, shortened, visible

log = logging.getLogger(__name__)
LONGEST_REASON = 200


def tell(session: AsyncSession, operation: Operation, stage: Stage, reason: str = "") -> None:
    """`reason`: in the log without what is a customer's."""
    words = f": {shortened(masked(visible(reason)), LONGEST_REASON)}" if reason else ""
    fields = {"operation": operation.id, "service": operation.service_id, "request": operation.request_id}
    what = f"{operation.kind.value} service {operation.service_id}, operation {operation.id}"
    after_commit(session, partial(log.info, "%s: %s%s", what, stage.value, words, extra=fields))
