"""Does a mapping fit the kind of upstream that it is for?"""

from collections.abc import Iterable

from pydantic import ValidationError

from catalogue.accounts import mapping_settings_in, own_keys
from catalogue.entries import MappingEntry
from catalogue.problems import Problem
from catalogue.reading import mistakes, unknown_key
from models.enums import RenewalOwner
from models.product_types import PRODUCT_TYPES, Form
from orders.services.forms import normal_form
from upstreams.adapter import AnyAdapter, Vocabulary
from upstreams.kinds import UnknownKind, adapter_of


def fits_the_upstream(
    table: str, entry: MappingEntry, product_type: str | None, kind: str | None, *, manual: bool
) -> Iterable[Problem]:
    """`kind`: of the account of the mapping's module; None where the account is not there. `manual`: it needs none."""
    if manual:
        yield from _unknown_keys(table, entry, set())
        return
    adapter = _adapter(kind)
    yield from _order_parameters(table, entry, product_type, adapter.vocabulary if adapter else Vocabulary())
    if adapter is not None:
        yield from _not_of_this_kind(table, entry, adapter)


def _adapter(kind: str | None) -> AnyAdapter | None:
    """None: the account is not there or its kind is not installed, which is said of the module or the account."""
    try:
        return adapter_of(kind) if kind is not None else None
    except UnknownKind:
        return None


def _unknown_keys(table: str, entry: MappingEntry, own: set[str]) -> Iterable[Problem]:
    known = [*MappingEntry.model_fields, *sorted(own)]
    for key in entry.model_extra or {}:
        if key not in own:
            yield Problem(table, key, unknown_key(key, known))


def _not_of_this_kind(table: str, entry: MappingEntry, adapter: AnyAdapter) -> Iterable[Problem]:
    """What the adapter of the module's account does not understand of the mapping."""
    if entry.renewed_by is RenewalOwner.UPSTREAM and not adapter.capabilities.renewal_switch:
        words = f'a "{adapter.kind}" can\'t be told to renew; write "storefront" or "automatic", or leave it out'
        yield Problem(table, "renewal" if entry.renewal is not None else "renewal_owner", words)
    yield from _unknown_keys(table, entry, own_keys(adapter))
    try:
        mapping_settings_in(entry, adapter)
    except ValidationError as error:
        yield from mistakes(error, table, adapter.mapping_settings)


def _order_parameters(
    table: str, entry: MappingEntry, product_type: str | None, words: Vocabulary
) -> Iterable[Problem]:
    """What is sent with every order has the form of the parameter of the same field."""
    known = PRODUCT_TYPES.get(product_type or "")
    parameters = known.parameters if known is not None else {}
    fields = words.order_fields.get(product_type or "", {})
    forms = {fields.get(name, name): one.form for name, one in parameters.items()}
    for field, value in entry.order_parameters.items():
        form = forms.get(field, Form.TEXT)
        if form is Form.TEMPLATE or value == words.nothing:  # here a template is the upstream's own key
            continue
        try:
            normal = normal_form(form, value)
        except ValueError as error:
            yield Problem(table, f"order_parameters.{field}", str(error))
        else:
            if normal != value:
                yield Problem(table, f"order_parameters.{field}", f'write it "{normal}"')
