"""Messages that are in histories already can be read for ever.

messages.json holds, for each message, forms in which it has been written: the least there ever was, and some with
more. Never change a form there; add one when a message gets a field.
"""

import inspect
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from temporalio.contrib.pydantic import pydantic_data_converter

from models import messages
from models.enums import OperationKind
from models.messages import Message, OrderInput, OrderPolicy

FORMS: dict[str, list[dict[str, Any]]] = json.loads(Path(__file__).with_name("messages.json").read_text("utf-8"))
KINDS: dict[str, type[Message]] = {
    name: kind
    for name, kind in inspect.getmembers(messages, inspect.isclass)
    if issubclass(kind, Message) and kind is not Message
}
EACH_FORM = [
    pytest.param(name, form, id=f"{name}-{i}") for name, forms in FORMS.items() for i, form in enumerate(forms)
]
DURATION = TypeAdapter(timedelta)


def test_every_message_has_its_forms_written_down() -> None:
    assert set(FORMS) == set(KINDS)


@pytest.mark.parametrize(("name", "form"), EACH_FORM)
def test_a_message_written_earlier_still_says_what_it_said(name: str, form: dict[str, Any]) -> None:
    read = KINDS[name].model_validate_json(json.dumps(form))
    _assert_within(form, read.model_dump(mode="json"))


@pytest.mark.parametrize(("name", "form"), EACH_FORM)
def test_a_field_that_a_newer_worker_writes_is_no_trouble_to_this_one(name: str, form: dict[str, Any]) -> None:
    assert KINDS[name].model_validate(form | {"field_of_tomorrow": 1}) == KINDS[name].model_validate(form)


@pytest.mark.parametrize("name", KINDS)
def test_the_least_form_names_only_what_was_there_from_the_beginning(name: str) -> None:
    """A field added later must have a default, or histories written before it can't be read."""
    assert set(FORMS[name][0]) == {field for field, info in KINDS[name].model_fields.items() if info.is_required()}


@pytest.mark.parametrize("name", KINDS)
def test_every_field_is_in_some_form(name: str) -> None:
    assert {field for form in FORMS[name] for field in form} == set(KINDS[name].model_fields)


@pytest.mark.parametrize("name", KINDS)
async def test_messages_go_through_the_converter_of_the_workers_unchanged(name: str) -> None:
    for form in FORMS[name]:
        message = KINDS[name].model_validate(form)
        [payload] = await pydantic_data_converter.encode([message])
        assert await pydantic_data_converter.decode([payload], [KINDS[name]]) == [message]


def test_messages_can_not_be_changed_in_place() -> None:
    order = OrderInput(service=1, operation=1, kind=OperationKind.OPEN)
    with pytest.raises(ValueError, match="frozen"):
        order.service = 2  # type: ignore[misc]


def test_an_order_started_before_a_policy_was_known_keeps_the_defaults() -> None:
    order = OrderInput.model_validate(FORMS["OrderInput"][0])
    assert order.policy == OrderPolicy()


def _assert_within(written: object, read: object) -> None:
    match written, read:
        case dict(), dict():
            for name, value in written.items():
                assert name in read, f"{name} is not read any more"
                _assert_within(value, read[name])
        case str(), str() if written.startswith("PT"):  # a duration can be written in more than one way
            assert DURATION.validate_python(read) == DURATION.validate_python(written)
        case _:
            assert read == written
