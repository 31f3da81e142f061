"""What callers write into an order or a list: kept in one spelling, or refused in a sentence."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as some

from models.product_types import Form
from orders.errors import InvalidField
from orders.services.forms import normal_form
from orders.services.naming import canonical, check_domain
from orders.tasks.views import age
from orders.text import check_lines
from orders.views import PageRequest
from tests.fuzz.amount import at_once, tries
from tests.fuzz.texts import anything, shown
from upstreams.retry_after import retry_after

labels = some.text("abcß-_.éİ мир中。１１a1@ xn", max_size=80)
values = (
    anything
    | shown
    | labels
    | some.builds("{}.{}".format, labels, some.sampled_from(["example.com", "рф", "com."]))
    | some.builds("{}@{}".format, labels, some.sampled_from(["example.com", "EXAMPLE.com.", "пример.рф"]))
    | some.ip_addresses().map(str)
    | some.builds(lambda text, times: text * times, some.text(min_size=1, max_size=4), some.integers(1, 5000))
)


@given(some.sampled_from(list(Form)), values)
@tries(150)
def test_a_value_has_one_spelling_or_is_refused(form: Form, text: str) -> None:
    with at_once():
        try:
            kept = normal_form(form, text)
        except ValueError:
            return
        assert normal_form(form, kept) == kept
        check_lines(kept)
        assert len(kept) <= len(text) * 20


@given(values)
@tries(100)
def test_a_name_has_one_spelling_or_is_none(text: str) -> None:
    with at_once():
        assert canonical(canonical(text)) == canonical(text)
        try:
            domain = check_domain(text)
        except ValueError:
            return
        assert check_domain(domain) == domain
        assert domain.isascii()
        assert len(domain) <= 253
        assert canonical(text) == canonical(domain)


@given(values)
@tries(60)
def test_a_cursor_or_an_age_is_right_or_refused_by_its_name(text: str) -> None:
    with at_once():
        for field, read in (
            ("cursor", lambda: PageRequest(cursor=text).before("task")),
            ("older_than", lambda: age("older_than", text)),
        ):
            try:
                read()
            except InvalidField as error:
                if error.field != field:
                    raise
        assert retry_after(text, datetime(2026, 3, 1, tzinfo=UTC)) >= 0
