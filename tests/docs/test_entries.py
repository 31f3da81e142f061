"""What there is has its entry, and the entries say what is so."""

import re
from typing import Any

import pytest
import typer.main

from activities.failures import _DELAYS
from cli.app import app
from environment import FILES
from models.enums import EventKind, FailureClass, IncidentKind, IntentState, OperationKind, Stage
from models.messages import DecisionKind
from orders.decisions.allowed import Allowed, Facts, Traces, judge
from orders.settlement.verdicts import Verdict
from settings import Settings
from tests.docs import settings_page
from tests.docs.pages import ARCHITECTURE, OPERATIONS, OURS, README, Page, table
from tests.infrastructure.processes import PROJECT
from workflows.search_attributes import ALL

STAGES = {stage.value for stage in Stage}
OF_THE_SHELL = {"RESELL_API_URL", "RESELL_API_TOKEN", "RESELL_API_TOKEN_FILE"}
"""Variables of `cli.api`."""
ELSEWHERE = {"RESELL_API_PUBLISH", "RESELL_TEST_DATABASE_URL"} | OF_THE_SHELL
"""Variables that neither `settings` nor the embedded stack reads."""


def entries(section: str) -> set[str]:
    return set(re.findall(r"(?m)^### `(\w+)`$", OPERATIONS.section(section)))


def test_every_stage_has_its_entry_in_the_runbook() -> None:
    assert entries("Stages") == STAGES


def test_every_failure_class_has_its_entry_in_the_runbook() -> None:
    assert entries("Failure classes") == {failure.value for failure in FailureClass}


def test_every_kind_of_incident_is_explained() -> None:
    assert entries("Incidents") == {kind.value for kind in IncidentKind}
    for part in OPERATIONS.section("Incidents").split("\n### ")[1:]:
        assert "**Meaning**" in part, part.partition("\n")[0]
        assert "**Do**" in part, part.partition("\n")[0]


@pytest.mark.parametrize("page", [README, ARCHITECTURE], ids=lambda page: page.path.name)
def test_the_diagrams_know_no_stage_that_is_not_there(page: Page) -> None:
    [diagram] = [block for block in page.blocks("mermaid") if block.startswith("stateDiagram-v2")]
    drawn = {name for pair in re.findall(r"(\S+) --> ([^\s:]+)", diagram) for name in pair} - {"[*]"}
    assert drawn <= STAGES
    if page is ARCHITECTURE:
        assert drawn == STAGES


def first_column(section: str) -> set[str]:
    return {name for row in table(ARCHITECTURE.section(section)) for name in re.findall(r"`(\w+)`", row[0])}


def test_every_failure_class_stands_in_the_failure_table() -> None:
    failures = {failure.value for failure in FailureClass}
    assert failures <= first_column("What can go wrong at the upstream")


def test_the_delays_are_those_of_the_code() -> None:
    rows = {row[0].strip("`"): row[2] for row in table(ARCHITECTURE.section("What can go wrong at the upstream"))}
    for failure in (FailureClass.NOT_SENT, FailureClass.UNHEALTHY):
        *before, last = (f"{delay:g}" for delay in _DELAYS[failure])
        assert f"after {', '.join(before)}, then every {last} s" in rows[failure.value]


def test_every_state_of_an_intent_is_explained() -> None:
    states = first_column("Once in effect: intent, send, settle")
    assert {state.value for state in IntentState} <= states


def test_every_verdict_is_explained() -> None:
    rows = table(ARCHITECTURE.section("Was it done? The verdicts"))
    told = {verdict for row in rows for verdict in re.findall(r"`(\w+)`", row[1])}
    assert told == {verdict.value for verdict in Verdict}


def test_every_kind_of_event_is_named() -> None:
    text = ARCHITECTURE.section("Events")
    assert [kind.value for kind in EventKind if f"`{kind.value}`" not in text] == []


def test_every_search_attribute_is_named() -> None:
    text = ARCHITECTURE.section("What is reported where")
    assert [key.name for key in ALL if f"`{key.name}`" not in text] == []


def test_every_decision_is_explained_with_the_stages_in_which_it_is_possible() -> None:
    text = OPERATIONS.section("What a person can decide")
    group: Any = typer.main.get_command(app)
    offered = set(group.commands["operations"].commands) - {"show", "wait", "batch", "batch-run"}
    rows = {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1])) for row in table(text)}
    assert offered <= rows.keys()
    for name, decision in NAMES.items():
        assert rows[name] == {stage.value for stage in Stage if _is_ever_possible(decision, stage)}, name


NAMES = {
    "cancel": DecisionKind.CANCEL,
    "retry": DecisionKind.RETRY,
    "correct": DecisionKind.CORRECT_AND_RETRY,
    "mark-done": DecisionKind.MARK_DONE,
    "look-now": DecisionKind.LOOK_NOW,
    "accept-price": DecisionKind.ACCEPT_PRICE,
}


def _is_ever_possible(decision: DecisionKind, stage: Stage) -> bool:
    return any(
        isinstance(judge(Facts(OperationKind.OPEN, stage, failure, traces, has_item=True), decision), Allowed)
        for traces in Traces
        for failure in (None, FailureClass.PRICE_CHANGED)
    )


# Settings.


def test_the_reference_of_the_settings_is_that_of_the_code() -> None:
    assert settings_page.PAGE.read_text(encoding="utf-8") == settings_page.page(), "make settings-page writes it"


def test_every_setting_says_what_it_is() -> None:
    for name, text in ((name, settings_page.texts().get(name, "")) for name in Settings.model_fields):
        assert len(text.split()) >= 3, f"RESELL_{name.upper()} has no text under its field in settings/"


def test_no_page_names_a_variable_that_nobody_reads() -> None:
    stack = set(re.findall(r"RESELL_STACK_\w+", (PROJECT / "stack" / "__main__.py").read_text(encoding="utf-8")))
    known = {f"RESELL_{name.upper()}" for name in Settings.model_fields} | stack | ELSEWHERE
    known |= {f"RESELL_{name.upper()}_FILE" for name in FILES}
    for page in OURS:
        assert set(re.findall(r"\bRESELL_[A-Z_]+\b", page.text)) <= known, page.path.name
    assert stack <= set(re.findall(r"RESELL_STACK_\w+", OPERATIONS.text))
