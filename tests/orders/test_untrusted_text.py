"""Text that others wrote, made fit for histories, terminals and Markdown."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.enums import FailureClass
from models.messages import Funds, FundsResult, StepResult, Submission, SubmitResult
from models.untrusted_text import as_code, masked, masked_message, shortened, visible, visible_lines


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("write to anna.m+x@kunde.example.de now", "write to ‹e-mail address› now"),
        ("<anna%relay@kunde.example>", "<‹e-mail address›>"),
        ("ü.ö@bücher.example", "‹e-mail address›"),
        ("call +49 170 1234567.", "call ‹telephone number›."),
        ("call +7(495)123-45-67", "call ‹telephone number›"),
        ("call 8 (495) 123-45-67 or (0511) 123 45 67", "call ‹telephone number› or ‹telephone number›"),
        ("you sent authinfo=reseller:hunter22&out=json", "you sent authinfo=‹secret›&out=json"),
        ("password=hunter22 is weak", "password=‹secret› is weak"),
        ("password: hunter22, Passwort: hunter22", "password: ‹secret› Passwort: ‹secret›"),
        ("PASSWORD=hunter22", "PASSWORD=‹secret›"),
        ("anna%40kunde.example, anna&#64;kunde.example", "‹e-mail address›, ‹e-mail address›"),
        ("anna＠kunde.example or anna [at] kunde.example", "‹e-mail address› or ‹e-mail address›"),
        ("call 0170/555-12-34 or 0511 123 45 67", "call ‹telephone number› or ‹telephone number›"),
        ("call 0049 170 5551234, 8 800 555-35-35", "call ‹telephone number›, ‹telephone number›"),
        ("call 555-123-4567", "call ‹telephone number›"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ‹secret›"),
        (
            "a -----BEGIN CERTIFICATE REQUEST-----\nMII\n-----END CERTIFICATE REQUEST----- b",
            "a ‹certificate request› b",
        ),
        ("cut off: -----BEGIN PRIVATE KEY-----\nMII", "cut off: ‹certificate request›"),
    ],
)
def test_what_is_private_is_left_out_and_named(said: str, kept: str) -> None:
    assert masked(said) == kept


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Shop.Example is taken", "‹name› is taken"),
        ("wanted shop.example, shows www.shop.example.", "wanted ‹name›, shows ‹name›."),
        ("(shop.example)", "(‹name›)"),
        ("my-shop.example, shop.example.net, shop-example", "my-shop.example, shop.example.net, shop-example"),
        ("jane@shop.example", "‹e-mail address›"),
        ("customer anna-of-a", "customer ‹name›"),
    ],
)
def test_names_that_are_known_are_left_out(said: str, kept: str) -> None:
    assert masked(said, {"shop.example", "anna-of-a"}) == kept


@pytest.mark.parametrize(
    "plain",
    [
        "item 1234567 at 192.0.2.1 expires 2026-03-01 12:00:00+00:00, 5.00 EUR + 1.00 EUR",
        "2026-03-01T12:00:00+0000 and 2026-03-01 12:00 (operation 17)",
        "order.param (value/ostempl). It said: no such template",
        "the password is too short; its key has not come",
        "(1234) items, 12 of them",
        "0.50 EUR of 08.03.2026 00:00:00, 01-03-2026, 2026-03-01 08:00, 192.0.2.10 0100",
        "upstream 010 is item 900001 at 10.0.0.1:8080",
        "",
    ],
)
def test_what_operators_need_stays(plain: str) -> None:
    assert masked(plain) == plain


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a" * 90_000, marks=pytest.mark.proof),
        "+1" * 45_000,
        pytest.param("012 " * 22_000, marks=pytest.mark.proof),
        pytest.param("a%40" * 22_000, marks=pytest.mark.proof),
        pytest.param("8 123 " * 15_000, marks=pytest.mark.proof),
        pytest.param("-----BEGIN A-----" * 6_000, marks=pytest.mark.proof),
        pytest.param("a@" * 45_000, marks=pytest.mark.proof),
        "a.a@a." * 15_000,
        pytest.param("8 (123) " * 9_000, marks=pytest.mark.proof),
    ],
)
def test_it_takes_time_in_proportion(text: str) -> None:
    begun = time.process_time()
    masked(text)
    visible(text)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("mail jane@kunde.example", "mail…"),
        ("0123456789 0123456", "0123456789…"),
        ("0123456789012 45", "0123456789012…"),
        ("a" * 99, "a" * 13 + "…"),
        ("a b c", "a b c"),
    ],
)
def test_what_is_cut_off_leaves_no_part_of_a_word(said: str, kept: str) -> None:
    assert shortened(said, 14) == kept


def test_messages_are_veiled_to_the_bottom() -> None:
    funds = FundsResult(outcome=Funds.GRANTED, reason="a@b.example")
    request = SubmitResult(
        outcome=Submission.ATTENTION, failure=FailureClass.REJECTED, field="email", reason="a@b.example"
    )

    step = masked_message(StepResult(funds=funds, request=request))

    assert isinstance(step, StepResult)
    assert step.request == request.model_copy(update={"reason": "‹e-mail address›"})
    assert step.funds.reason == "‹e-mail address›"
    assert step.request.failure is FailureClass.REJECTED
    assert masked_message(step) is step, "nothing is left to veil"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("red \x1b[31mALERT\x1b[0m\x07", "red ·[31mALERT·[0m·"),
        ("to \u202eelif\u202c \u2066x\u2069", "to ·elif· ·x·"),
        ("zero\u200bwidth\ufeff \u00adhyphen", "zero·width· ·hyphen"),
        ("two\r\nlines\tand\u2028more", "two lines and more"),
        ("half \ud800 character", "half · character"),
        ("Ünïcode – 漢字 русский", "Ünïcode – 漢字 русский"),
    ],
)
def test_nothing_is_done_to_a_terminal(said: str, shown: str) -> None:
    assert visible(said) == shown


def test_lines_stay_lines() -> None:
    assert visible_lines("1. do\tit\n\n2. \x1b[2Jsee\r\n") == "1. do it\n\n2. ·[2Jsee·\n"


def test_markdown_is_not_alive() -> None:
    assert as_code('![x](http://e.example/x.png) `` ``` <b> --yes "quoted"\n\n# big') == (
        "`![x](http://e.example/x.png) '' ''' <b> --yes \"quoted\" # big`"
    )
    assert as_code("  ") == ""


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_whatever_the_text(text: str) -> None:
    shown, span = visible(text), as_code(text)
    assert shown.isprintable()
    assert all(line.isprintable() for line in visible_lines(text).split("\n"))
    assert span == "" or (span[0], span[-1], span.count("`")) == ("`", "`", 2)
    assert masked(masked(text)) == masked(text)
