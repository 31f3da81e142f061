"""Who asked for an operation: they may cancel it while nothing of it is sent."""

from dataclasses import replace
from typing import Protocol

from models.enums import OperationKind
from orders.access.roles import Requester
from orders.audit import OURSELVES
from orders.operations.registry import operation_type


class Requested(Protocol):
    """An operation, as a row or as a document."""

    @property
    def actor(self) -> str | None: ...

    @property
    def kind(self) -> OperationKind: ...


def about(requester: Requester, operation: Requested) -> Requester:
    """The same, knowing whether they asked for this operation of a service that they see. What Resellflow renews
    automatically, it renews for the shop whose service it is."""
    is_theirs = operation.actor == requester.name
    renews_for_them = operation.actor == OURSELVES and operation_type(operation.kind).buys_term
    return replace(requester, asked_for_it=is_theirs or (renews_for_them and not requester.is_staff))
