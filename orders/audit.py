"""The audit: who did what to an operation, a service, a task …, written in the transaction that does it."""

from collections.abc import Mapping

from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry

OURSELVES = "resellflow"
LINKED, ADOPTED = "linked", "adopted"
"""What a person did to a service, so that its item is none that we ordered."""
Changes = Mapping[str, tuple[str, str]]
"""Field -> (before, after), as text."""
Facts = Mapping[str, str | int | None]
"""What else there is to know, by name. A fact that is None is left out."""


def entry(
    subject: str,
    number: int | None,
    action: str,
    *,
    by: str = OURSELVES,
    facts: Facts | None = None,
    changes: Changes | None = None,
) -> AuditEntry:
    """An entry, for those who write their rows themselves. `number` None: the subject has none."""
    return AuditEntry(
        actor=by,
        action=action,
        subject=subject,
        subject_number=number or 0,
        changes={name: list(pair) for name, pair in (changes or {}).items()},
        detail={name: str(fact) for name, fact in (facts or {}).items() if fact is not None},
    )


def record(
    session: AsyncSession,
    subject: str,
    number: int | None,
    action: str,
    *,
    by: str = OURSELVES,
    facts: Facts | None = None,
) -> None:
    """Write an entry with the session's next flush."""
    session.add(entry(subject, number, action, by=by, facts=facts))
