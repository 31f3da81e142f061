"""A row or form as an item. Column names are documented for two product types (API6-x), seen in code for more."""

import re
from datetime import date

from models.enums import SuspendReason, UpstreamStatus
from models.money import Money
from upstreams.billmanager.bounds import (
    MOST_MONEY,
    TEXT_CHARACTERS,
    bounded,
    excerpt,
    is_no_price,
    too_long,
)
from upstreams.billmanager.causes import CAUSES, Cause
from upstreams.billmanager.dates import is_no_date, read_date
from upstreams.billmanager.moneytext import UnreadableMoney, currency_code, parse_money
from upstreams.billmanager.numbers import natural
from upstreams.billmanager.periods import months, price_and_unit, renewal, renews
from upstreams.billmanager.products import ProductType, is_secret, product
from upstreams.billmanager.wire import Fields
from upstreams.port import KEY_READY, UpstreamItem

_EXPIRY = ("real_expiredate", "expiredate")
_COSTS = ("item_cost", "cost_iso", "cost")
_NOT_PLAIN = frozenset({"p_num", "p_cnt", "p_elems", "p_col"})

# Finer status (seen in code IDX 3578094251): item_status_5_open, item_status_3_abusesuspend, ...
_STATUS_KEY = re.compile(r"item_status_(?:(?P<code>\d)(?:_(?P<cause>\w+))?|service_nosuitable)")
_STATUS_COLUMNS = ("item_status", "item_status_orig", "status_msg", "item_real_status", "status", "status_orig")
_STATUSES = {
    1: UpstreamStatus.ORDERED,
    2: UpstreamStatus.ACTIVE,
    3: UpstreamStatus.SUSPENDED,
    4: UpstreamStatus.DELETED,
    5: UpstreamStatus.PROCESSING,
}
"""Values of `status` (documented)."""
_STATUS_WORDS = {
    "ordered": UpstreamStatus.ORDERED,
    "active": UpstreamStatus.ACTIVE,
    "suspended": UpstreamStatus.SUSPENDED,
    "stopped": UpstreamStatus.SUSPENDED,
    "deleted": UpstreamStatus.DELETED,
    "processing": UpstreamStatus.PROCESSING,
    "in progress": UpstreamStatus.PROCESSING,
    "заказан": UpstreamStatus.ORDERED,
    "активен": UpstreamStatus.ACTIVE,
    "остановлен": UpstreamStatus.SUSPENDED,
    "удален": UpstreamStatus.DELETED,
    "удалён": UpstreamStatus.DELETED,
    "обрабатывается": UpstreamStatus.PROCESSING,
}
_UNDER_WAY, _STOPPED = "1", "2"
"""Values of `special_status` (API6-SOFT, documented): a change of state is under way; stopped although billed."""
# The gravest first: only who suspended can resume, and abuse outlasts the others.
_REASONS = {
    "abusesuspend": SuspendReason.ABUSE,
    "employeesuspend": SuspendReason.STAFF,
    "autosuspend": SuspendReason.AUTOMATIC,
}


def item(fields: Fields, product_type: str, number: str, currency: str) -> UpstreamItem:
    """`number` is the item's; `currency` is assumed for a cost without a currency word."""
    described = product(product_type)
    fields = bounded(fields)
    status, detail = _status(fields)
    if status is UpstreamStatus.UNKNOWN:
        status, detail = _own_status(fields, described, detail)
    status, detail = _special_status(fields, status, detail)
    texts = {
        "name": _first(fields, *described.name_fields, "domain", "licname"),
        "mark": fields["remoteid"].text if "remoteid" in fields else "",
        "tariff": _first(fields, "pricelist"),
        "tariff_id": _pricelist_id(fields),
        "ip": _first(fields, "ip"),
        "status_detail": detail,
    }
    unreadable = too_long(texts)
    texts |= dict.fromkeys(unreadable, "")
    expires_on = first_date(fields, *_EXPIRY)
    if expires_on is None:
        no_date = next((text for name in _EXPIRY if is_no_date(text := _raw(fields, name))), "")
        unreadable |= {"expires_on": excerpt(no_date)} if no_date else {}
    absurd = next((text for text in _cost_texts(fields) if is_no_price(text)), "")
    cost = None if absurd else _cost(fields, currency)
    if absurd or (cost is not None and not 0 <= cost.amount < MOST_MONEY):
        cost, unreadable["cost"] = None, excerpt(absurd or str(cost))
    renewed = _renewal(fields)
    cause = CAUSES.get(texts["status_detail"], Cause())
    return UpstreamItem(
        number=number,
        product_type=product_type,
        status=status,
        status_detail=texts["status_detail"],
        cause=cause.words,
        dead_end=cause.dead_end and status is UpstreamStatus.PROCESSING,
        suspend_reason=_suspend_reason(fields, status, detail),
        name=texts["name"],
        mark=texts["mark"] if "remoteid" in fields and "mark" not in unreadable else None,
        expires_on=expires_on,
        tariff=texts["tariff"],
        tariff_id=texts["tariff_id"],
        period=_raw(fields, "period")[:TEXT_CHARACTERS],
        cost=cost,
        ip=texts["ip"],
        unreadable=unreadable,
        renewal=renewed,
        renews=renews(renewed or ""),
        raw=_plain(fields) | _key_ready(fields, described),
    )


def _renewal(fields: Fields) -> str | None:
    """None also for a word that is not known: only an empty column is reported as empty."""
    code = renewal(_raw(fields, "autoprolong")[:TEXT_CHARACTERS])
    if code:
        return code
    return "" if "autoprolong" in fields and not fields["autoprolong"].text.strip() else None


def _plain(fields: Fields) -> dict[str, str]:
    return {name: value.text for name, value in fields.items() if not is_secret(name) and name not in _NOT_PLAIN}


def _key_ready(fields: Fields, described: ProductType) -> dict[str, str]:
    if not described.key_field or described.key_field not in fields:
        return {}
    return {KEY_READY: "yes" if fields[described.key_field].text else "no"}


def _first(fields: Fields, *names: str) -> str:
    return next((fields[name].text for name in names if name in fields and fields[name].text), "")


def _raw(fields: Fields, name: str) -> str:
    """The unlocalised value: of the field itself, else of the column beside it that carries it (`item_status_orig`)."""
    if name not in fields:
        return ""
    own, beside = fields[name], fields.get(f"{name}_orig")
    return own.raw if own.raw != own.text or beside is None or not beside.text else beside.text


def _status(fields: Fields) -> tuple[UpstreamStatus, str]:
    """Code and finer status. `status` decides; where it is a word, its raw value, then the other columns."""
    detail, key_code = "", ""
    for column in _STATUS_COLUMNS:
        if column not in fields:
            continue
        for text in (fields[column].raw, fields[column].text):
            found = _STATUS_KEY.search(text)
            if found is not None and (not detail or len(found[0]) > len(detail)):
                detail, key_code = found[0], found["code"] or key_code
    candidates = [_raw(fields, name) for name in ("status", "item_real_status", "item_status")]
    if "0" in candidates and not detail:
        detail = "status_0"  # unknown, or cancelled (JAVARES, seen in code): not enough to take it for deleted
    for text in [*candidates, key_code]:
        if (known := _STATUSES.get(natural(text) or 0)) is not None:
            return known, detail
    for text in candidates:
        if text.lower() in _STATUS_WORDS:
            return _STATUS_WORDS[text.lower()], detail
    return UpstreamStatus.UNKNOWN, detail


def _own_status(fields: Fields, described: ProductType, detail: str) -> tuple[UpstreamStatus, str]:
    """The status in words of this type alone."""
    said = _raw(fields, described.own_status)
    known = dict(described.own_statuses).get(said)
    return (UpstreamStatus.UNKNOWN, detail) if known is None else (known, detail or f"{described.own_status}_{said}")


def _special_status(fields: Fields, status: UpstreamStatus, detail: str) -> tuple[UpstreamStatus, str]:
    """A status that is just changing is none to rely on yet; a service that was stopped does not run, though billed."""
    special = _raw(fields, "special_status")
    if status in (UpstreamStatus.UNKNOWN, UpstreamStatus.DELETED) or special not in (_UNDER_WAY, _STOPPED):
        return status, detail
    told = detail or f"special_status_{special}"
    if special == _UNDER_WAY:
        return UpstreamStatus.PROCESSING, told
    return (UpstreamStatus.SUSPENDED if status is UpstreamStatus.ACTIVE else status), told


def _pricelist_id(fields: Fields) -> str:
    """The tariff's number where it stands beside the name: in a column of its own, or as the name's raw value."""
    shown = _raw(fields, "pricelist_id")
    if not shown and "pricelist" in fields and fields["pricelist"].text != _raw(fields, "pricelist"):
        shown = _raw(fields, "pricelist")
    return shown if shown.isascii() and shown.isdecimal() else ""


def _suspend_reason(fields: Fields, status: UpstreamStatus, detail: str) -> SuspendReason | None:
    if status is not UpstreamStatus.SUSPENDED:
        return None
    told = _REASONS.get(detail.removeprefix("item_status_3_"))
    return told or next((reason for flag, reason in _REASONS.items() if _raw(fields, flag) == "on"), None)


def first_date(fields: Fields, *names: str) -> date | None:
    """The first that is a date; an expiry may be a phrase where billing is daily (seen in code)."""
    for name in names:
        try:
            return read_date(_raw(fields, name))
        except ValueError:
            continue
    return None


def _cost(fields: Fields, currency: str) -> Money | None:
    """The price of the item's whole period.

    `item_cost` is that, in the currency of `currency_str`; `cost` beside it is a month's (VPSTRK, seen live). A `cost`
    that names a unit counts only if the unit is the period; one that names none is taken for the period's.
    """
    currency = _currency(fields, currency)
    whole = _amount(_raw(fields, "item_cost"), currency)
    if whole is not None:
        return whole
    shown = [fields[name] for name in ("cost", "cost_iso") if name in fields]
    units = {price_and_unit(text)[1] for field in shown for text in (field.text, field.raw)} - {None}
    if units and units != {months(_raw(fields, "period"))}:
        return None
    amounts = (_amount(price_and_unit(_raw(fields, name))[0], currency) for name in ("cost_iso", "cost"))
    return next((amount for amount in amounts if amount is not None), None)


def _cost_texts(fields: Fields) -> list[str]:
    return [text for name in _COSTS if name in fields for text in (fields[name].text, fields[name].raw)]


def _currency(fields: Fields, account: str) -> str:
    """The row's own currency, for amounts that name none."""
    for name in ("currency_str", "currency_iso"):
        if name in fields and fields[name].text:
            try:
                return currency_code(fields[name].text, account)
            except UnreadableMoney:
                continue
    return account


def _amount(text: str, currency: str) -> Money | None:
    try:
        return parse_money(text, currency)
    except UnreadableMoney:
        return None
