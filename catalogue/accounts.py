"""Keys of `[[upstream_accounts]]` and `[[tariff_plans.mappings]]` that the adapter of a kind of upstream names."""

from functools import cache
from typing import cast

from pydantic import ConfigDict, create_model

from catalogue.entries import AccountEntry, MappingEntry
from upstreams.adapter import AccountSettings, AnyAdapter, MappingSettings
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


def mapping_settings_in(entry: MappingEntry, adapter: AnyAdapter) -> MappingSettings:
    """What a mapping says, as the adapter reads it. Raises pydantic's ValidationError."""
    model = adapter.mapping_settings
    return model.model_validate(entry.model_dump(include=set(model.model_fields), exclude_none=True))


def own_keys(adapter: AnyAdapter) -> set[str]:
    """The keys of a mapping that this kind of upstream alone has."""
    return adapter.mapping_settings.model_fields.keys() - MappingEntry.model_fields.keys()


def own_settings(entry: MappingEntry, kind: str | None) -> dict[str, object]:
    """What a mapping says for the adapter alone, as JSON. `kind`: None for a manual module, which has nothing."""
    if kind is None:
        return {}
    adapter = adapter_of(kind)
    return mapping_settings_in(entry, adapter).model_dump(mode="json", include=own_keys(adapter))
