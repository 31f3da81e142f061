"""what is set aside, and never again after a yes

Sums of an account's money, counted from the reservations that are there; an index that forbids a second request after
an accepted one; and no more columns that only repeat what stage and reason say.

Revision: 0003, after: 0002.
"""

from collections import defaultdict
from decimal import Decimal

import sqlalchemy as sa
from alembic import op

from models.columns import Amount, units

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INDEX = "one_unsettled_or_accepted_intent_per_step"
_WHERE = sa.text("state IN ('prepared', 'unknown', 'accepted')")
_DERIVED = ("waits_for", "next_step", "person_may")


def upgrade() -> None:
    _report_what_was_sent_again()
    op.create_index(
        _INDEX, "intent", ["operation_id", "step"], unique=True, sqlite_where=_WHERE, postgresql_where=_WHERE
    )
    op.add_column("upstream_account", sa.Column("set_aside", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("upstream_account", sa.Column("charged", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("upstream_account", sa.Column("waiting", sa.Integer(), nullable=False, server_default="0"))
    _count()
    for name in _DERIVED:
        op.drop_column("operation", name)


def downgrade() -> None:
    for name in _DERIVED:
        op.add_column("operation", sa.Column(name, sa.String(), nullable=False, server_default=""))
    for name in ("waiting", "charged", "set_aside"):
        op.drop_column("upstream_account", name)
    op.drop_index(_INDEX, "intent")


def _report_what_was_sent_again() -> None:
    """Raises RuntimeError that names the operations: which of two accepted requests is right, only people can tell."""
    intent = sa.table("intent", sa.column("operation_id"), sa.column("step"), sa.column("state"))
    found = op.get_bind().execute(
        sa.select(intent.c.operation_id, intent.c.step)
        .where(_WHERE)
        .group_by(intent.c.operation_id, intent.c.step)
        .having(sa.func.count() > 1)
        .order_by(intent.c.operation_id)
    )
    twice = [f"{operation} ({step})" for operation, step in found]
    if twice:
        raise RuntimeError(
            "these operations have more than one request of the same step that was accepted, or whose outcome is open: "
            f"{', '.join(twice)}. Nothing is changed. Look at them (`resell operations intents NUMBER`) and at the "
            "upstream's charges; set the state of the request that had no effect to 'abandoned', then migrate again"
        )


def _count() -> None:
    """The sums of what the reservations say."""
    reservation = sa.table(
        "reservation",
        sa.column("account_id"),
        sa.column("state"),
        sa.column("amount", Amount()),
        sa.column("release_number"),
    )
    account = sa.table(
        "upstream_account", sa.column("id"), sa.column("set_aside"), sa.column("charged"), sa.column("waiting")
    )
    bind = op.get_bind()
    granted: dict[int, Decimal] = defaultdict(Decimal)
    charged: dict[int, Decimal] = defaultdict(Decimal)
    waiting: dict[int, int] = defaultdict(int)
    for row in bind.execute(sa.select(reservation)):
        match row.state:
            case "granted":
                granted[row.account_id] += row.amount
            case "waiting":
                waiting[row.account_id] += 1
            case _ if row.release_number is not None:
                charged[row.account_id] += row.amount
    for number in {*granted, *charged, *waiting}:
        bind.execute(
            sa.update(account)
            .where(account.c.id == number)
            .values(set_aside=units(granted[number]), charged=units(charged[number]), waiting=waiting[number])
        )
