"""What changed between two looks at an item: one row for each kind of event, and what is never believed."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from models.enums import EventKind, SuspendReason, UpstreamStatus
from models.events import UpstreamSnapshot
from models.money import Money
from orders.events.differences import (
    Change,
    as_listed,
    compare,
    list_is_behind,
    new_snapshot,
    note_listed,
    update_snapshot,
)
from upstreams.port import UpstreamItem

K, S = EventKind, UpstreamStatus
SEEN_ONLY_BY_THE_INTAKE = {K.APPEARED, K.VANISHED, K.FIRST_LOOK}

ITEM = UpstreamItem(
    number="17",
    product_type="vds",
    status=S.ACTIVE,
    name="v1.example.com",
    mark="rf-abcde-1",
    expires_on=date(2026, 5, 1),
    tariff="VDS-1",
    cost=Money.of("5.00", "EUR"),
    ip="192.0.2.1",
    renewal="no",
    raw={"id": "17"},
)


def item(**changes: Any) -> UpstreamItem:
    return ITEM.model_copy(update=changes)


def snapshot(**changes: Any) -> UpstreamSnapshot:
    """An item as it was seen listed."""
    seen = item(**changes)
    made = new_snapshot(1, seen)
    note_listed(made, seen)
    return made


def after(start: UpstreamSnapshot, *items: UpstreamItem) -> UpstreamSnapshot:
    for one in items:
        update_snapshot(start, one, compare(start, one))
    return start


CASES: list[tuple[str, UpstreamSnapshot, UpstreamItem, dict[EventKind, dict[str, tuple[str, str]]]]] = [
    ("nothing", snapshot(), item(), {}),
    ("opened", snapshot(status=S.PROCESSING), item(), {K.OPENED: {"status": ("processing", "active")}}),
    ("opened from ordered", snapshot(status=S.ORDERED), item(), {K.OPENED: {"status": ("ordered", "active")}}),
    (
        "opened through processing",
        after(snapshot(status=S.ORDERED), item(status=S.PROCESSING)),
        item(),
        {K.OPENED: {"status": ("processing", "active")}},
    ),
    (
        "suspended with its reason",
        snapshot(),
        item(status=S.SUSPENDED, suspend_reason=SuspendReason.ABUSE),
        {K.SUSPENDED: {"status": ("active", "suspended"), "suspend_reason": ("", "abusesuspend")}},
    ),
    ("suspended without", snapshot(), item(status=S.SUSPENDED), {K.SUSPENDED: {"status": ("active", "suspended")}}),
    (
        "suspended for another reason",
        snapshot(status=S.SUSPENDED, suspend_reason=SuspendReason.AUTOMATIC),
        item(status=S.SUSPENDED, suspend_reason=SuspendReason.STAFF),
        {K.SUSPENDED: {"suspend_reason": ("autosuspend", "employeesuspend")}},
    ),
    (
        "suspended still, the reason not shown this time",
        snapshot(status=S.SUSPENDED, suspend_reason=SuspendReason.STAFF),
        item(status=S.SUSPENDED),
        {},
    ),
    ("resumed", snapshot(status=S.SUSPENDED), item(), {K.RESUMED: {"status": ("suspended", "active")}}),
    (
        "resumed through processing",
        after(snapshot(status=S.SUSPENDED), item(status=S.PROCESSING)),
        item(),
        {K.RESUMED: {"status": ("processing", "active")}},
    ),
    ("closed", snapshot(), item(status=S.DELETED), {K.CLOSED: {"status": ("active", "deleted")}}),
    (
        "worked upon",
        snapshot(),
        item(status=S.PROCESSING, status_detail="item_status_5_set_param"),
        {K.OPERATION_STARTED: {"status": ("active", "processing"), "status_detail": ("", "item_status_5_set_param")}},
    ),
    (
        "worked upon and active again",
        after(snapshot(), item(status=S.PROCESSING)),
        item(),
        {K.OPERATION_ENDED: {"status": ("processing", "active")}},
    ),
    (
        "back to ordered, which means little",
        snapshot(),
        item(status=S.ORDERED),
        {K.PARAMETERS_CHANGED: {"status": ("active", "ordered")}},
    ),
    (
        "prolonged",
        snapshot(),
        item(expires_on=date(2026, 6, 1)),
        {K.PROLONGED: {"expires_on": ("2026-05-01", "2026-06-01")}},
    ),
    (
        "shortened",
        snapshot(),
        item(expires_on=date(2026, 4, 30)),
        {K.SHORTENED: {"expires_on": ("2026-05-01", "2026-04-30")}},
    ),
    (
        "an expiry for the first time",
        snapshot(expires_on=None),
        item(),
        {K.PARAMETERS_CHANGED: {"expires_on": ("", "2026-05-01")}},
    ),
    ("an expiry not shown this time", snapshot(), item(expires_on=None), {}),
    ("another tariff", snapshot(), item(tariff="VDS-2"), {K.PLAN_CHANGED: {"tariff": ("VDS-1", "VDS-2")}}),
    (
        "a tariff for the first time",
        snapshot(tariff=""),
        item(),
        {K.PARAMETERS_CHANGED: {"tariff": ("", "VDS-1")}},
    ),
    ("a tariff not shown this time", snapshot(), item(tariff=""), {}),
    ("another address", snapshot(), item(ip="192.0.2.2"), {K.PARAMETERS_CHANGED: {"ip": ("192.0.2.1", "192.0.2.2")}}),
    ("another mark", snapshot(), item(mark="x"), {K.PARAMETERS_CHANGED: {"mark": ("rf-abcde-1", "x")}}),
    ("a mark not shown this time", snapshot(), item(mark=None), {}),
    (
        "several parameters in one event",
        snapshot(tariff="", expires_on=None),
        item(ip="192.0.2.2", renewal="yes"),
        {
            K.PARAMETERS_CHANGED: {
                "expires_on": ("", "2026-05-01"),
                "tariff": ("", "VDS-1"),
                "ip": ("192.0.2.1", "192.0.2.2"),
                "renewal": ("no", "yes"),
            }
        },
    ),
    (
        "another cost",
        snapshot(),
        item(cost=Money.of("6.00", "EUR")),
        {K.COST_CHANGED: {"cost": ("5.00 EUR", "6.00 EUR")}},
    ),
    (
        "the same amount in another currency",
        snapshot(),
        item(cost=Money.of("5.00", "USD")),
        {K.COST_CHANGED: {"cost": ("5.00 EUR", "5.00 USD")}},
    ),
    ("a cost for the first time", snapshot(cost=None), item(), {K.COST_CHANGED: {"cost": ("", "5.00 EUR")}}),
    ("nothing to pay, for the first time", snapshot(cost=None), item(cost=Money.zero("EUR")), {}),
    ("a cost not shown this time", snapshot(), item(cost=None), {}),
    (
        "just below a hundred times the cost",
        snapshot(),
        item(cost=Money.of("499.99", "EUR")),
        {K.COST_CHANGED: {"cost": ("5.00 EUR", "499.99 EUR")}},
    ),
    # What can't be right.
    (
        "an expiry in 1969",
        snapshot(),
        item(expires_on=date(1969, 12, 31)),
        {K.HELD_BACK: {"expires_on": ("2026-05-01", "1969-12-31")}},
    ),
    ("a cost of nothing", snapshot(), item(cost=Money.zero("EUR")), {K.HELD_BACK: {"cost": ("5.00 EUR", "0.00 EUR")}}),
    (
        "a cost below nothing",
        snapshot(),
        item(cost=Money.of("-1", "EUR")),
        {K.HELD_BACK: {"cost": ("5.00 EUR", "-1.00 EUR")}},
    ),
    (
        "a hundred times the cost",
        snapshot(),
        item(cost=Money.of("500", "EUR")),
        {K.HELD_BACK: {"cost": ("5.00 EUR", "500.00 EUR")}},
    ),
    ("no key yet", snapshot(), item(raw={"key_ready": "no"}), {}),
    (
        "a key has come",
        snapshot(raw={"key_ready": "no"}),
        item(raw={"key_ready": "yes"}),
        {K.KEY_READY: {"key_ready": ("no", "yes")}},
    ),
    (
        "a key is being made anew",
        snapshot(raw={"key_ready": "yes"}),
        item(raw={"key_ready": "no"}),
        {K.PARAMETERS_CHANGED: {"key_ready": ("yes", "no")}},
    ),
    ("a list does not tell of keys", snapshot(raw={"key_ready": "yes"}), item(), {}),
    (
        "a slip beside a change",
        snapshot(),
        item(expires_on=date(1999, 12, 31), ip="192.0.2.2"),
        {
            K.HELD_BACK: {"expires_on": ("2026-05-01", "1999-12-31")},
            K.PARAMETERS_CHANGED: {"ip": ("192.0.2.1", "192.0.2.2")},
        },
    ),
]


@pytest.mark.parametrize(("before", "now", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_two_looks_make_these_events(
    before: UpstreamSnapshot, now: UpstreamItem, expected: dict[EventKind, dict[str, tuple[str, str]]]
) -> None:
    changes = compare(before, now)
    assert {change.kind: change.fields for change in changes} == expected
    assert len(changes) == len(expected), "one event of each kind"


def test_every_kind_of_event_is_among_them() -> None:
    made = {kind for case in CASES for kind in case[3]}
    assert made == set(EventKind) - SEEN_ONLY_BY_THE_INTAKE


@pytest.mark.parametrize(("before", "now"), [case[1:3] for case in CASES], ids=[case[0] for case in CASES])
def test_what_was_told_once_is_not_told_again(before: UpstreamSnapshot, now: UpstreamItem) -> None:
    known = UpstreamSnapshot(**before.model_dump())
    update_snapshot(known, now, compare(known, now))
    assert compare(known, now) == []


def test_the_status_comes_first() -> None:
    changes = compare(snapshot(status=S.PROCESSING), item(ip="192.0.2.9", expires_on=date(2027, 1, 1)))
    assert [change.kind for change in changes] == [K.OPENED, K.PROLONGED, K.PARAMETERS_CHANGED]


def test_a_value_held_back_does_not_enter_the_snapshot_and_is_said_once() -> None:
    known = snapshot()
    slip = item(expires_on=date(1969, 12, 31), cost=Money.zero("EUR"), ip="192.0.2.2")
    update_snapshot(known, slip, compare(known, slip))
    assert (known.expires_on, known.cost_amount, known.ip) == (date(2026, 5, 1), Decimal("5.00"), "192.0.2.2")
    assert known.held_back == {"expires_on": "1969-12-31", "cost": "0.00 EUR"}
    assert compare(known, slip) == []
    another = slip.model_copy(update={"expires_on": date(1970, 1, 1)})
    assert [change.kind for change in compare(known, another)] == [K.HELD_BACK]


def test_a_first_look_takes_no_expiry_that_can_not_be_right() -> None:
    assert snapshot(expires_on=date(1969, 12, 31)).expires_on is None


def test_an_item_that_is_back_from_being_gone_says_its_state() -> None:
    known = snapshot(status=S.DELETED)
    known.gone = True
    known.misses = 2
    [change] = compare(known, item())
    assert change == Change(K.OPENED, {"status": ("deleted", "active")})
    update_snapshot(known, item(), [change])
    assert (known.gone, known.misses) == (False, 0)


def test_everything_told_counts_as_a_version_so_that_no_two_events_are_one() -> None:
    known = snapshot()
    slip = item(cost=Money.zero("EUR"))
    versions = []
    for now in (item(), slip, slip, item(ip="192.0.2.2"), slip):
        update_snapshot(known, now, compare(known, now))
        versions.append(known.version)
    assert versions == [1, 2, 2, 3, 4]


def test_the_reason_of_a_suspension_ends_with_it() -> None:
    known = after(snapshot(), item(status=S.SUSPENDED, suspend_reason=SuspendReason.STAFF))
    assert known.suspend_reason == "employeesuspend"
    assert after(known, item()).suspend_reason is None


# List and form of one item may write the same thing in two ways.

FORM = item(name="v1.example.com.", tariff="58", cost=Money.of("60.00", "EUR"), ip="192.0.2.1, 192.0.2.9", mark="")


def test_reading_list_and_form_in_turn_is_no_change() -> None:
    known = snapshot()
    for _ in range(3):
        assert compare(known, as_listed(known, FORM)) == []
        assert compare(known, item()) == []


def test_what_the_list_does_not_show_the_form_tells() -> None:
    known = snapshot(ip="", tariff="", mark=None, cost=None)
    changes = compare(known, as_listed(known, FORM))
    assert {name for change in changes for name in change.fields} == {"ip", "tariff", "cost"}
    after(known, as_listed(known, FORM))
    assert (known.ip, known.tariff) == ("192.0.2.1, 192.0.2.9", "58")
    assert compare(known, item(ip="", tariff="", mark=None, cost=None)) == [], "the list has nothing against it"


def test_the_status_is_believed_from_both_and_the_expiry_from_the_list_that_shows_it() -> None:
    known = snapshot()
    form = as_listed(known, FORM.model_copy(update={"status": S.SUSPENDED, "expires_on": date(2026, 6, 1)}))
    assert [change.kind for change in compare(known, form)] == [K.SUSPENDED]


def test_what_was_received_is_kept() -> None:
    known = after(snapshot(), item(raw={"id": "17", "note": "x"}), item(raw={"other": "y"}, ip="192.0.2.2"))
    assert known.raw == {"id": "17", "note": "x", "other": "y"}


def test_a_cost_finer_than_what_is_stored_is_one_event() -> None:
    known = snapshot()
    finer = item(cost=Money.of("0.16438", "EUR"))
    assert [change.kind for change in compare(known, finer)] == [K.COST_CHANGED]
    update_snapshot(known, finer, compare(known, finer))
    assert known.cost_amount == Decimal("0.1644"), "as the database gives it back"
    assert compare(known, finer) == []


def test_a_form_without_a_status_leaves_the_lists() -> None:
    known = snapshot(status=S.SUSPENDED, status_detail="item_status_3_abusesuspend", suspend_reason=SuspendReason.ABUSE)
    form = as_listed(known, item(status=S.UNKNOWN, raw={"ostempl": "debian"}))
    assert (form.status, form.status_detail) == (S.SUSPENDED, "item_status_3_abusesuspend")
    assert compare(known, form) == []


def test_a_status_that_is_not_shown_is_no_change_beside_another() -> None:
    known = snapshot(status=S.SUSPENDED, suspend_reason=SuspendReason.ABUSE)
    unsaid = item(status=S.UNKNOWN, ip="192.0.2.2")
    changes = compare(known, unsaid)
    assert [change.kind for change in changes] == [K.PARAMETERS_CHANGED]
    update_snapshot(known, unsaid, changes)
    assert (known.status, known.suspend_reason, known.ip) == (S.SUSPENDED, SuspendReason.ABUSE.value, "192.0.2.2")
    assert compare(known, item(status=S.SUSPENDED, ip="192.0.2.2")) == []


def test_an_expiry_that_form_and_list_write_differently_is_no_change() -> None:
    known = snapshot()
    form = item(expires_on=date(2026, 5, 3), raw={"expiredate": "2026-05-03"})
    assert compare(known, as_listed(known, form)) == []
    assert list_is_behind(known, form), "the form has changed: is the list newer too?"
    known.form = form.raw
    assert not list_is_behind(known, form), "asked once"


def test_a_forms_expiry_counts_where_the_list_shows_none() -> None:
    known = snapshot(expires_on=None)
    form = as_listed(known, item(expires_on=date(2026, 6, 1)))
    assert {change.kind: change.fields for change in compare(known, form)} == {
        K.PARAMETERS_CHANGED: {"expires_on": ("", "2026-06-01")}
    }
    assert not list_is_behind(known, item(expires_on=date(2026, 7, 1)))


def renewed(code: str | None, **more: Any) -> UpstreamItem:
    """A row of a list that tells this."""
    return item(renewal=code, **more)


def seen_renewed() -> UpstreamSnapshot:
    made = new_snapshot(1, renewed("1"))
    note_listed(made, renewed("1"))
    return made


def test_a_column_that_is_emptied_is_a_change_of_who_renews() -> None:
    known = seen_renewed()
    [change] = compare(known, renewed(""))
    assert (change.kind, change.fields) == (K.PARAMETERS_CHANGED, {"renewal": ("1", "")})
    update_snapshot(known, renewed(""), [change])
    note_listed(known, renewed(""))
    assert compare(known, renewed("")) == []
    [back] = compare(known, renewed("1"))
    assert back.fields == {"renewal": ("", "1")}


def test_a_row_that_does_not_tell_how_it_is_renewed_is_no_change() -> None:
    assert compare(seen_renewed(), renewed(None)) == []


def test_a_form_that_says_off_is_no_change_where_the_list_is_empty_then() -> None:
    known = new_snapshot(1, renewed(""))
    note_listed(known, renewed(""))
    form = item(renewal="null", renews=False)
    assert compare(known, as_listed(known, form)) == []
    assert compare(seen_renewed(), as_listed(seen_renewed(), form)) == [], "the list is what counts"
