"""Column types that mean the same on SQLite and PostgreSQL: exact money, aware UTC times, words of an enum."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from inspect import Signature
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

T = TypeVar("T")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time. A naive one is refused: nobody knows what it means."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; times are aware UTC")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Amount(TypeDecorator[Decimal]):
    """An exact amount of money: NUMERIC(18,4); text on SQLite, whose numbers are floats."""

    DECIMALS = 4
    impl = sa.Numeric(18, 4)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(32))
        return dialect.type_descriptor(sa.Numeric(18, 4))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | str | None:
        if value is None:
            return None
        exact = Decimal(value).quantize(Decimal("0.0001"))
        return str(exact) if dialect.name == "sqlite" else exact

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


def enum_column(words: type[Enum], **options: Any) -> sa.Column[Any]:
    """A column holding the value (not the name) of an enum member, as text."""
    kind = sa.Enum(
        words,
        native_enum=False,
        length=32,
        create_constraint=False,
        values_callable=lambda members: [str(member.value) for member in members],
    )
    return sa.Column(kind, **({"nullable": False} | options))


def json_column(**options: Any) -> sa.Column[Any]:
    """A column holding a JSON document (JSONB on PostgreSQL)."""
    return sa.Column(sa.JSON().with_variant(JSONB(), "postgresql"), **({"nullable": False} | options))


def utc_column(**options: Any) -> sa.Column[Any]:
    return sa.Column(UtcDateTime(), **({"nullable": False} | options))


def amount_column(**options: Any) -> sa.Column[Any]:
    return sa.Column(Amount(), **({"nullable": False} | options))


def units_column(**options: Any) -> sa.Column[Any]:
    """Money in ten-thousandths, for sums that the database itself keeps: exact on SQLite, where `Amount` is text."""
    return sa.Column(sa.BigInteger(), **({"nullable": False} | options))


def units(amount: Decimal) -> int:
    """An amount in ten-thousandths, as exact as it is stored."""
    return int(amount.scaleb(Amount.DECIMALS).to_integral_value())


def of_units(number: int) -> Decimal:
    return Decimal(number).scaleb(-Amount.DECIMALS)


def _known_signature(factory: Callable[[], T]) -> Callable[[], T]:
    """Pydantic asks for the signature of a default factory whenever a row is made. To find it out costs more than the
    rest of the row, for `dict` above all; what stands here is simply taken."""
    # `inspect.signature` reads it from any callable; the type of callables does not name it.
    factory.__signature__ = Signature()  # type: ignore[attr-defined]
    return factory


@_known_signature
def empty_dict() -> dict[str, Any]:
    """The default of a column, instead of `dict`."""
    return {}


@_known_signature
def empty_list() -> list[Any]:
    """The default of a column, instead of `list`."""
    return []


class Clock:
    """The product's calendar: real time, and what a story of months in the tests has moved it ahead by. Short waits
    (time limits, leases, breakers) do not ask it."""

    ahead = timedelta(0)


CLOCK = Clock()


@_known_signature
def utc_now() -> datetime:
    return datetime.now(UTC) + CLOCK.ahead
