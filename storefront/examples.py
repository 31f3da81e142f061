"""Examples in the OpenAPI document; a test holds them against the schemas."""

from typing import Any

from fastapi.openapi.models import Example

ORDERS: dict[str, Example] = {
    "server": {
        "summary": "A virtual server",
        "value": {
            "plan": "VDS-1",
            "period_months": 1,
            "customer": "c-17",
            "domain": "v1.example.com",
            "parameters": {"template": "debian-12"},
            "addons": {"ram": 2},
        },
    },
    "short": {
        "summary": "The least that is needed",
        "value": {"plan": "VDS-1", "period_months": 1, "customer": "c-17"},
    },
}

ORDER_ACCEPTED: dict[str, Any] = {
    "service": {
        "number": 1042,
        "customer": "c-17",
        "plan": "VDS-1",
        "product_type": "vds",
        "status": "ordered",
        "status_since": "2026-03-01T09:30:00.120000Z",
        "suspend_reason": None,
        "name": "v1.example.com",
        "name_is_ours": False,
        "mark": "rf-k3x9p-1042",
        "upstream": {"name": "main", "number": None},
        "ip": None,
        "expires_on": None,
        "period_months": 1,
        "parameters": {"template": "debian-12"},
        "addons": {"ram": 2},
        "renewal_owner": "resellflow",
        "processing_module": "main-vds",
        "home_processing_module": None,
        "cost": {"amount": "5.00", "currency": "EUR"},
        "created_at": "2026-03-01T09:30:00.120000Z",
    },
    "operation": {
        "number": 7,
        "service": 1042,
        "kind": "open",
        "stage": "accepted",
        "stage_since": "2026-03-01T09:30:00.125000Z",
        "waits_for": "its workflow to be started",
        "next_step": "starts by itself, also after Temporal was away; then the balance is checked",
        "person_may": "nothing to do",
        "failure_class": None,
        "upstream": "main",
        "parameters": {"period_months": "1"},
        "cost": {"amount": "5.00", "currency": "EUR"},
        "actor": "shop",
        "workflow_id": "service-1042-open-7",
        "workflow_url": "http://127.0.0.1:8233/namespaces/default/workflows/service-1042-open-7",
        "workflow_started_at": "2026-03-01T09:30:00.140000Z",
        "created_at": "2026-03-01T09:30:00.125000Z",
        "ended_at": None,
    },
}
