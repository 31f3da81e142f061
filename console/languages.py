"""The texts of the pages in each language: gettext catalogues beside this module, read at the start.

English stands in the templates. `translations/<language>/console.po` has the others,
and `sentences.po` the sentences that the product computes (console.sentences).
"""

import io
from functools import cache
from importlib.resources import files

from babel import Locale, negotiate_locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from starlette.requests import Request

ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "ru": "Русский"}
CATALOGUE = "console.po"


@cache
def translations_of(language: str) -> NullTranslations:
    """The catalogue of a language that LANGUAGES has."""
    if language == ENGLISH:
        return NullTranslations()
    written = io.BytesIO()
    write_mo(written, catalogue_of(language, CATALOGUE))
    written.seek(0)
    return Translations(written)


@cache
def catalogue_of(language: str, name: str) -> Catalog:
    """The catalogue in the file of this name."""
    text = files("console").joinpath("translations", language, name).read_bytes()
    return read_po(io.BytesIO(text), locale=language)


@cache
def locale_of(language: str) -> Locale:
    return Locale.parse(language)


def language_for(request: Request, preferred: str) -> str:
    """What the person has chosen, otherwise the first of the browser's languages that there is."""
    if preferred in LANGUAGES:
        return preferred
    wanted = [part.partition(";")[0].strip() for part in request.headers.get("Accept-Language", "")[:500].split(",")]
    return negotiate_locale([one for one in wanted if one], list(LANGUAGES), sep="-") or ENGLISH
