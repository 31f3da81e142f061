"""What a kind of upstream brings: one folder `upstreams/<kind>/` that exports one `Adapter`.

The folder is found by an entry point of the group `resellflow.upstreams` (see `upstreams.kinds`). Nothing outside it
knows its protocol or its words.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, SecretStr

from upstreams.capabilities import Capabilities
from upstreams.gate import Gate
from upstreams.hints import Hint, read_hint
from upstreams.port import Learned, Upstream


@dataclass(frozen=True)
class SecretSource:
    """Where an account's secret comes from: exactly one of both, once the catalogue was checked."""

    word: str
    """What the secret is called. The keys of the catalogue file are `<word>_env` and `<word>_file`."""
    env: str | None
    file: str | None

    @property
    def keys(self) -> tuple[str, str]:
        return f"{self.word}_env", f"{self.word}_file"


class AccountSettings(BaseModel, ABC):
    """What `[[upstream_accounts]]` says beyond the common keys (name, kind, currency, credit limit, secret of hints).

    Unknown keys are refused and nothing is converted. The description of a field is what an error says would be right.
    It is kept with the account as JSON: what is stored today has to be read by later versions.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    url: str

    @property
    @abstractmethod
    def secret(self) -> SecretSource: ...

    @property
    @abstractmethod
    def customer(self) -> dict[str, str]:
        """Who we are at the upstream, by key of the catalogue file; the address is written in one spelling.

        Two accounts with the same are one customer account there. They would spend the same money twice.
        """


class MappingSettings(BaseModel):
    """What the keys of `[[tariff_plans.mappings]]` have to be for this kind of upstream.

    Only the keys that differ between kinds are named: `pricelist`, `datacenter`, `periods` and so on. A key that other
    kinds do not have is kept with the mapping as JSON, and handed on as `OrderSpec.settings`. The description of a
    field is what an error says would be right.
    """

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


@dataclass(frozen=True)
class Vocabulary:
    """Words of the upstream that stand in the catalogue file."""

    order_fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Product type -> parameter -> its field in `order_parameters`, where that is called otherwise."""
    nothing: str = ""
    """The value that says that nothing is chosen; whatever form a parameter has, it may be this."""


S = TypeVar("S", bound=AccountSettings)
L = TypeVar("L", bound=Learned)


async def keep_nowhere(learned: L) -> L:
    return learned


@dataclass(frozen=True)
class Connection(Generic[S, L]):
    """How to reach an upstream account. Two that are equal can use one `Upstream`."""

    name: str
    """The account's, for messages."""
    currency: str
    settings: S
    secret: SecretStr
    learned: L = field(compare=False)
    keep_first: Callable[[L], Awaitable[L]] = field(default=keep_nowhere, compare=False)
    """Keeps what was found out, unless something is kept already, and returns what is kept. Whoever only reads may keep
    it nowhere. Call it for what must be known before anything is sent; all else is kept after a check by hand."""
    read_timeout: float = 12.0
    """Seconds for a call that only reads."""
    order_timeout: float = 30.0
    """Seconds for a call that changes or costs."""


@dataclass(frozen=True)
class Adapter(Generic[S, L]):
    """A kind of upstream."""

    kind: str
    """Its word in the catalogue file: `kind = "billmanager"`."""
    account_settings: type[S]
    mapping_settings: type[MappingSettings]
    learned: type[L]
    capabilities: Capabilities
    connect: Callable[[Connection[S, L], Gate], Upstream]
    """Opens nothing yet. Raises `upstreams.errors.SetupFault` if the address can't be used."""
    vocabulary: Vocabulary = Vocabulary()
    manual_plan_changes: Mapping[str, Sequence[str]] | None = None
    """Product type -> resources whose change only a person can carry out at this kind of upstream, unless the
    operator's setting names others. None: whatever needs a person there becomes a task of theirs, so it is sent like
    any other change, and the setting does not apply."""
    read_hint: Callable[[bytes], Hint | None] = read_hint
    """Reads the body of a push hint; it was signed with the account's secret of hints (Standard Webhooks). None: it is
    about no item. Raises ValueError for what is no hint."""


AnyAdapter = Adapter[Any, Any]
"""An adapter found by its kind: its own models are read and handed on, and not looked into."""
