"""The product types that the panel knows: one line each, and nothing else names a type for what several types do.

A new type is a line here, and a tariff (`simulator.tariffs`) by which it is sold. The line says to which family it
belongs: the family decides its form, its fields and what it gets when it is opened.
"""

from __future__ import annotations

from enum import Enum, Flag, StrEnum, auto
from typing import Self


class Family(Enum):
    """Product types that work alike."""

    SERVER = auto()
    """It runs an operating system of its own."""
    HOSTING = auto()
    LICENCE = auto()
    """It carries ``licname`` and ``ip`` instead of a domain, and gets a key."""
    CERTIFICATE = auto()
    DOMAIN = auto()


class Trait(Flag):
    """In what a type differs from others of its family."""

    NONE = 0
    COMMON = auto()
    """A panel has it unless its knob `types` names others."""
    OWN_NETWORK = auto()
    """Its address has a gateway and a mask of its own."""
    MODULE = auto()
    """It belongs to a licence, and has the old form alone."""


class ItemType(StrEnum):
    """Word in the panel's functions, title in its menu, family, traits."""

    title_in_menu: str
    family: Family
    traits: Trait

    def __new__(cls, word: str, title: str, family: Family, traits: Trait = Trait.NONE) -> Self:
        self = str.__new__(cls, word)
        self._value_ = word
        self.title_in_menu = title
        self.family = family
        self.traits = traits
        return self

    VDS = "vds", "Virtual servers", Family.SERVER, Trait.COMMON | Trait.OWN_NETWORK
    VHOST = "vhost", "Shared hosting", Family.HOSTING, Trait.COMMON
    DEDIC = "dedic", "Dedicated servers", Family.SERVER, Trait.COMMON | Trait.OWN_NETWORK
    SOFT = "soft", "Licences", Family.LICENCE, Trait.COMMON
    SOFTEXTERNAL = "softexternal", "Other licences", Family.LICENCE, Trait.COMMON
    CERTIFICATE = "certificate", "SSL certificates", Family.CERTIFICATE, Trait.COMMON
    DOMAIN = "domain", "Domain names", Family.DOMAIN, Trait.COMMON
    ADDITION = "addition", "Modules", Family.LICENCE, Trait.MODULE
    INSTANCES = "instances", "Cloud servers", Family.SERVER
    NOT_INSTALL = "not-install", "Servers without a system", Family.SERVER

    @property
    def is_licence(self) -> bool:
        return self.family is Family.LICENCE

    @property
    def is_server(self) -> bool:
        return self.family is Family.SERVER

    @property
    def is_module(self) -> bool:
        return Trait.MODULE in self.traits

    @property
    def is_registered(self) -> bool:
        """What is bought is an entry with somebody else: it needs its name, and there is nothing to suspend."""
        return self.family in (Family.CERTIFICATE, Family.DOMAIN)

    @property
    def has_new_forms(self) -> bool:
        """Whether it may be ordered through ``v2.`` functions."""
        return not (self.is_registered or self.is_module)

    @property
    def has_one_name(self) -> bool:
        """Whether the order function without ``v2.`` is there in either dialect."""
        return self.is_licence or self.is_registered


COMMON_TYPES: list[ItemType] = [one for one in ItemType if Trait.COMMON in one.traits]
