"""Task queues, and which role of a worker serves which: a process with one role gets only its work."""

from enum import StrEnum


class WorkerRole(StrEnum):
    """What a worker process may be there for. By default it is there for everything."""

    ORDERS = "orders"
    """Workflows, their short transactions, and the sweep."""
    UPSTREAM = "upstream"
    """Calls that orders make to upstreams."""
    POLLER = "poller"
    """Watching upstream accounts. Long lists are read and compared here, so it may hold up whoever shares its loop."""
    WEBHOOKS = "webhooks"
    """Sending webhooks."""


ALL_ROLES = frozenset(WorkerRole)


def upstream_queue(queue: str) -> str:
    """Activities that call upstreams: they have a brake of their own."""
    return f"{queue}-upstream"


def poller_queue(queue: str) -> str:
    """Watching upstream accounts. Of runs that older versions began, the sweep's and the sender's activities, too."""
    return f"{queue}-pollers"


def webhook_queue(queue: str) -> str:
    """Sending webhooks."""
    return f"{queue}-webhooks"


def sweep_queue(queue: str) -> str:
    """The sweep: with the workflows that it starts."""
    return queue


def queues_of(role: WorkerRole, queue: str) -> tuple[str, ...]:
    """Those that a worker with this role polls."""
    match role:
        case WorkerRole.ORDERS:
            return (queue,)
        case WorkerRole.UPSTREAM:
            return (upstream_queue(queue),)
        case WorkerRole.POLLER:
            return (poller_queue(queue),)
        case WorkerRole.WEBHOOKS:
            return (webhook_queue(queue),)


def roles_of(text: str) -> frozenset[WorkerRole]:
    """Read `orders,poller`. Raises ValueError that names the choices."""
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in {role.value for role in WorkerRole}]
    if unknown:
        named = " and ".join(repr(name) for name in unknown)
        raise ValueError(f"no such role: {named}; there are {', '.join(WorkerRole)}, with commas between them")
    return frozenset(map(WorkerRole, names))
