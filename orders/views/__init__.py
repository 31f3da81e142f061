"""What people and programs are shown: the one reading of the database for API and command line.

Every document is a frozen pydantic model; `model_dump(mode="json")` of it is exactly what the API answers. Lists are
newest first and come in pages (`PageRequest` in, `Page` out). `find_…` raises NotFound; a filter or cursor that can't
be right raises InvalidField with the parameter's name.

    async with database.read() as session:
        page = await views.list_operations(session, links, views.PageRequest(limit=20), stage=Stage.NEEDS_ATTENTION)
"""

from orders.views.audit import AuditView, list_audit
from orders.views.documents import Document, WorkflowLinks
from orders.views.events import EventView, OrphanView, ValueChange, list_events, list_orphans
from orders.views.history import HistoryEntry, list_history
from orders.views.incidents import IncidentView, find_incident, list_incidents
from orders.views.intents import IntentView, list_intents
from orders.views.operations import (
    BEFORE_ALL,
    DecisionView,
    OperationDetail,
    OperationView,
    StagePassed,
    find_operation,
    list_operations,
    stages_after,
)
from orders.views.paging import Page, PageRequest
from orders.views.placed import new_documents
from orders.views.services import ServiceView, UpstreamItemRef, find_service, list_services
from orders.views.tasks import TaskDetail, TaskView, TaskWanted, find_task, list_tasks
from orders.views.upstreams import (
    ProcessingModuleView,
    UpstreamCapabilities,
    UpstreamFunds,
    UpstreamHealth,
    UpstreamView,
    find_upstream,
    list_upstreams,
)
from orders.views.webhooks import (
    DeliveryDetail,
    DeliveryView,
    WebhookView,
    find_delivery,
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
    "WebhookView",
    "WorkflowLinks",
    "find_delivery",
    "find_incident",
    "find_operation",
    "find_service",
    "find_task",
    "find_upstream",
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
