"""Every kind of operation and its class: module `orders.operations.<kind>` has it as `OPERATION`."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from models.enums import OperationKind
from orders.operations.base import OperationType

OPERATIONS: dict[OperationKind, OperationType[Any, Any]] = {
    kind: import_module(f"orders.operations.{kind.value}").OPERATION for kind in OperationKind
}


def kinds(wanted: Callable[[OperationType[Any, Any]], bool]) -> tuple[OperationKind, ...]:
    """The kinds whose classes are so."""
    return tuple(kind for kind, one in OPERATIONS.items() if wanted(one))


def operation_type(kind: OperationKind) -> OperationType[Any, Any]:
    return OPERATIONS[kind]
