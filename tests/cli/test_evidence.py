"""What a verdict rests on, as `resell operations show` prints it."""

from typing import Any

from cli.evidence import found_by
from models.columns import utc_now
from models.enums import IntentState, IntentStep
from orders.views import IntentView


def call(**evidence: Any) -> IntentView:
    return IntentView(
        number=1,
        attempt=1,
        step=IntentStep.SEND,
        state=IntentState.UNKNOWN,
        mark="rf-abcde-1",
        request={},
        upstream_number=None,
        unpaid=None,
        failure_class=None,
        message="the connection was cut",
        written_at=utc_now(),
        unknown_since=None,
        settled_at=None,
        late_yes=None,
        evidence=evidence,
    )


def test_a_call_without_a_verdict_shows_what_came_back() -> None:
    assert found_by(call()) == "the connection was cut"


def test_rows_forms_and_the_list_are_named() -> None:
    words = found_by(
        call(
            verdict="cannot_tell",
            reason="an item appeared there",
            looked_at="2026-03-01T12:00:00+00:00",
            list={"rows": 40, "complete": False, "incomplete_because": "because a filter is active"},
            new_items=[
                {
                    "number": "50",
                    "status": "active",
                    "list": {"name": "a.example.com", "mark": None},
                    "form": {"name": "a.example.com", "mark": ""},
                    "not_ours_because": "",
                }
            ],
        )
    )
    assert words == (
        "the connection was cut; verdict cannot_tell at 2026-03-01T12:00:00+00:00: an item appeared there; "
        "list: 40 rows, not complete because a filter is active; "
        "item 50 (active): list name a.example.com, mark -, form name a.example.com, mark -; it may be this order"
    )


def test_the_form_of_an_item_is_shown() -> None:
    assert found_by(call(form={"number": "7", "expires_on": "2026-04-30"})).endswith(
        "form: number 7, expires_on 2026-04-30"
    )
