"""Task queues: one for workflows, and two named after it."""


def upstream_queue(queue: str) -> str:
    """Activities that call upstreams: they have a brake of their own."""
    return f"{queue}-upstream"


def poller_queue(queue: str) -> str:
    """The long activities, so that they take no place from the short ones."""
    return f"{queue}-pollers"
