"""What was ordered just now, shown from the rows that were written for it: nothing of it is read again."""

from datetime import datetime

from orders.lifecycle import views as operations
from orders.lifecycle.acceptance import NewRows
from orders.lifecycle.allowed import OPERATOR, Requester
from orders.reading.documents import WorkflowLinks
from orders.services import views as services


def new_documents(
    links: WorkflowLinks, rows: NewRows, started_at: datetime | None, requester: Requester = OPERATOR
) -> tuple[services.ServiceView, operations.OperationView]:
    """Service and operation, as `find_service` and `find_operation` would show them."""
    rows.operation.workflow_started_at = started_at
    account = rows.account.name if rows.account is not None else None
    service = services.show_new(rows.service, rows.plan.name, rows.module.name, account)
    return service, operations.show_new(links, rows.operation, requester)
