"""Every text of the pages has a Russian one, and every value that a page shows has words."""

from importlib.resources import files
from io import BytesIO

import pytest
from babel.messages.pofile import read_po

from console import texts
from console.inputs import GROUPS, NEVER
from console.languages import CATALOGUE, LANGUAGES
from models.enums import (
    AtEndOfTerm,
    DriftKind,
    FailureClass,
    IncidentKind,
    IntentState,
    IntentStep,
    Knowledge,
    MemberState,
    OperationKind,
    RefundState,
    RenewalOwner,
    Role,
    ServiceStatus,
    Stage,
    TaskState,
)
from models.messages import DecisionKind
from orders.accounts.views import UpstreamHealth
from orders.inbox.causes import Cause
from orders.lifecycle.intake import ServiceRequest
from orders.operations.registry import OPERATIONS
from orders.quotes.views import MoneyThere
from tests.console.extraction import messages


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_the_catalogue_has_each_text_and_none_that_is_gone(language: str) -> None:
    written = files("console").joinpath("translations", language, CATALOGUE).read_bytes()
    catalogue = read_po(BytesIO(written), locale=language)
    translated = {str(one.id): str(one.string) for one in catalogue if one.id}
    assert set(translated) == set(messages())
    assert [text for text, other in translated.items() if not other.strip()] == []
    assert [text for text, other in translated.items() if text.count("%(") != other.count("%(")] == []


def test_every_value_has_words() -> None:
    for words, values in (
        (texts.CAUSES, Cause), (texts.IF_NOTHING_IS_DONE, Cause), (texts.KINDS, OperationKind), (texts.STAGES, Stage),
        (texts.FAILURES, FailureClass), (texts.DECISIONS, DecisionKind), (texts.TASK_STATES, TaskState),
        (texts.HEALTHS, UpstreamHealth), (texts.SERVICE_STATES, ServiceStatus),
        (texts.INCIDENTS, IncidentKind), (texts.DIFFERENCES, DriftKind),
        (texts.STEPS, IntentStep), (texts.OUTCOMES, IntentState), (texts.MEMBERS, MemberState),
        (texts.KNOWN, Knowledge),
        (texts.EFFECTS, OperationKind), (texts.RENEWAL_OWNERS, RenewalOwner),
        (texts.AT_END_OF_TERM, AtEndOfTerm), (texts.MONEY, MoneyThere), (texts.REFUND_STATES, RefundState),
    ):  # fmt: skip
        assert set(words) == set(values)
    assert set(texts.ROLES) == set(Role) - {Role.STOREFRONT}


def test_every_field_of_a_request_has_words() -> None:
    models = [one.request_model for one in OPERATIONS.values() if one.route is not None] + [ServiceRequest]
    fields = {name for model in models for name in model.model_fields}
    assert fields - {*GROUPS, *NEVER} <= texts.FIELDS.keys()
    assert {"reason", "reference"} <= texts.FIELDS.keys()
