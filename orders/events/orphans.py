"""Items at the upstream that are no service of ours."""

from sqlalchemy import ColumnElement, and_
from sqlmodel import col

from models.enums import UpstreamStatus
from models.events import UpstreamSnapshot


def is_orphan(account_id: int) -> ColumnElement[bool]:
    """A live item at the upstream that is no service of ours."""
    return and_(
        col(UpstreamSnapshot.account_id) == account_id,
        col(UpstreamSnapshot.service_id).is_(None),
        col(UpstreamSnapshot.gone).is_(False),
        col(UpstreamSnapshot.status) != int(UpstreamStatus.DELETED),
    )
