"""Each sentence that the product computes has a translation, and is found again where it was written."""

import pytest
from babel.messages.catalog import Message

from console.languages import ENGLISH, LANGUAGES, catalogue_of
from console.sentences import PLACE, SENTENCES, sentences_of
from tests.console.sentence_sources import sentences

OTHERS = [one for one in LANGUAGES if one != ENGLISH]


@pytest.mark.parametrize("language", OTHERS)
def test_the_catalogue_has_each_sentence_and_none_that_is_gone(language: str) -> None:
    translated = {_written(one): _forms(one) for one in catalogue_of(language, SENTENCES) if one.id}
    assert set(translated) == set(sentences()), "python -m tests.console.translate"
    assert [text for text, forms in translated.items() if not all(form.strip() for form in forms)] == []
    for text, forms in translated.items():
        assert all(sorted(PLACE.findall(form)) == sorted(PLACE.findall(text)) for form in forms), text


def _written(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("nothing is sent until a person decides", "ничего не отправляется, пока человек не решит"),
        ("Try again.", "Повторить."),
        (
            "money on the upstream account (no such template)",
            "деньги на счёте у поставщика (no such template)",
        ),
        (
            "1234.50 EUR due in 30 days; the balance is not known",
            "к оплате 1\N{NO-BREAK SPACE}234,50 EUR за 30 дней; баланс неизвестен",
        ),
        ("operation 7 is in stage outcome_unknown", "операция 7 в состоянии исход неизвестен"),
        ("service 7 is item 4001; look at {it}", "service 7 is item 4001; look at {it}"),
    ],
)
def test_a_written_sentence_is_found_again(written: str, shown: str) -> None:
    assert sentences_of("ru").translated(written) == shown
    assert sentences_of(ENGLISH).translated(written) == written


@pytest.mark.parametrize(("days", "shown"), [(1, "1 день"), (2, "2 дня"), (5, "5 дней"), (21, "21 день")])
def test_a_number_takes_its_plural_form(days: int, shown: str) -> None:
    assert sentences_of("ru").translated(f"{days} days") == shown
