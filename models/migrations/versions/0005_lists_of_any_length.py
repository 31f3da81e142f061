"""lists of any length

Indexes for every list and filter of the API and for what is asked all the time. Those of 0001 that have become the
beginning of another one go. Deliveries of webhooks get the number of the service that their message is about.

Revision: 0005, after: 0004.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NO_SERVICE = {"sqlite": "service_id IS NULL AND gone IS 0", "postgresql": "service_id IS NULL AND gone IS false"}

GONE: dict[str, tuple[str, list[str], str | None]] = {
    "ix_service_account_id": ("service", ["account_id"], None),
    "ix_service_customer": ("service", ["customer"], None),
    "ix_service_status": ("service", ["status"], None),
    "ix_operation_service_id": ("operation", ["service_id"], None),
    "operation_called_off": ("operation", ["called_off_at"], None),
    "ix_stage_entry_operation_id": ("stage_entry", ["operation_id"], None),
    "ix_task_service_id": ("task", ["service_id"], None),
    "ix_task_state": ("task", ["state"], None),
    "ix_intent_operation_id": ("intent", ["operation_id"], None),
    "ix_upstream_event_service_id": ("upstream_event", ["service_id"], None),
    "ix_upstream_event_operation_id": ("upstream_event", ["operation_id"], None),
    "upstream_event_undelivered": ("upstream_event", ["account_id", "delivered_at"], None),
    "upstream_hint_waiting": ("upstream_hint", ["account_id", "read_at"], None),
    "ix_audit_entry_subject_number": ("audit_entry", ["subject_number"], None),
    "ix_incident_service_id": ("incident", ["service_id"], None),
    "webhook_delivery_due": ("webhook_delivery", ["state", "next_attempt_at"], None),
    "ix_webhook_attempt_delivery_id": ("webhook_attempt", ["delivery_id"], None),
    "ix_webhook_message_service_id": ("webhook_message", ["service_id"], None),
}
"""Index -> table, columns, condition."""

NEW: dict[str, tuple[str, list[str], str | dict[str, str] | None]] = {
    "service_by_customer": ("service", ["customer", "id"], None),
    "service_by_status": ("service", ["status", "id"], None),
    "service_by_plan": ("service", ["plan_id", "id"], None),
    "operation_by_service": ("operation", ["service_id", "id"], None),
    "operation_by_stage": ("operation", ["stage", "id"], None),
    "operation_by_kind": ("operation", ["kind", "id"], None),
    "operation_by_upstream": ("operation", ["upstream_name", "id"], None),
    "operation_called_off": ("operation", ["called_off_at"], "called_off_at IS NOT NULL"),
    "operation_ended": ("operation", ["ended_at"], "ended_at IS NOT NULL"),
    "operation_not_started": (
        "operation",
        ["id"],
        "stage NOT IN ('queued', 'completed', 'cancelled') AND workflow_started_at IS NULL",
    ),
    "stage_entry_of_operation": ("stage_entry", ["operation_id", "id"], None),
    "task_by_state": ("task", ["state", "id"], None),
    "task_by_mode": ("task", ["mode", "id"], None),
    "task_by_service": ("task", ["service_id", "id"], None),
    "task_by_department": ("task", ["department", "id"], None),
    "task_by_assignee": ("task", ["assignee", "id"], None),
    "task_by_age": ("task", ["created_at"], None),
    "task_taken": ("task", ["id"], "assignee != ''"),
    "task_overdue": ("task", ["id"], "(overdue OR (state = 'open' AND due_at IS NOT NULL))"),
    "intent_of_operation": ("intent", ["operation_id", "id"], None),
    "upstream_snapshot_orphans": ("upstream_snapshot", ["account_id", "id"], _NO_SERVICE),
    "upstream_snapshot_strangers": ("upstream_snapshot", ["account_id", "product_type", "first_seen_at"], _NO_SERVICE),
    "upstream_event_by_account": ("upstream_event", ["account_id", "id"], None),
    "upstream_event_by_kind": ("upstream_event", ["account_id", "kind", "id"], None),
    "upstream_event_by_service": ("upstream_event", ["service_id", "id"], None),
    "upstream_event_of_operation": ("upstream_event", ["operation_id"], "operation_id IS NOT NULL"),
    "upstream_event_undelivered": (
        "upstream_event",
        ["account_id", "id"],
        "delivered_at IS NULL AND operation_id IS NOT NULL",
    ),
    "upstream_hint_waiting": ("upstream_hint", ["account_id", "id"], "read_at IS NULL"),
    "upstream_hint_received": ("upstream_hint", ["account_id", "received_at"], None),
    "audit_entry_of_subject": ("audit_entry", ["subject", "subject_number", "id"], None),
    "incident_open": ("incident", ["id"], "closed_at IS NULL"),
    "incident_closed": ("incident", ["id"], "closed_at IS NOT NULL"),
    "incident_by_kind": ("incident", ["kind", "id"], None),
    "incident_of_service": ("incident", ["service_id", "id"], None),
    "webhook_delivery_by_endpoint": ("webhook_delivery", ["endpoint_id", "id"], None),
    "webhook_delivery_by_state": ("webhook_delivery", ["state", "id"], None),
    "webhook_delivery_by_service": ("webhook_delivery", ["service_id", "id"], None),
    "webhook_delivery_due": ("webhook_delivery", ["endpoint_id", "next_attempt_at"], "state = 'pending'"),
    "webhook_attempt_of_delivery": ("webhook_attempt", ["delivery_id", "id"], None),
    "webhook_message_of_service": ("webhook_message", ["service_id", "id"], None),
}


def _replace(old: dict[str, Any], new: dict[str, Any]) -> None:
    dialect = op.get_bind().dialect.name
    for name, (table, _columns, _condition) in old.items():
        op.drop_index(name, table)
    for name, (table, columns, condition) in new.items():
        words = condition[dialect] if isinstance(condition, dict) else condition
        where: dict[str, Any] = {} if words is None else {f"{dialect}_where": sa.text(words)}
        op.create_index(name, table, columns, **where)


def upgrade() -> None:
    op.add_column("webhook_delivery", sa.Column("service_id", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE webhook_delivery SET service_id ="
        " (SELECT service_id FROM webhook_message WHERE webhook_message.id = webhook_delivery.message_id)"
    )
    _replace(GONE, NEW)


def downgrade() -> None:
    _replace(NEW, GONE)
    op.drop_column("webhook_delivery", "service_id")
