"""The file of the channels (`RESELL_NOTIFICATIONS_FILE`): who is notified of what, where, and when not. TOML.

It holds addresses with passwords in them. No message about it says what stands there.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime, time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_serializer,
)

from models.enums import Role
from orders.inbox.causes import Cause
from telemetry.secrecy import keep_out

LARGEST_FILE = 64 * 1024
MONEY = "money"
"""In `loud`: whatever costs money, of all causes."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_QUIET = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_SECRET_PART = re.compile(r"[/:@?&=,]+")


class ChannelsFileError(Exception):
    """The file can't be used. The message names the field and what would be right, never a value."""


def _quiet(value: object) -> object:
    found = _QUIET.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("must be two times of the day, e.g. 22:00-07:00")
    begins, begins_minute, ends, ends_minute = (int(one) for one in found.groups())
    return time(begins, begins_minute), time(ends, ends_minute)


def _time_of_day(value: object) -> object:
    if not isinstance(value, str) or _TIME.fullmatch(value) is None:
        raise ValueError("must be a time of the day, e.g. 08:00")
    return time.fromisoformat(value)


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be an IANA time zone, e.g. Europe/Amsterdam") from None
    return value


def _address(value: SecretStr) -> SecretStr:
    import apprise

    service = apprise.Apprise()
    if not service.add(value.get_secret_value()):
        raise ValueError("must be an address that Apprise knows, e.g. mailtos://USER:PASSWORD@HOST?to=ADDRESS")
    if len(service) > 1:
        raise ValueError("must be one address: where one of several fails, the others would get everything twice")
    return value


class ChannelRules(BaseModel):
    """What a channel is for, and when: everything but its address."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str
    causes: frozenset[Cause] = frozenset(Cause)
    roles: frozenset[Role] = frozenset(Role)
    """Only what people of these roles can do something about."""
    quiet: Annotated[tuple[time, time], BeforeValidator(_quiet)] | None = None
    """From and until; over midnight where the first is later."""
    loud: frozenset[Cause] = Field(default=frozenset({Cause.MONEY}))
    """What is said in the quiet hours, too. `money` is all that costs money."""
    digest: Annotated[time, BeforeValidator(_time_of_day)] | None = None
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"

    @field_serializer("quiet")
    def _quiet_as_written(self, value: tuple[time, time] | None) -> str | None:
        return None if value is None else "{:%H:%M}-{:%H:%M}".format(*value)

    @field_serializer("digest")
    def _digest_as_written(self, value: time | None) -> str | None:
        return None if value is None else f"{value:%H:%M}"

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.time_zone))

    def is_quiet(self, moment: datetime) -> bool:
        if self.quiet is None:
            return False
        begins, ends = self.quiet
        now = self.local(moment).time()
        return begins <= now < ends if begins < ends else now >= begins or now < ends


class Channel(ChannelRules):
    """One place where people are notified."""

    to: Annotated[SecretStr, AfterValidator(_address)]
    """An address as Apprise writes it."""


class Channels(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    console: str = Field(default="", pattern=r"^(https?://\S+[^/\s])?$", max_length=255)
    """The address of the console, for links: https://shop.example/console."""
    docs: str = Field(default="", pattern=r"^(https?://\S+[^/\s])?$", max_length=255)
    """Where people read this documentation: https://git.example/resellflow/blob/main. Links to the runbook begin so."""
    channels: tuple[Channel, ...] = ()

    def named(self, name: str) -> Channel | None:
        return next((one for one in self.channels if one.name == name), None)


def read_channels(file: str) -> Channels:
    """Raises ChannelsFileError. An empty name: no channels."""
    if not file:
        return Channels()
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ChannelsFileError(f"the file {file} can't be read: {error.strerror}") from None
    if len(content) > LARGEST_FILE:
        raise ChannelsFileError(f"the file {file} has more than {LARGEST_FILE} bytes")
    try:
        document = tomllib.loads(content.decode())
    except UnicodeDecodeError:
        raise ChannelsFileError(f"the file {file} is not text in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"line \d+", str(error))
        raise ChannelsFileError(f"the file {file} is not TOML{f': see {where[0]}' if where else ''}") from None
    return _checked(document, file)


def _checked(document: Mapping[str, Any], file: str) -> Channels:
    tables = document.get("channels", {})
    if not isinstance(tables, dict) or not all(isinstance(one, dict) for one in tables.values()):
        raise ChannelsFileError(f"the file {file}: channels must be tables: [channels.NAME]")
    for name in tables:
        if _NAME.fullmatch(name) is None:
            raise ChannelsFileError(
                f"the file {file}: the name of a channel has 1 to 32 letters a-z, digits, - and _: [channels.office]"
            )
    named = [{**table, "name": name} for name, table in tables.items()]
    try:
        channels = Channels.model_validate({**document, "channels": named})
    except ValidationError as error:
        raise ChannelsFileError(f"the file {file}: {'; '.join(_in_words(error, list(tables)))}") from None
    for one in channels.channels:
        parts = _SECRET_PART.split(one.to.get_secret_value())
        keep_out(one.to.get_secret_value(), *parts, *map(unquote, parts))
    return channels


def _in_words(error: ValidationError, names: list[str]) -> list[str]:
    words = []
    for one in error.errors(include_input=False, include_url=False):
        place = [str(part) for part in one["loc"]]
        if place[0] == "channels" and len(place) > 1:
            place[1] = names[int(place[1])]
        said = one["msg"].removeprefix("Value error, ")
        known = {"extra_forbidden": "there is no such field", "missing": "is missing"}
        words.append(f"{'.'.join(place[:3])}: {known.get(one['type'], said)}")
    return words
