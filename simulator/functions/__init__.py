"""The panel's functions. Importing this package registers them all."""

from simulator.functions import (
    account,
    cart,
    catalogue,
    events,
    history,
    lifecycle,
    lists,
    ordering,
    services,
    tariff_change,
)

__all__ = [
    "account",
    "cart",
    "catalogue",
    "events",
    "history",
    "lifecycle",
    "lists",
    "ordering",
    "services",
    "tariff_change",
]
