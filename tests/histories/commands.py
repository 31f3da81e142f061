"""The commands that a workflow gave, read from its history: what must stay the same, in the same order, in a replay.

How long a timer runs is no part of it: a policy may change, and a date comes nearer.
"""

import json
from collections.abc import Iterator, Sequence

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from workflows.search_attributes import TIMES

LOCAL_ACTIVITY = "core_local_activity"
PATCH = "core_patch"
_TIMES = {key.name for key in TIMES}
"""Search attributes whose values differ from run to run."""

_ENDS = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "complete",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "fail",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: "end cancelled",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "continue as new",
}


def commands(events: Sequence[HistoryEvent]) -> list[str]:
    """One line for each command, in their order."""
    return list(_commands(events))


def _commands(events: Sequence[HistoryEvent]) -> Iterator[str]:
    by_id = {event.event_id: event for event in events}
    main_queue = events[0].workflow_execution_started_event_attributes.task_queue.name
    for event in events:
        kind = event.event_type
        if kind == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled = event.activity_task_scheduled_event_attributes
            queue = scheduled.task_queue.name.removeprefix(main_queue).lstrip("-")
            yield f"activity {scheduled.activity_type.name} on {queue or 'the main queue'}"
        elif kind == EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED:
            asked = by_id[event.activity_task_cancel_requested_event_attributes.scheduled_event_id]
            yield f"cancel activity {asked.activity_task_scheduled_event_attributes.activity_type.name}"
        elif kind == EventType.EVENT_TYPE_TIMER_STARTED:
            named = event.user_metadata.HasField("summary")
            yield f"timer: {_text(event.user_metadata.summary) if named else 'unnamed'}"
        elif kind == EventType.EVENT_TYPE_TIMER_CANCELED:
            yield "cancel timer"
        elif kind == EventType.EVENT_TYPE_MARKER_RECORDED:
            yield _marker(event)
        elif kind == EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
            fields = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
            yield "show " + ", ".join(f"{name}={_text(fields[name])}" for name in sorted(fields) if name not in _TIMES)
        elif kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
            request = event.workflow_execution_update_accepted_event_attributes.accepted_request
            yield f"accept update {request.input.name}"
        elif kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
            outcome = event.workflow_execution_update_completed_event_attributes.outcome
            yield "answer update" if outcome.HasField("success") else "refuse update"
        elif kind in _ENDS:
            yield _ENDS[kind]


def _marker(event: HistoryEvent) -> str:
    marker = event.marker_recorded_event_attributes
    if marker.marker_name == LOCAL_ACTIVITY:
        return f"local activity {json.loads(marker.details['data'].payloads[0].data)['activity_type']}"
    if marker.marker_name == PATCH:
        return f"patch {json.loads(marker.details['patch-data'].payloads[0].data)['id']}"
    return f"marker {marker.marker_name}"


def _text(payload: Payload) -> str:
    value = json.loads(payload.data) if payload.data else ""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
