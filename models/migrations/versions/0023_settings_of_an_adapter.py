"""settings of an adapter

What only one kind of upstream has moves from columns of its own into two documents that its adapter reads: `settings`,
what the catalogue says, and `learned`, what the adapter found out. Two columns lose BILLmanager's word for our mark.

Revision: 0023, after: 0022.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_SETTINGS = ("dialect", "username", "password_env", "password_file")
_LEARNED = ("balance_call",)
_RENAMED = {"lists_show_remoteid": "lists_show_marks", "forms_show_remoteid": "forms_show_marks"}

_account = sa.table(
    "upstream_account",
    sa.column("id", sa.Integer()),
    sa.column("settings", _JSON),
    sa.column("learned", _JSON),
    *(sa.column(name) for name in (*_SETTINGS, *_LEARNED)),
)


def upgrade() -> None:
    for name in ("settings", "learned"):
        op.add_column("upstream_account", sa.Column(name, _JSON, nullable=False, server_default="{}"))
    _fill(
        _account.c.id,
        *(_account.c[name] for name in (*_SETTINGS, *_LEARNED)),
        values=lambda row: {
            "settings": {name: row[name] for name in _SETTINGS},
            "learned": {name: row[name] for name in _LEARNED},
        },
    )
    for name in (*_SETTINGS, *_LEARNED):
        op.drop_column("upstream_account", name)
    for before, after in _RENAMED.items():
        op.alter_column("upstream_account", before, new_column_name=after)


def downgrade() -> None:
    for before, after in _RENAMED.items():
        op.alter_column("upstream_account", after, new_column_name=before)
    op.add_column("upstream_account", sa.Column("dialect", sa.Integer(), nullable=False, server_default="6"))
    op.add_column("upstream_account", sa.Column("username", sa.String(), nullable=False, server_default=""))
    for name in ("password_env", "password_file", "balance_call"):
        op.add_column("upstream_account", sa.Column(name, sa.String(), nullable=True))
    _fill(
        _account.c.id,
        _account.c.settings,
        _account.c.learned,
        values=lambda row: {
            "dialect": row["settings"].get("dialect", 6),
            "username": row["settings"].get("username", ""),
            **{name: row["settings"].get(name) for name in ("password_env", "password_file")},
            **{name: row["learned"].get(name) for name in _LEARNED},
        },
    )
    for name in ("settings", "learned"):
        op.drop_column("upstream_account", name)


def _fill(*columns: sa.ColumnClause[Any], values: Any) -> None:
    connection = op.get_bind()
    for row in connection.execute(sa.select(*columns)).mappings().all():
        connection.execute(sa.update(_account).where(_account.c.id == row["id"]).values(values(row)))
