"""Names and numbers that people and upstreams see."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from models.enums import OperationKind
from models.product_types import PRODUCT_TYPES, Form
from orders.services import naming
from orders.services.forms import normal_form
from orders.services.meaning import same_value


@pytest.mark.parametrize(
    ("given", "ascii_form"),
    [
        ("v1.example.com", "v1.example.com"),
        ("V1.Example.COM", "v1.example.com"),
        ("  v1.example.com\n", "v1.example.com"),
        ("v1.example.com.", "v1.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("例え。jp", "xn--r8jz45g.jp"),
        ("V1｡Example．com。", "v1.example.com"),
        ("a-b.c-d.example", "a-b.c-d.example"),
        ("1.2.3.example", "1.2.3.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        (f"{'a' * 63}.example", f"{'a' * 63}.example"),
    ],
)
def test_a_domain_is_taken_in_its_ascii_form(given: str, ascii_form: str) -> None:
    assert naming.check_domain(given) == ascii_form


@pytest.mark.parametrize("given", ["v1.example.com", "bücher.example", "ПРИМЕР.рф."])
def test_a_domain_in_its_ascii_form_stays_as_it_is(given: str) -> None:
    once = naming.check_domain(given)
    assert naming.check_domain(once) == once


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("localhost", "at least two parts"),
        ("", "not a domain name"),
        ("   ", "not a domain name"),
        (".", "not a domain name"),
        ("a..b", "not a domain name"),
        (".example.com", "not a domain name"),
        ("-a.example", "not a domain name"),
        ("a-.example", "not a domain name"),
        ("a b.example", "not a domain name"),
        ("a_b.example", "not a domain name"),
        ("*.example.com", "not a domain name"),
        ("http://example.com", "not a domain name"),
        ("user@example.com", "not a domain name"),
        ("example.com/path", "not a domain name"),
        ("example.com:80", "not a domain name"),
        ("☃.example", "not a domain name"),
        ("10.0.0.1", "looks like an address"),
        (f"{'a' * 64}.example", "not a domain name"),
        (".".join(["abcdefghi"] * 30), "not a domain name: Domain too long|longer than"),
        ("::1", "not a domain name"),
    ],
)
def test_what_is_no_domain_is_refused_in_words(given: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        naming.check_domain(given)


@pytest.mark.parametrize("kind", OperationKind)
def test_workflow_ids_hold_the_numbers_that_people_see(kind: OperationKind) -> None:
    found = naming.workflow_id(1042, kind, 7)
    assert found == f"service-1042-{kind.value.replace('_', '-')}-7"


def test_a_poller_is_named_after_its_account() -> None:
    assert naming.poller_id("main") == "event-poller-main"


def test_marks_of_two_installations_or_services_never_meet() -> None:
    marks = {naming.mark(tag, service) for tag in ("abcde", "fghij") for service in (1, 11, 111)}
    assert len(marks) == 6
    assert naming.mark("abcde", 1042) == "rf-abcde-1042"


def test_a_service_without_a_domain_is_named_after_its_mark() -> None:
    server = naming.own_name(PRODUCT_TYPES["vds"], "rf-abcde-1", "servers.internal")
    assert server == "rf-abcde-1.servers.internal"
    assert naming.check_domain(server) == server, "and an upstream that checks domains takes it"
    assert naming.own_name(PRODUCT_TYPES["soft"], "rf-abcde-1", "servers.internal") == "rf-abcde-1"


def test_a_mark_that_was_used_in_vain_is_followed_by_another_of_the_same_service() -> None:
    marks = [naming.mark("abcde", 1042)]
    for _ in range(10):
        marks.append(naming.next_mark(marks[-1]))
    assert marks[:3] == ["rf-abcde-1042", "rf-abcde-1042-2", "rf-abcde-1042-3"]
    assert marks[-1] == "rf-abcde-1042-11"
    assert len(set(marks)) == len(marks)
    assert all(naming.is_mark(mark) for mark in marks)
    assert not any(naming.is_mark(words) for words in ("for anna", "rf-abcde", "rf-abcde-x", "", "perf-abcde-1"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("сервер.example.test", "xn--b1afb6bcb.example.test"),
        ("V1.Example.Test", "v1.example.test"),
        ("v1.example.test.", "v1.example.test"),
        ("*.Example.Test", "*.example.test"),
        ("bücher.example", "xn--bcher-kva.example"),
        (" L-1001 ", "l-1001"),
    ],
)
def test_names_are_the_same_by_meaning(one: str, other: str) -> None:
    assert naming.same_name(one, other)
    assert naming.same_name(other, one)


@pytest.mark.parametrize(
    ("one", "other"), [("", ""), ("a.example", ""), ("a.example", "b.example"), ("a.example", "www.a.example")]
)
def test_other_names_are_not_the_same(one: str, other: str) -> None:
    assert not naming.same_name(one, other)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(form=some.sampled_from(Form), value=some.text(max_size=60))
@example(form=Form.HOST, value=" G002｡ａB2。")
def test_a_value_in_its_one_spelling_stays_as_it_is(form: Form, value: str) -> None:
    try:
        once = normal_form(form, value)
    except ValueError:
        return
    assert normal_form(form, once) == once
    assert same_value(once, value)


@pytest.mark.parametrize("stop", ["。", "．", "｡", ".\u00ad", "..", ".。", " .", ". .\u2003"])
def test_a_full_stop_of_any_script_at_the_end_says_nothing(stop: str) -> None:
    assert naming.same_name(f"v1.example.com{stop}", "v1.example.com")
    assert naming.check_domain(f"v1.example.com{stop}") == "v1.example.com"
