"""Words of the API that a newer server may know more of."""

from enum import StrEnum
from typing import Self


class OpenEnum(StrEnum):
    """A word that this version does not know becomes a member of its own: it is equal to its text, and shown as it."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = unknown._value_ = value
        return unknown
