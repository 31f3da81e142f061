"""The panel's functions. Importing this package registers them all."""

from simulator.functions import (
    account,
    cart,
    catalogue,
    domains,
    events,
    history,
    lifecycle,
    lists,
    ordering,
    services,
    switches,
    tariff_change,
)

__all__ = [
    "account",
    "cart",
    "catalogue",
    "domains",
    "events",
    "history",
    "lifecycle",
    "lists",
    "ordering",
    "services",
    "switches",
    "tariff_change",
]
