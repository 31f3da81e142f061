"""Answers of a panel in XML, spelled as its choices say: items, statuses, amounts, refusals."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape, quoteattr

import idna

from tests.standin.choices import Choices

NBSP = "\u00a0"
WORDS = {1: "Заказана", 2: "Активна", 3: "Остановлена", 4: "Удалена", 5: "Обрабатывается"}
NAME_FIELD = {"vds": "domain", "vhost": "domain", "soft": "licname"}


@dataclass
class Item:
    number: int
    kind: str
    pricelist: str
    name: str
    remoteid: str
    status: int
    created: date
    expires: date
    cost: Decimal
    listed_from: float = 0.0
    ip: str = ""
    key: str = ""
    reason: str = ""
    autoprolong: str = ""
    recipe: str = ""
    paid: bool = True
    disguise: str = ""


class Refusal(Exception):
    """An error envelope."""

    def __init__(self, kind: str, thing: str = "", **params: object) -> None:
        super().__init__(kind)
        self.kind = kind
        self.thing = thing
        self.params = params


class Answers:
    """How a panel spells what it shows."""

    choices: Choices
    user: str

    def amount(self, amount: Decimal) -> str:
        whole, _, cents = f"{amount:.2f}".partition(".")
        match self.choices.money:
            case "word":
                word = {"RUB": "руб.", "EUR": "€", "USD": "$"}[self.choices.currency]
                return f"{int(whole):,}".replace(",", NBSP) + f",{cents}{NBSP}{word}"
            case "sign":
                return {"EUR": "€", "USD": "$", "RUB": "₽"}[self.choices.currency] + f"{amount:.2f}"
            case "bare":
                return f"{amount:.4f}"
        return f"{amount:.2f} {self.choices.currency}"

    def _fields(self, item: Item, shows: frozenset[str], *, form: bool) -> str:
        row = {
            "id": str(item.number),
            "name": f"Тариф {item.pricelist}",
            "pricelist": item.pricelist if form else f"VPS-{item.pricelist}",
            "createdate": item.created.isoformat(),
            "expiredate": item.expires.isoformat(),
            "cost": self.amount(item.cost),
            "ip": item.ip,
        }
        if form:
            row |= {"autoprolong": item.autoprolong, "password": "qwerty-12345", "period": "1"}
            if item.kind == "soft":
                row["lickey"] = item.key
        disguised = item.disguise == "always" or (item.disguise == "until-open" and item.status in (1, 5))
        if "name" in shows:
            row[NAME_FIELD[item.kind]] = f"v{item.number}.hoster.test" if disguised else self._spelled(item.name)
        if "remoteid" in shows:
            row["remoteid"] = "" if disguised else item.remoteid[: self.choices.mark_width]
        return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in row.items()) + self._status(item)

    def _spelled(self, name: str) -> str:
        match self.choices.spelling:
            case "unicode":
                return idna.decode(name)
            case "upper":
                return f"{name.upper()}."
            case "lossy":
                return idna.decode(name).encode("ascii", "replace").decode()
        return name

    def _status(self, item: Item) -> str:
        reason = ""
        if item.status == 3 and item.reason:
            reason = f"<status_msg>item_status_3_{item.reason}</status_msg>"
        match self.choices.status_style:
            case "word-orig":
                return f'<status orig="{item.status}">{WORDS[item.status]}</status>{reason}'
            case "word-real":
                return (
                    f"<item_status>{WORDS[item.status]}</item_status>"
                    f"<item_real_status>{item.status}</item_real_status>{reason}"
                )
        return f"<status>{item.status}</status>{reason}"

    @staticmethod
    def _elements(rows: list[dict[str, str]]) -> str:
        return "".join(
            "<elem>" + "".join(f"<{name}>{escape(value)}</{name}>" for name, value in row.items()) + "</elem>"
            for row in rows
        )

    def _refuse(self, refusal: Refusal, function: str) -> str:
        params = "".join(
            f"<param name={quoteattr(n)}>{escape(str(v))}</param>" for n, v in refusal.params.items() if v is not None
        )
        thing = f" object={quoteattr(refusal.thing)}" if refusal.thing else ""
        stack = f'<stack><action level="16" user="{self.user}">{escape(function)}</action></stack>'
        return self._document(
            function,
            f'<error type={quoteattr(refusal.kind)}{thing} code="1" lang="en" report="no">{params}{stack}'
            f"<group>__value__</group><msg>Отказано: {escape(refusal.kind)} {escape(refusal.thing)}</msg></error>",
            {},
        )

    def _document(self, function: str, body: str, form: dict[str, str]) -> str:
        prolog = '<?xml version="1.0" encoding="UTF-8"?>\n'
        if not self.choices.noise:
            return f"{prolog}<doc>{body}</doc>"
        echo = "".join(
            f"<{name}>{escape(value)}</{name}>" for name, value in form.items() if name not in ("auth", "authinfo")
        )
        spaced = body.replace("><", ">\n   <")
        return (
            f'{prolog}<!-- {function} -->\n<doc lang="en" func="{function}" user="{self.user}" level="16" '
            'xmlns:trace="urn:example:trace" host="https://panel.example.test">\n'
            f"  <tparams>{echo}</tparams>\n"
            f'  <metadata name="{function}" type="list" key="id"><toolbar view="buttons"><toolgrp name="new">'
            '<toolbtn name="new" func="vds.order" type="new"/></toolgrp></toolbar>'
            '<coldata><col name="id" type="data"/><col name="elem"/></coldata></metadata>\n'
            f'  <messages name="{function}"><msg name="id">Id</msg><msg name="title">Серверы</msg></messages>\n'
            f"   {spaced}\n"
            "  <trace:step><trace:id>31337</trace:id><trace:ok/></trace:step>\n</doc>\n"
        )
