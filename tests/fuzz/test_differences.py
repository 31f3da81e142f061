"""What changed, and what means the same: by rules that hold for whatever is shown."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as some

from models.enums import SuspendReason, UpstreamStatus
from models.events import UpstreamSnapshot
from models.money import Money
from orders.events.differences import (
    as_listed,
    compare,
    list_is_behind,
    new_snapshot,
    note_form,
    note_listed,
    update_snapshot,
)
from orders.services.meaning import number_of, same_renewal, same_value
from orders.services.naming import canonical, same_name
from tests.fuzz.amount import at_once, tries
from tests.fuzz.texts import anything, shown
from upstreams.port import UpstreamItem

words = shown | some.text(max_size=20)
read = some.builds(
    UpstreamItem,
    number=some.just("17"),
    product_type=some.just("vds"),
    status=some.sampled_from(list(UpstreamStatus)),
    status_detail=words,
    suspend_reason=some.none() | some.sampled_from(list(SuspendReason)),
    name=words,
    mark=some.none() | words,
    expires_on=some.none() | some.dates(date(2026, 1, 1), date(2027, 12, 31)) | some.dates(),
    tariff=words,
    tariff_id=some.sampled_from(["", "58", "59"]),
    cost=some.none() | some.builds(Money.of, some.decimals(0, 10**6, places=4), some.sampled_from(["EUR", "USD"])),
    ip=words,
    renewal=some.none() | words,
    renews=some.none() | some.booleans(),
    raw=some.dictionaries(some.sampled_from(["id", "key_ready", "ip"]), words, max_size=2),
)


@some.composite
def items(draw: some.DrawFn) -> UpstreamItem:
    """As the adapter makes them: what can't be read is missing."""
    unreadable = draw(some.dictionaries(some.sampled_from(["name", "cost", "expires_on"]), words, max_size=2))
    missing = {name: "" if name == "name" else None for name in unreadable}
    return draw(read).model_copy(update={**missing, "unreadable": unreadable})


def look(snapshot: UpstreamSnapshot, item: UpstreamItem) -> list[str]:
    """What one look at it tells."""
    with at_once():
        changes = compare(snapshot, item)
        update_snapshot(snapshot, item, changes)
    return [change.kind.value for change in changes]


@given(items())
@tries(60)
def test_what_was_just_seen_has_not_changed(item: UpstreamItem) -> None:
    snapshot = new_snapshot(1, item)

    assert look(snapshot, item) == []


@given(some.lists(items(), min_size=2, max_size=5))
@tries(60)
def test_a_second_look_at_the_same_tells_nothing_new(seen: list[UpstreamItem]) -> None:
    snapshot = new_snapshot(1, seen[0])
    note_listed(snapshot, seen[0])
    for item in seen[1:]:
        look(snapshot, item)
        version = snapshot.version

        assert look(snapshot, item) == []
        assert snapshot.version == version


@given(items(), items())
@tries(60)
def test_what_a_form_says_otherwise_is_no_change_of_the_list(listed: UpstreamItem, form: UpstreamItem) -> None:
    snapshot = new_snapshot(1, listed)
    note_listed(snapshot, listed)
    with at_once():
        list_is_behind(snapshot, form)
        look(snapshot, as_listed(snapshot, form))
        note_form(snapshot, form)

    for name in ("name", "ip", "expires_on"):
        if name in snapshot.listed:
            assert getattr(snapshot, name) in (getattr(listed, name), "", None)


@given(anything | shown, anything | shown)
@tries(150)
def test_any_two_values_can_be_compared(shown: str, wanted: str) -> None:
    with at_once():
        assert same_value(shown, shown)
        same = same_value(shown, wanted)
        assert same_value(wanted, shown) is same
        same_renewal(shown, wanted)
        same_value(None, wanted)
        number_of(shown)
        canonical(shown)
        assert same_name(shown, wanted) is same_name(wanted, shown)


@given(some.integers(0, 10**9), some.sampled_from(["{0}", "{0}.0", "{0},00", "{0} GB", "{0} шт.", "{1}", "{1} MB"]))
@tries(100)
def test_a_number_is_the_same_however_it_is_written(number: int, form: str) -> None:
    text = form.format(number, f"{number:,}".replace(",", " "))

    assert number_of(text) == Decimal(number)
    assert same_value(text, str(number))
    assert not same_value(text, str(number + 1))
