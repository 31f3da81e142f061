"""What people and programs are shown: the one reading of the database for API and command line.

Every document is a frozen pydantic model; `model_dump(mode="json")` of it is exactly what the API answers. Lists are
newest first and come in pages (`PageRequest` in, `Page` out). `find_…` raises NotFound; a filter or cursor that can't
be right raises InvalidField with the parameter's name.

    async with database.read() as session:
        page = await views.list_operations(session, links, views.PageRequest(limit=20), stage=Stage.NEEDS_ATTENTION)
"""

from datetime import datetime

from orders.access.roles import OPERATOR, Requester
from orders.accounts.views import (
    ProcessingModuleView,
    UpstreamCapabilities,
    UpstreamFunds,
    UpstreamHealth,
    UpstreamView,
    find_upstream,
    list_upstreams,
)
from orders.events.views import EventView, ItemView, OrphanView, ValueChange, find_item, list_events, list_orphans
from orders.incidents.views import IncidentView, find_incident, list_incidents
from orders.lifecycle.acceptance import NewRows
from orders.lifecycle.views import (
    BEFORE_ALL,
    DecisionView,
    OperationDetail,
    OperationView,
    StagePassed,
    find_operation,
    list_operations,
    stages_after,
)
from orders.lifecycle.views import show_new as show_new_operation
from orders.reading.audit import AuditView, list_audit
from orders.reading.documents import Document, WorkflowLinks
from orders.reading.paging import Page, PageRequest
from orders.services.history_views import HistoryEntry, list_history
from orders.services.views import ServiceView, UpstreamItemRef, find_service, list_services
from orders.services.views import show_new as show_new_service
from orders.settlement.views import IntentView, list_intents
from orders.tasks.views import TaskDetail, TaskView, TaskWanted, find_task, list_tasks
from orders.webhooks.views import (
    DeliveryDetail,
    DeliveryView,
    WebhookMade,
    WebhookView,
    find_delivery,
    find_webhook,
    list_deliveries,
    list_webhooks,
)

__all__ = [
    "BEFORE_ALL",
    "AuditView",
    "DecisionView",
    "DeliveryDetail",
    "DeliveryView",
    "Document",
    "EventView",
    "HistoryEntry",
    "IncidentView",
    "IntentView",
    "ItemView",
    "OperationDetail",
    "OperationView",
    "OrphanView",
    "Page",
    "PageRequest",
    "ProcessingModuleView",
    "ServiceView",
    "StagePassed",
    "TaskDetail",
    "TaskView",
    "TaskWanted",
    "UpstreamCapabilities",
    "UpstreamFunds",
    "UpstreamHealth",
    "UpstreamItemRef",
    "UpstreamView",
    "ValueChange",
    "WebhookMade",
    "WebhookView",
    "WorkflowLinks",
    "find_delivery",
    "find_incident",
    "find_item",
    "find_operation",
    "find_service",
    "find_task",
    "find_upstream",
    "find_webhook",
    "list_audit",
    "list_deliveries",
    "list_events",
    "list_history",
    "list_incidents",
    "list_intents",
    "list_operations",
    "list_orphans",
    "list_services",
    "list_tasks",
    "list_upstreams",
    "list_webhooks",
    "new_documents",
    "stages_after",
]


def new_documents(
    links: WorkflowLinks, rows: NewRows, started_at: datetime | None, requester: Requester = OPERATOR
) -> tuple[ServiceView, OperationView]:
    """Service and operation that were ordered just now, as `find_service` and `find_operation` would show them.

    They are made of the rows that were written: nothing is read again.
    """
    rows.operation.workflow_started_at = started_at
    account = rows.account.name if rows.account is not None else None
    service = show_new_service(rows.service, rows.plan.name, rows.module.name, account, requester)
    return service, show_new_operation(links, rows.operation, requester)
