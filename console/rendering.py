"""Pages from templates: in the person's language, with times in the person's zone."""

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_decimal
from babel.units import format_unit
from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from console import texts
from console.languages import LANGUAGES, language_for, locale_of, translations_of
from console.sentences import sentences_of
from console.sessions import Session
from models.columns import utc_now
from models.money import Money
from models.untrusted_text import visible_lines

PREFIX = "/console"


class Pages:
    """All templates, once for each language."""

    def __init__(self) -> None:
        self._environments = {language: _environment(language) for language in LANGUAGES}

    def show(
        self,
        request: Request,
        template: str,
        session: Session | None = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """The page. `base` in a template is the way from it to the console's first page, so that the console may stand
        behind a proxy at another path."""
        language = language_for(request, session.visitor.language if session else "")
        zone = zone_of(session.visitor.time_zone if session else "")
        given = {
            "base": way_home(request),
            "session": session,
            "csrf": session.csrf if session else "",
            "language": language,
            "languages": LANGUAGES,
            "clock": Clock(locale_of(language), zone),
            "texts": texts,
            **values,
        }
        text = self._environments[language].get_template(template).render(given)
        return HTMLResponse(text, status_code=status, headers=dict(headers or {}))


def way_home(request: Request) -> str:
    """From this page to the console's first one."""
    return "../" * own_path(request).count("/")


def own_path(request: Request) -> str:
    """From the console's first page to this one."""
    root: str = request.scope.get("root_path", "")
    return request.url.path.removeprefix(root).removeprefix("/")


def pages_of(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


class Clock:
    """Times as a person reads them: in their zone, with UTC where the pointer rests."""

    def __init__(self, locale: Locale, zone: ZoneInfo) -> None:
        self._locale, self._zone, self._now = locale, zone, utc_now()

    def at(self, moment: datetime | None) -> Markup:
        if moment is None:
            return Markup("–")
        shown = format_datetime(moment.astimezone(self._zone), "yyyy-MM-dd HH:mm:ss", locale=self._locale)
        return _time(moment, shown)

    def age(self, moment: datetime | None) -> Markup:
        """How long ago, in one unit: 3 hours."""
        if moment is None:
            return Markup("–")
        return _time(moment, format_timedelta(max(self._now - moment, self._now - self._now), locale=self._locale))

    def within(self, moment: datetime) -> Markup:
        """In how long; a moment that has passed is now."""
        left = max(moment - self._now, self._now - self._now)
        return _time(moment, format_timedelta(left, add_direction=True, locale=self._locale))

    def months(self, number: int) -> str:
        """A number of months in words: 12 months."""
        return format_unit(number, "duration-month", locale=self._locale)

    def number(self, value: int) -> str:
        return str(format_decimal(value, locale=self._locale))


def _time(moment: datetime, shown: str) -> Markup:
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        utc.isoformat(timespec="seconds"), utc.strftime("%Y-%m-%d %H:%M:%S"), escape(shown)
    )


def zone_of(name: str) -> ZoneInfo:
    """UTC where there is no such zone."""
    with contextlib.suppress(KeyError, ValueError, OSError):
        return ZoneInfo(name or "UTC")
    return ZoneInfo("UTC")


def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("console"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    translations = translations_of(language)
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]  # of the extension
    sentences = sentences_of(language)
    environment.filters["money"] = lambda value: sentences.money(_money(value))
    environment.filters["translated"] = lambda text: text if text is None else sentences.translated(text)
    environment.filters["visible"] = visible_lines
    environment.policies["ext.i18n.trimmed"] = True
    return environment


def _money(value: Money | None) -> str:
    return "–" if value is None else f"{value.amount} {value.currency}"
