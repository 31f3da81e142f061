"""Examples in the OpenAPI document; a test holds them against the schemas."""

from typing import Any

from fastapi.openapi.models import Example

from models.enums import OperationKind
from orders.operations.requests import Route

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
            "reference": "order 4711/2",
            "metadata": {"invoice": "2026-0311"},
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
        "owner": "shop",
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
        "key_ready": None,
        "period_months": 1,
        "parameters": {"template": "debian-12"},
        "reference": "order 4711/2",
        "metadata": {"invoice": "2026-0311"},
        "addons": {"ram": 2},
        "renewal_owner": "storefront",
        "renew": True,
        "at_end_of_term": "renew",
        "processing_module": "main-vds",
        "home_processing_module": None,
        "cost": {"amount": "5.00", "currency": "EUR"},
        "open_incidents": [],
        "created_at": "2026-03-01T09:30:00.120000Z",
    },
    "operation": {
        "number": 7,
        "service": 1042,
        "kind": "open",
        "stage": "accepted",
        "stage_since": "2026-03-01T09:30:00.125000Z",
        "waits_for": "its workflow to be started",
        "upstream_says": None,
        "slow_since": None,
        "usual_seconds": None,
        "next_step": "it starts automatically, also if Temporal was away; what it costs is looked up first",
        "tries": 0,
        "next_try_at": None,
        "person_may": "cancel the order",
        "allowed_decisions": [
            {
                "decision": "cancel",
                "needs": [],
                "may": ["reason"],
                "effect": "cancel the order",
                "roles": ["storefront", "operator", "senior", "admin"],
            }
        ],
        "failure_class": None,
        "upstream": "main",
        "parameters": {"period_months": "1"},
        "reference": "order 4711/2",
        "metadata": {"invoice": "2026-0311"},
        "cost": {"amount": "5.00", "currency": "EUR"},
        "price": {},
        "refunded": [],
        "agreed_cost_limit": None,
        "quote": None,
        "actor": "shop",
        "called_off_at": None,
        "called_off_by": None,
        "workflow_id": "service-1042-open-7",
        "workflow_url": "http://127.0.0.1:8233/namespaces/default/workflows/service-1042-open-7",
        "workflow_started_at": "2026-03-01T09:30:00.140000Z",
        "created_at": "2026-03-01T09:30:00.125000Z",
        "ended_at": None,
    },
}


def accepted(route: Route, kind: OperationKind) -> dict[str, Any]:
    """An operation on the service above, now active."""
    service = {
        **ORDER_ACCEPTED["service"],
        "status": "active",
        "upstream": {"name": "main", "number": "900001"},
        "ip": "192.0.2.17",
        "expires_on": "2026-04-01",
    }
    workflow_id = f"service-1042-{kind.value}-8"
    operation = {
        **ORDER_ACCEPTED["operation"],
        "number": 8,
        "kind": kind.value,
        "parameters": dict(route.parameters),
        "reference": None,
        "metadata": {},
        "cost": dict(route.cost) if route.cost else None,
        "workflow_id": workflow_id,
        "workflow_url": f"http://127.0.0.1:8233/namespaces/default/workflows/{workflow_id}",
    }
    return {"service": service, "operation": operation}


QUOTES: dict[str, Example] = {
    "open": {
        "summary": "Of an order",
        "value": {"kind": "open", "plan": "VDS-1", "period_months": 1, "customer": "c-17", "addons": {"ram": 4}},
    },
    "prolong": {"summary": "Of a renewal", "value": {"kind": "prolong", "service": 1042, "period_months": 12}},
    "change_plan": {"summary": "Of another plan", "value": {"kind": "change_plan", "service": 1042, "plan": "VDS-2"}},
    "set_parameters": {
        "summary": "Of more memory",
        "value": {"kind": "set_parameters", "service": 1042, "addons": {"ram": 8}},
    },
}
HAND_OVERS: dict[str, Example] = {"bob": {"summary": "To Bob", "value": {"to": "bob"}}}
TASK_NOTES: dict[str, Example] = {"call": {"summary": "A note", "value": {"note": "the upstream calls back at noon"}}}
TASKS_DONE: dict[str, Example] = {
    "done": {"summary": "Done", "value": {"note": "the disk was enlarged"}},
    "override": {"summary": "An automatic one", "value": {"override": True, "reason": "the upstream did it by phone"}},
}
INCIDENTS_CLOSED: dict[str, Example] = {
    "explained": {
        "summary": "Explained",
        "value": {"note": "item 900003 was a second purchase; refunded by its seller"},
    }
}
DRIFT_DECISIONS: dict[str, Example] = {
    "explained": {"summary": "With its reason", "value": {"reason": "the upstream announced new prices in May"}}
}
UPSTREAM_PAUSED: dict[str, Example] = {
    "moving": {"summary": "For a while", "value": {"reason": "the upstream moves its billing tonight"}}
}
UPSTREAM_RESUMED: dict[str, Example] = {"over": {"summary": "It is over", "value": {"reason": "the move is done"}}}
REFUND_ASSIGNMENTS: dict[str, Example] = {
    "assigned": {
        "summary": "To the closing",
        "value": {"operation": 7, "reason": "the upstream's support named the order"},
    }
}
REFUNDS_IGNORED: dict[str, Example] = {
    "ignored": {"summary": "Not for us", "value": {"reason": "our own test server, bought by hand"}}
}
TASKS_REJECTED: dict[str, Example] = {
    "rejected": {"summary": "Not possible", "value": {"reason": "no room on the node"}}
}
