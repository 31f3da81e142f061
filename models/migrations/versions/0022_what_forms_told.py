"""what forms told

A snapshot keeps the tariff and the mark that its form told last, why the item is in its state, in words, and whether
the upstream goes on with it automatically. Until now these were looked up in the upstream's own fields, and all
upstreams were BILLmanagers.

Revision: 0022, after: 0021.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_TEXTS = ("form_tariff", "form_mark", "cause")
_BY_STAFF = "it is being opened; where that is done by hand it waits for the upstream's staff"
_CAUSES = {
    "item_status_service_nosuitable": "no module of the upstream can open it, or nothing is in stock: its staff has to "
    "connect one",
    "item_status_5_open": _BY_STAFF,
    "item_status_5_need_configure": "it waits for the upstream's staff to configure it",
    "item_status_5_close": "it is being deleted",
    "item_status_5_prolong": "it is being prolonged",
    "item_status_5_resume": "it is being resumed",
    "item_status_5_suspend": "it is being suspended",
    "item_status_5_reboot": "it is being restarted",
    "item_status_5_hardreboot": "it is being restarted",
    "item_status_5_reopen": "it is being installed anew",
    "item_status_5_transfer": "it is being moved",
    "item_status_5_set_param": "its parameters are being set",
    "item_status_5_changepricelist": "its tariff is being changed",
    "item_status_3_abusesuspend": "suspended for abuse: only the upstream's staff can resume it",
    "item_status_3_employeesuspend": "suspended by the upstream's staff, who alone may be able to resume it",
    "item_status_3_autosuspend": "suspended by the upstream itself, because its term is over or for want of money",
    "service_status_6": "the certificate was refused by who issues it: its staff has to see to it",
}
_DEAD_ENDS = ("item_status_service_nosuitable", "service_status_6")
_PROCESSING = 5

_snapshot = sa.table(
    "upstream_snapshot",
    *(sa.column(name, sa.String()) for name in (*_TEXTS, "status_detail")),
    sa.column("status", sa.Integer()),
    sa.column("dead_end", sa.Boolean()),
    sa.column("form", sa.JSON().with_variant(JSONB(), "postgresql")),
)


def upgrade() -> None:
    for name in _TEXTS:
        op.add_column("upstream_snapshot", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.add_column("upstream_snapshot", sa.Column("dead_end", sa.Boolean(), nullable=False, server_default=sa.false()))
    told = {
        column: sa.func.coalesce(_snapshot.c.form[field].as_string(), "")
        for column, field in (("form_tariff", "pricelist"), ("form_mark", "remoteid"))
    }
    op.execute(sa.update(_snapshot).values(told))
    detail = _snapshot.c.status_detail
    known = sa.update(_snapshot).where(detail.in_(_CAUSES))
    op.execute(known.values(cause=sa.case(*((detail == key, words) for key, words in _CAUSES.items()))))
    stuck = sa.and_(detail.in_(_DEAD_ENDS), _snapshot.c.status == _PROCESSING)
    op.execute(sa.update(_snapshot).where(stuck).values(dead_end=True))


def downgrade() -> None:
    for name in ("dead_end", *_TEXTS):
        op.drop_column("upstream_snapshot", name)
