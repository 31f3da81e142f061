"""The panel's application errors: always HTTP 200, distinguished by ``type`` and ``object``."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from simulator.document import Document, Node, Shape
from simulator.entities import Subaccount

_FIELD_NAMES: Final = {
    "ip": "IP address",
    "pricelist": "Tariff plan",
    "datacenter": "Data center",
    "order_period": "Period",
    "period": "Period",
    "ostempl": "OS template",
    "domain": "Domain name",
}

_GROUPS: Final[dict[str, tuple[str, str]]] = {
    "auth": ("Authentication failed", "Ошибка авторизации"),
    "authtype": ("This way to log in is not allowed", "Этот способ входа запрещён"),
    "extraconfirm": ("Additional confirmation is required", "Требуется дополнительное подтверждение"),
    "captcha": ("The captcha check failed", "Проверка captcha не пройдена"),
    "access": ("Insufficient privileges to perform __value__", "Недостаточно прав для выполнения __value__"),
    "missed": ("The object __object__ with id __value__ does not exist", "Объект __object__ с id __value__ не найден"),
    "exists": (
        "The object __object__ with value __value__ already exists",
        "Объект __object__ __value__ уже существует",
    ),
    "value": (
        "The field __object__ has an invalid value: __value__",
        "Поле __object__ имеет недопустимое значение: __value__",
    ),
    "limit": ("The limit of __object__ is exceeded: __value__", "Превышено ограничение __object__: __value__"),
    "not_enough_money": (
        "Insufficient funds. Required amount __amount__ __currency__, available __available__ __currency__",
        "Недостаточно средств. Требуется __amount__ __currency__, доступно __available__ __currency__",
    ),
    "wizard_unavailable": ("The order form is not available", "Форма заказа недоступна"),
    "not_implemented": ("The function __value__ is not implemented", "Функция __value__ не реализована"),
    "prolong_not_before": ("The service cannot be renewed before __value__", "Продление возможно не ранее __value__"),
    "forbidden": ("The provider does not allow this change of resources", "Изменение ресурсов запрещено провайдером"),
    "confirm": ("Confirmation by phone is required", "Требуется подтверждение по телефону"),
    "pricelist_min_order": (
        "The minimum order period of this tariff is __least__ days. __left__ days are left",
        "Минимальный срок заказа тарифа __least__ дней. Осталось __left__ дней",
    ),
}


@dataclass(frozen=True, slots=True)
class Param:
    """A ``param`` of an error."""

    name: str
    value: str


class PanelError(Exception):
    """An error that the panel answers with."""

    def __init__(self, kind: str, obj: str | None = None, *params: Param, text: str | None = None) -> None:
        super().__init__(f"{kind}/{obj}" if obj else kind)
        self.kind = kind
        self.object = obj
        self.params = params
        self.text = text

    def document(self, *, func: str, user: str, level: int, lang: str) -> Document:
        """The error envelope, as the panel sends it."""
        names = {param.name: param.value for param in self.params}
        group = self.text or _GROUPS.get(self.kind, (f"Error {self.kind}",) * 2)[lang == "ru"]
        message = group
        for name, value in names.items():
            shown = _FIELD_NAMES.get(value, value) if name == "object" else value
            message = message.replace(f"__{name}__", shown)
        attributes = {"type": self.kind}
        if self.object:
            attributes["object"] = self.object
        attributes |= {"code": "1", "lang": lang, "report": "no"}
        action = Node("action", func, {"level": str(level), "user": user})
        children = [
            *(_param(param) for param in self.params),
            Node("stack", children=[action]),
            Node("group", group),
            Node("msg", message),
        ]
        return Document(Shape.ERROR, [Node("error", attributes=attributes, children=children)])


def _param(param: Param) -> Node:
    attributes = {"name": param.name}
    if param.name == "object":
        attributes |= {"type": "msg", "msg": _FIELD_NAMES.get(param.value, param.value)}
    return Node("param", param.value, attributes)


def bad_value(field: str, value: str) -> PanelError:
    """A field has a value that cannot be."""
    return PanelError("value", field, Param("object", field), Param("value", value))


def missed(obj: str, value: str) -> PanelError:
    """No such object, or not one of the caller's."""
    return PanelError("missed", obj, Param("object", obj), Param("value", value))


def exists(obj: str, value: str) -> PanelError:
    """A duplicate."""
    return PanelError("exists", obj, Param("object", obj), Param("value", value))


def limit(obj: str, value: str) -> PanelError:
    """A quantity above its cap."""
    return PanelError("limit", obj, Param("object", obj), Param("value", value))


def access(func: str) -> PanelError:
    """The caller may not call this function."""
    return PanelError("access", None, Param("value", func))


def not_enough_money(amount: Decimal, purse: Subaccount) -> PanelError:
    """The account cannot pay ``amount``."""
    return PanelError(
        "not_enough_money",
        None,
        Param("amount", f"{amount:.4f}"),
        Param("have", f"{purse.balance:.2f}"),
        Param("currency", purse.currency),
        Param("deficit", f"{amount - purse.available:.4f}"),
        Param("limit", f"{purse.credit_limit:.2f}"),
        Param("reserved", f"{purse.reserved:.2f}"),
        Param("available", f"{purse.available:.2f}"),
    )
