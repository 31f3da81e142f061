"""The calls of an operation as they are shown: what was sent, what came back, and what each verdict rests on."""

from datetime import datetime

from pydantic import Field
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import FailureClass, IntentState, IntentStep
from models.order import Intent
from models.public_words import public_request
from orders.reading.documents import Document


class IntentView(Document):
    """A call that changes something or costs money, recorded before it was sent."""

    number: int
    attempt: int
    step: IntentStep = Field(description="which of the operation's calls: the request itself, or a payment for it")
    state: IntentState
    mark: str = Field(description="our mark that it carried")
    request: dict[str, str] = Field(description="what was sent, without secrets")
    upstream_number: str | None = Field(description="number of the item that it made")
    unpaid: str | None = Field(description="what the upstream made instead and wants to be paid first")
    failure_class: FailureClass | None
    message: str = Field(description="what the upstream said, or what the verdict is")
    written_at: datetime
    unknown_since: datetime | None
    settled_at: datetime | None
    late_yes: str | None = Field(description="a yes that came after the call was settled otherwise")
    evidence: dict[str, object] = Field(
        description="the evidence of the latest verdict: the list and whether it was complete, new items, forms read"
    )


async def list_intents(session: AsyncSession, operation: int) -> list[IntentView]:
    """All calls of an operation, oldest first."""
    found = await session.exec(select(Intent).where(Intent.operation_id == operation).order_by(col(Intent.id)))
    return [_shown(intent) for intent in found.all()]


def _shown(intent: Intent) -> IntentView:
    unpaid = f"{intent.unpaid_kind.value} {intent.unpaid_number or ''}".strip() if intent.unpaid_kind else None
    return IntentView(
        number=intent.id,
        attempt=intent.attempt,
        step=intent.step,
        state=intent.state,
        mark=intent.mark,
        request=public_request(intent.request),
        upstream_number=intent.upstream_number,
        unpaid=unpaid,
        failure_class=intent.failure_class,
        message=intent.message,
        written_at=intent.created_at,
        unknown_since=intent.unknown_since,
        settled_at=intent.settled_at,
        late_yes=intent.late_yes,
        evidence=_public_evidence(intent.evidence),
    )


def _public_evidence(evidence: dict[str, object]) -> dict[str, object]:
    before = evidence.get("before")
    return {**evidence, "before": public_request(before)} if isinstance(before, dict) else evidence
