"""neutral names

Columns lose one upstream's words: what was `remoteid` is the mark, a `pricelist` is a tariff, a `datacenter` a
location, and `autoprolong` the renewal. The names of fields inside `listed` and `held_back` follow.

Revision: 0021, after: 0020.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_RENAMED = (
    ("upstream_snapshot", "remoteid", "mark"),
    ("upstream_snapshot", "pricelist", "tariff"),
    ("upstream_snapshot", "pricelist_id", "tariff_id"),
    ("upstream_snapshot", "pricelist_unexplained", "tariff_unexplained"),
    ("upstream_snapshot", "autoprolong", "renewal"),
    ("service", "upstream_pricelist", "upstream_tariff"),
    ("plan_mapping", "pricelist", "tariff"),
    ("plan_mapping", "datacenter", "location"),
)


def upgrade() -> None:
    op.drop_index("ix_upstream_snapshot_remoteid", "upstream_snapshot")
    for table, before, after in _RENAMED:
        op.execute(sa.text(f"ALTER TABLE {table} RENAME COLUMN {before} TO {after}"))
    op.create_index("ix_upstream_snapshot_mark", "upstream_snapshot", ["mark"])
    _rename_inside({before: after for table, before, after in _RENAMED if table == "upstream_snapshot"})


def downgrade() -> None:
    op.drop_index("ix_upstream_snapshot_mark", "upstream_snapshot")
    for table, before, after in _RENAMED:
        op.execute(sa.text(f"ALTER TABLE {table} RENAME COLUMN {after} TO {before}"))
    op.create_index("ix_upstream_snapshot_remoteid", "upstream_snapshot", ["remoteid"])
    _rename_inside({after: before for table, before, after in _RENAMED if table == "upstream_snapshot"})


def _rename_inside(names: dict[str, str]) -> None:
    """`listed` is a list of names, `held_back` an object by name. A quoted name within a value has its quotes escaped,
    so it is left alone."""
    stored = JSONB() if op.get_bind().dialect.name == "postgresql" else sa.Text()
    snapshot = sa.table("upstream_snapshot", sa.column("listed", stored), sa.column("held_back", stored))
    for column, end in ((snapshot.c.listed, ""), (snapshot.c.held_back, ":")):
        text: sa.ColumnElement[str] = sa.cast(column, sa.Text())
        named = sa.or_(*(text.contains(f'"{before}"{end}', autoescape=True) for before in names))
        for before, after in names.items():
            text = sa.func.replace(text, f'"{before}"{end}', f'"{after}"{end}')
        op.execute(sa.update(snapshot).where(named).values({column: sa.cast(text, stored)}))
