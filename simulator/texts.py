"""The texts that the panel's forms carry along: all of the interface, whatever the form is about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from simulator.catalogue import Addon, Pricelist
from simulator.document import Node

_DICTIONARY: Final = {
    "item_status_1": ("Ordered", "Заказан"),
    "item_status_2": ("Active", "Активен"),
    "item_status_2_stop": ("Stopped", "Выключен"),
    "item_status_3_autosuspend": ("Suspended automatically", "Остановлен автоматически"),
    "item_status_3_employeesuspend": ("Suspended by staff", "Остановлен администратором"),
    "item_status_3_abusesuspend": ("Suspended for abuse", "Остановлен за нарушение"),
    "item_status_4": ("Deleted", "Удалён"),
    "item_status_5_open": ("Opening", "Открывается"),
    "item_status_5_close": ("Closing", "Закрывается"),
    "item_status_5_prolong": ("Renewing", "Продлевается"),
    "item_status_service_nosuitable": ("No module can open it", "Нет подходящего модуля"),
}


def dictionary(lang: str, tariff: Pricelist | None = None) -> Iterator[tuple[str, str]]:
    """Every text by its key; of a tariff also the labels and hints of its add-ons."""
    for key, texts in _DICTIONARY.items():
        yield key, texts[lang == "ru"]
    for addon in tariff.addons if tariff else ():
        yield f"addon_{addon.id}", addon.title
        yield f"hint_addon_{addon.id}", f"{addon.title}: {_range(addon)}"


def _range(addon: Addon) -> str:
    return ", ".join(addon.values) if addon.values else f"{addon.included}-{addon.maximum}"


def addon_page(tariff: Pricelist) -> Node:
    """The page of a form that describes the add-on fields: a switch, a choice, or a number with its limits."""
    columns = [
        Node("field", attributes={"name": f"addon_{addon.id}"}, children=[_widget(addon)], always_array=True)
        for addon in tariff.addons
    ]
    return Node("page", attributes={"name": "addon"}, children=columns, always_array=True)


def _widget(addon: Addon) -> Node:
    name = f"addon_{addon.id}"
    if addon.values:
        return Node("select", attributes={"name": name})
    if addon.default in ("on", "off"):
        return Node("input", attributes={"name": name, "type": "checkbox"})
    limits = {"min": str(addon.included), "max": str(addon.maximum), "step": "1"}
    return Node("slider", attributes={"name": name, **limits})
