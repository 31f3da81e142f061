"""How workers run workflows: in the SDK's sandbox, which stops what would not replay.

The SDK asks the workflow in its sandbox four times for each payload where that goes to, and each time compiles and runs
a line of code there. Only converters that treat payloads by their place need that. Ours treat all alike
(`payloads.codec`; a test holds it), so the answer is always "nowhere in particular".
"""

from typing import Any

from temporalio.converter import StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import Info

PASSED_THROUGH = ("models", "workflows", "pydantic", "pydantic_core", "annotated_types", "typing_extensions")
"""Loaded once instead of per workflow: they do no I/O, and a replay is a third cheaper."""


def workflow_runner(passed_through: tuple[str, ...] = PASSED_THROUGH) -> SandboxedWorkflowRunner:
    """How workflows are run, here and wherever their histories are replayed."""
    return _Runner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*passed_through))


class _Runner(SandboxedWorkflowRunner):
    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _WithoutContexts(super().create_instance(det))


class _WithoutContexts(WorkflowInstance):
    """A workflow in its sandbox whose payloads are converted without a context."""

    def __init__(self, sandboxed: WorkflowInstance) -> None:
        self._sandboxed = sandboxed

    def activate(self, act: Any) -> Any:
        return self._sandboxed.activate(act)

    def get_serialization_context(self, command_info: object) -> None:
        return None

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:
        return StorageDriverStoreContext(target=None)

    def get_info(self) -> Info:
        return self._sandboxed.get_info()

    def get_thread_id(self) -> int | None:
        return self._sandboxed.get_thread_id()
