"""How long an upstream may take for what it has accepted, before it is called slow and before a person is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil

from models.enums import OperationKind
from models.product_types import PRODUCT_TYPES

OTHERWISE = timedelta(minutes=15)
_USUAL = {
    "open": timedelta(hours=1),
    "open dedic": timedelta(days=1),
    "open colocation": timedelta(days=1),
    "open certificate": timedelta(days=3),
    "change_plan": timedelta(minutes=30),
}
KNOWN_AT_LEAST = 10
"""Confirmations that are needed to say what is usual; fewer may be chance."""
REMEMBERED = 50
"""The latest confirmations that count."""
_MOST = 0.95
_MARGIN = 2


def check_usual_times(seconds: Mapping[str, float]) -> Mapping[str, float]:
    """Raises ValueError for a name that is neither a kind of operation nor one with a product type."""
    for name in seconds:
        kind, _, product_type = name.partition(" ")
        if kind not in list(OperationKind) or (product_type and product_type not in PRODUCT_TYPES):
            raise ValueError(f'{name!r} is neither a kind of operation ("open") nor one of a type ("open dedic")')
    return seconds


@dataclass(frozen=True)
class Patience:
    usual: Mapping[str, timedelta] = field(default_factory=dict)
    """`open`, or `open dedic` -> what is usual where an upstream's own past does not show it."""
    at_least: timedelta = timedelta(minutes=5)
    unchanged_after: timedelta = timedelta(hours=6)

    @property
    def least(self) -> timedelta:
        """Before this nothing is slower than usual, whatever it is."""
        return min([self.at_least, OTHERWISE, *_USUAL.values(), *self.usual.values()])

    def unchanged(self, kind: OperationKind, product_type: str) -> timedelta:
        """After which a person is asked about what is not done."""
        return max(self.unchanged_after, self._set(kind, product_type))

    def usual_time(self, kind: OperationKind, product_type: str, past: Sequence[float]) -> timedelta:
        """After which an operation is slower than usual. `past`: seconds that the same upstream took for the latest of
        its kind and product type. Twice what 19 of 20 took, within the bounds."""
        if len(past) < KNOWN_AT_LEAST:
            return self._set(kind, product_type)
        most = sorted(past)[ceil(_MOST * len(past)) - 1]
        return min(max(timedelta(seconds=_MARGIN * most), self.at_least), self.unchanged(kind, product_type))

    def _set(self, kind: OperationKind, product_type: str) -> timedelta:
        names = (f"{kind.value} {product_type}", kind.value)
        for known in (self.usual, _USUAL):
            for name in names:
                if name in known:
                    return known[name]
        return OTHERWISE
