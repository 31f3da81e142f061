"""The id of a request goes with its order: from the start of the workflow to each of its activities, in a header.

Headers are no part of what a replay compares, and they are not encrypted: whoever chooses an id puts no secret there.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

from temporalio import activity, client, worker, workflow
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadConverter

from models.messages import OrderInput, OrderRef
from telemetry.fields import bind, is_for_an_operation, is_sane, request_id

KEY = "resellflow-request"
_CONVERTER = PayloadConverter.default

log = logging.getLogger(__name__)


class Following(client.Interceptor, worker.Interceptor):
    """For clients and for workers. What is started or done for an operation has its fields in the log."""

    def intercept_client(self, next: client.OutboundInterceptor) -> client.OutboundInterceptor:
        return _Client(next)

    def intercept_activity(self, next: worker.ActivityInboundInterceptor) -> worker.ActivityInboundInterceptor:
        return _Activity(next)

    def workflow_interceptor_class(
        self, input: worker.WorkflowInterceptorClassInput
    ) -> type[worker.WorkflowInboundInterceptor]:
        return _Workflow


class _Client(client.OutboundInterceptor):
    async def start_workflow(self, input: client.StartWorkflowInput) -> client.WorkflowHandle[Any, Any]:
        request = request_id()
        if request and is_for_an_operation():  # not a poller that is started by the way: it outlives the request
            input.headers = {**input.headers, KEY: _CONVERTER.to_payload(request)}
        return await super().start_workflow(input)


class _Workflow(worker.WorkflowInboundInterceptor):
    """Its tasks have contexts of their own, so nothing is unbound."""

    def init(self, outbound: worker.WorkflowOutboundInterceptor) -> None:
        super().init(_FromWorkflow(outbound))

    async def execute_workflow(self, input: worker.ExecuteWorkflowInput) -> Any:
        _bind_workflow(input.args)
        return await super().execute_workflow(input)

    async def handle_signal(self, input: worker.HandleSignalInput) -> None:
        _bind_workflow()
        await super().handle_signal(input)

    async def handle_update_handler(self, input: worker.HandleUpdateInput) -> Any:
        _bind_workflow()
        return await super().handle_update_handler(input)


class _FromWorkflow(worker.WorkflowOutboundInterceptor):
    def start_activity(self, input: worker.StartActivityInput) -> workflow.ActivityHandle[Any]:
        input.headers = _passed_on(input.headers)
        return super().start_activity(input)

    def start_local_activity(self, input: worker.StartLocalActivityInput) -> workflow.ActivityHandle[Any]:
        input.headers = _passed_on(input.headers)
        return super().start_local_activity(input)


def _passed_on(headers: Mapping[str, Payload]) -> Mapping[str, Payload]:
    request = workflow.info().headers.get(KEY)
    return headers if request is None else {**headers, KEY: request}


def _bind_workflow(arguments: Any = ()) -> None:
    info = workflow.info()
    order = next((one for one in arguments if isinstance(one, OrderInput)), None)
    numbers = {"operation": order.operation, "service": order.service} if order else {}
    bind(workflow=info.workflow_id, request=_request(info.headers), **numbers)


class _Activity(worker.ActivityInboundInterceptor):
    """Fields stay bound to the end of the task: the SDK reports a failure after this."""

    async def execute_activity(self, input: worker.ExecuteActivityInput) -> Any:
        info = activity.info()
        given = input.args[0] if input.args else None
        upstream = getattr(given, "upstream", None) or info.priority.fairness_key
        bind(workflow=info.workflow_id, activity=info.activity_type, attempt=info.attempt, upstream=upstream)
        if not isinstance(given, OrderRef):
            return await super().execute_activity(input)
        bind(operation=given.operation, service=given.service, request=_request(input.headers))
        began = time.monotonic()
        result = await super().execute_activity(input)
        took = round((time.monotonic() - began) * 1000)
        log.info("%s done in %d ms", info.activity_type, took, extra={"ms": took})
        return result


def _request(headers: Mapping[str, Payload]) -> str | None:
    """None: a run that an older version began has none."""
    payload = headers.get(KEY)
    found = _CONVERTER.from_payload(payload, str) if payload is not None else None
    return found if found and is_sane(found) else None
