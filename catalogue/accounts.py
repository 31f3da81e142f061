"""The tables `[[upstream_accounts]]`: their keys depend on the kind of upstream, whose adapter names them."""

from functools import cache
from typing import cast

from pydantic import ConfigDict, create_model

from catalogue.entries import AccountEntry
from upstreams.adapter import AccountSettings
from upstreams.kinds import UnknownKind, adapter_of


def account_entry(kind: object) -> type[AccountEntry]:
    """The format of an account of this kind. A kind without an adapter is refused, and its own keys are let through."""
    try:
        return _of_kind(kind) if isinstance(kind, str) else _OfNoKind
    except UnknownKind:
        return _OfNoKind


@cache
def _of_kind(kind: str) -> type[AccountEntry]:
    settings = adapter_of(kind).account_settings
    return cast("type[AccountEntry]", create_model(f"{settings.__name__}Entry", __base__=(AccountEntry, settings)))


class _OfNoKind(AccountEntry):
    model_config = ConfigDict(extra="ignore")


def settings_in(entry: AccountEntry) -> AccountSettings:
    """What the file says for the adapter alone."""
    settings: type[AccountSettings] = adapter_of(entry.kind).account_settings
    return settings.model_validate(entry.model_dump(include=set(settings.model_fields)))
