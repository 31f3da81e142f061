"""What the product computed, in the language of the person who reads it.

A sentence is written once, in English, where it is computed; it is stored and answered by the API like that. The
catalogue `translations/<language>/sentences.po` has a template of each, with `{names}` for its values. A template is
found again in the written text, so that texts of the past are translated as well.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from gettext import c2py  # what gettext itself reads Plural-Forms with

from babel.numbers import format_decimal

from console import texts
from console.languages import ENGLISH, catalogue_of, locale_of, translations_of

SENTENCES = "sentences.po"
PLACE = re.compile(r"\{(\w+)\}")
MONEY = re.compile(r"(-?\d+(?:\.(\d+))?) ([A-Z]{3})")
_PARTS = (
    re.compile(r"(\n|(?<=\.) )"),
    re.compile(r"(; )"),
    re.compile(r"( \(|\)(?=$|[.,;:]))"),
    re.compile(r"(: )"),
    re.compile(r"(, )"),
)
"""Between what was put together of several sentences, the strongest first."""
_SEVERAL = re.compile(r"; | \(|: |\n|\. |(?:\S+ ){3}")
_MUCH = 12
"""A template with fewer letters of its own has no values that are put together of several sentences."""
_LONGEST = 2_000
"""A longer text is no sentence of ours."""
_REMEMBERED = 5_000
_THINGS = ("operation", "service", "item", "task", "upstream")
"""Words of a page that stand in sentences, too."""


@dataclass(frozen=True)
class Template:
    written: re.Pattern[str]
    words: tuple[str, ...]
    """What stands between the values."""
    forms: tuple[str, ...]
    """One, or one for each plural form of the language."""

    def values(self, text: str) -> dict[str, str] | None:
        """None: the text is not of this template."""
        found = self.written.fullmatch(text) if all(one in text for one in self.words) else None
        values = found.groupdict() if found else {}
        too_much = sum(map(len, self.words)) < _MUCH and any(_SEVERAL.search(one) for one in values.values())
        return values if found and not too_much else None


class Sentences:
    """The sentences of one language. English ones stay as they are."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._fixed: dict[str, str] = {}
        self._templates: list[Template] = []
        self._remembered = lru_cache(_REMEMBERED)(self._found)
        if language != ENGLISH:
            self._read()

    def _read(self) -> None:
        catalogue = catalogue_of(self._language, SENTENCES)
        self._plural = c2py(catalogue.plural_expr)
        for message in catalogue:
            written, *_ = [message.id] if isinstance(message.id, str) else message.id
            forms = (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))
            if written and PLACE.search(written):
                self._templates.append(_template(written, forms))
            elif written:
                self._fixed[written] = forms[0]
        translate = translations_of(self._language).gettext
        for words in (texts.KINDS, texts.STAGES):
            self._fixed.update({str(state.value): translate(name) for state, name in words.items()})
        self._fixed.update({name: translate(name) for name in _THINGS})
        self._templates.sort(key=lambda one: sum(map(len, one.words)), reverse=True)

    def translated(self, text: object) -> str:
        """The text in this language; what no template fits stays as it is."""
        written = str(text)
        if self._language == ENGLISH or len(written) > _LONGEST:
            return written
        return self._remembered(written)

    def money(self, text: str) -> str:
        """A sum as the language writes it: 1 234,50 EUR. Other texts stay as they are."""
        found = MONEY.fullmatch(text)
        if not found:
            return text
        digits = "0" * len(found[2] or "")
        number = format_decimal(Decimal(found[1]), f"#,##0.{digits}" if digits else "#,##0", locale_of(self._language))
        return f"{number} {found[3]}"

    def _found(self, written: str) -> str:
        return self._known(written) or self._of_parts(written)

    def _known(self, written: str) -> str | None:
        """The text's translation, also without what a sentence adds: a capital letter first, a full stop last."""
        found = self._exactly(written)
        if found is None and written[:1].isupper():
            found = self._exactly(written[0].lower() + written[1:])
            found = found and found[0].upper() + found[1:]
        if found is None and written.endswith(".") and len(written) > 1:
            found = self._known(written[:-1])
            found = found and f"{found}."
        return found

    def _exactly(self, written: str) -> str | None:
        if written in self._fixed:
            return self._fixed[written]
        for template in self._templates:
            if values := template.values(written):
                return self._filled(template, values)
        return None

    def _filled(self, template: Template, values: dict[str, str]) -> str:
        numbers = [int(value) for value in values.values() if value.isascii() and value.isdigit()]
        form = template.forms[self._plural(numbers[0]) if len(template.forms) > 1 and numbers else 0]
        return PLACE.sub(lambda place: self.translated(values[place[1]]), form)

    def _of_parts(self, written: str) -> str:
        for between in _PARTS:
            parts = between.split(written)
            if len(parts) > 1:
                return "".join(part if place % 2 else self.translated(part) for place, part in enumerate(parts))
        return self.money(written)


def _template(written: str, forms: tuple[str, ...]) -> Template:
    parts = PLACE.split(written)
    pattern = "".join(f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
    return Template(re.compile(pattern, re.DOTALL), tuple(part for part in parts[::2] if part), forms)


@cache
def sentences_of(language: str) -> Sentences:
    return Sentences(language)
