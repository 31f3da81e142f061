"""Every test is run by `make test` or by `make proof`, none by both, and CI runs both commands."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.infrastructure.nested import RunPytest
from tests.infrastructure.processes import PROJECT

TESTS = PROJECT / "tests"
LONG_ALONE = {
    "backup/test_rehearsal.py": "backup/test_script.py",
    "benchmarks/test_soak_live.py": "model/test_model.py",
    "cli/test_batches.py": "storefront/test_batches.py",
    "cli/test_life.py": "storefront/test_life_api.py",
    "cli/test_orders.py": "cli/test_api_mode.py",
    "cli/test_types.py": "orders/test_types.py",
    "console/test_browser.py": "console/test_inbox.py",
    "console/test_by_hand_browser.py": "console/test_tasks.py",
    "console/test_candidates_browser.py": "console/test_upstreams.py",
    "console/test_choosing_browser.py": "console/test_bulk.py",
    "console/test_keys_browser.py": "console/test_inbox.py",
    "console/test_long_pages.py": "storefront/test_long_lists.py",
    "console/test_request_pages.py": "console/test_requests.py",
    "console/test_seven_acts.py": "console/test_bulk.py",
    "console/test_tasks_browser.py": "console/test_tasks.py",
    "farside/test_at_their_side.py": "farside/test_cuts.py",
    "farside/test_backup.py": "orders/test_restoration.py",
    "farside/test_by_hand.py": "linking/test_adopt.py",
    "farside/test_calling_off.py": "orders/test_calling_off.py",
    "farside/test_closing.py": "farside/test_cuts.py",
    "farside/test_drop_addons.py": "orders/test_addons.py",
    "farside/test_events.py": "upstreams/test_resellflow_events.py",
    "farside/test_held_prices.py": "upstreams/test_resellflow_quotes.py",
    "farside/test_long_operations.py": "farside/test_cuts.py",
    "farside/test_people_and_cuts.py": "farside/test_cuts.py",
    "farside/test_prices.py": "orders/test_prices.py",
    "farside/test_stories.py": "farside/test_cuts.py",
    "farside/test_tokens.py": "upstreams/test_resellflow.py",
    "flow/test_backup.py": "orders/test_restoration.py",
    "flow/test_backup_and_temporal.py": "orders/test_restoration.py",
    "flow/test_backup_command.py": "orders/test_restoration.py",
    "flow/test_both_sides.py": "orders/test_tracking.py",
    "flow/test_by_hand.py": "flow/test_life.py",
    "flow/test_carts.py": "carts/test_troubles.py",
    "flow/test_console_requests.py": "console/test_requests.py",
    "flow/test_costs_of_ours.py": "storefront/test_told.py",
    "flow/test_dead_ends.py": "workflows/test_confirmation.py",
    "flow/test_decisions.py": "storefront/test_decisions.py",
    "flow/test_drift.py": "orders/test_drift.py",
    "flow/test_encryption.py": "payloads/test_codec.py",
    "flow/test_heads.py": "poller/test_pace.py",
    "flow/test_history.py": "orders/test_tracking.py",
    "flow/test_many_renewals.py": "orders/test_renewals.py",
    "flow/test_metrics.py": "metrics/test_figures.py",
    "flow/test_money_in_line.py": "orders/test_funds.py",
    "flow/test_new_kind.py": "docs/test_operations.py",
    "flow/test_old_program.py": "orders/test_expansion.py",
    "flow/test_pairs.py": "orders/test_addons.py",
    "flow/test_paused.py": "orders/test_pausing.py",
    "flow/test_prices.py": "orders/test_prices.py",
    "flow/test_privacy.py": "workflows/test_redaction.py",
    "flow/test_process_watch.py": "orders/test_watch.py",
    "flow/test_quotes.py": "plans/test_quotes.py",
    "flow/test_refunds.py": "orders/test_refunds.py",
    "flow/test_renewal_year.py": "orders/test_renewals.py",
    "flow/test_renewals_killed.py": "orders/test_renewals.py",
    "flow/test_renewals_tried_again.py": "orders/test_renewals.py",
    "flow/test_slots.py": "upstreams/test_circuit.py",
    "flow/test_storefront.py": "storefront/test_life_api.py",
    "flow/test_sweep_killed.py": "flow/test_sweep.py",
    "flow/test_sweep_schedule.py": "flow/test_sweep.py",
    "flow/test_turns.py": "orders/test_queueing.py",
    "flow/test_two_shops.py": "storefront/test_tenancy.py",
    "flow/test_versions.py": "workflows/test_registration.py",
    "metrics/test_recorded_run.py": "metrics/test_shipped.py",
    "stack/test_embedded.py": "stack/test_stack.py",
    "standin/tales_of_corners.py": "standin/tales_of_lost_answers.py",
    "standin/tales_of_killed_worker.py": "flow/test_every_operation.py",
    "standin/tales_of_trouble.py": "flow/test_faults.py",
    "storefront/test_absurd_paths.py": "fuzz/test_schema.py",
    "storefront/test_batches_killed.py": "storefront/test_batches.py",
}
"""A file of long stories alone -> the file in which `make test` proves the same promise in another way."""


def _selections() -> dict[str, str]:
    """Of each target of the Makefile that chooses tests by their marks, the choice."""
    text = (PROJECT / "Makefile").read_text(encoding="utf-8")
    return dict(re.findall(r'(?m)^([a-z-]+): .*\n\t.* -m pytest .* -m "([^"]+)"', text))


def test_the_two_commands_divide_all_tests_among_them() -> None:
    assert _selections() == {"test": "not proof", "proof": "proof"}


def test_ci_runs_both_whole() -> None:
    script = (PROJECT / ".ci/run").read_text(encoding="utf-8")
    assert "for tests in test proof; do" in script
    run = re.findall(r"(?m)^ *(?:time )?make (?!install|lint|types)(.*?)(?: 2>.*)?$", script)
    assert run == ['"$tests"'], "nothing limits them"


def test_of_every_kind_of_long_story_one_is_in_make_test() -> None:
    """A file holds stories of one kind. So none consists of long ones alone, unless another file has that kind, too."""
    texts = {path: path.read_text(encoding="utf-8") for path in TESTS.rglob("*.py")}
    files = {path: ast.parse(text) for path, text in texts.items() if "pytest.mark.proof" in text}
    assert len([path for path, tree in files.items() if any(map(_is_mark, ast.walk(tree)))]) > 5, "long ones are found"
    only_long = {str(path.relative_to(TESTS)) for path, tree in files.items() if _marks_all(tree)}
    assert only_long == set(LONG_ALONE)
    assert {TESTS / other for other in LONG_ALONE.values()} <= set(texts)
    assert only_long.isdisjoint(LONG_ALONE.values())


SMALL_TEST = """
    import pytest

    @pytest.fixture(params=["sqlite", "postgresql"])
    def database_url(request):
        return request.param

    def test_a_rule(database_url):
        pass

    @pytest.mark.dialects
    def test_a_lock(database_url):
        pass

    @pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
    def test_by_itself(database_url):
        pass
"""


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        ("not proof", {"a_rule[sqlite]", "a_lock[sqlite]", "a_lock[postgresql]", "by_itself[postgresql]"}),
        pytest.param("proof", {"a_rule[postgresql]"}, marks=pytest.mark.proof),
    ],
)
def test_what_is_the_same_on_both_databases_runs_on_the_second_one_in_make_proof(
    run_pytest: RunPytest, choice: str, chosen: set[str]
) -> None:
    ran = run_pytest(SMALL_TEST, "-p", "tests.infrastructure.dialects", "-m", choice, "-v")
    assert set(re.findall(r"::test_(\S+) PASSED", ran.output)) == chosen, ran.output


def _marks_all(tree: ast.Module) -> bool:
    whole = [line for line in tree.body if isinstance(line, ast.Assign) and any(map(_is_mark, ast.walk(line.value)))]
    if any(isinstance(target, ast.Name) and target.id == "pytestmark" for line in whole for target in line.targets):
        return True
    tests = list(_tests(tree))
    return bool(tests) and all(any(map(_is_mark, test.decorator_list)) for test in tests)


def _tests(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for part in ast.walk(tree):
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part.name.startswith("test_"):
            yield part


def _is_mark(part: ast.AST) -> bool:
    """`pytest.mark.proof`"""
    return isinstance(part, ast.Attribute) and part.attr == "proof" and ast.unparse(part) == "pytest.mark.proof"
