"""The set-up request: its fields, and what its answer proves.

Fields: SVCAPI (documented), licences as WHMCS-NOC and UPMIND send them (seen in code). That an order charged at once
(`skipbasket=on`) answers with the number is seen in code for licences; servers often answer without one.
"""

from models.enums import Dialect, RenewalOwner, UnpaidKind
from upstreams.billmanager.calls import ENGINE_FIELDS, Call
from upstreams.billmanager.products import period_field, product
from upstreams.billmanager.wire import Document
from upstreams.errors import OutcomeUnknown, SetupFault
from upstreams.port import OrderAccepted, OrderSpec, Unpaid

_NUMBER_FIELDS = ("id", "item.id", "itemid")
BASKET_FIELDS = {
    "billorder": UnpaidKind.ORDER,
    "billorder.id": UnpaidKind.ORDER,
    "lineitem": UnpaidKind.CART_ROW,
    "lineitem.id": UnpaidKind.CART_ROW,
}
"""Nodes with the number of something that has yet to be paid."""
_FORM_FIELDS = ("pricelist", "period", "order_period", "autoprolong")
_ORDER_FIELDS = {"pricelist", "datacenter", "period", "order_period", "remoteid", "autoprolong", "domain", "licname"}
_RESERVED = ENGINE_FIELDS | _ORDER_FIELDS | {"order_count"}


def form_fields(spec: OrderSpec, dialect: Dialect, account: str) -> dict[str, str]:
    """What the order form is filled with. Raises SetupFault if the catalogue tries to set a field that is ours."""
    given = {**spec.parameters, **spec.addons}
    kind = product(spec.product_type)
    reserved = sorted(given.keys() & (_RESERVED | {kind.name_fields[0]}))
    reserved += sorted(spec.parameters.keys() & spec.addons.keys())
    if reserved:
        raise SetupFault(
            f"Upstream {account}: the field {reserved[0]!r} cannot be set as a parameter or add-on of an order, "
            "Resellflow sets it itself (or it is given twice)."
        )
    fields = {"pricelist": spec.pricelist}
    if spec.datacenter is not None:
        fields["datacenter"] = spec.datacenter
    fields[period_field(spec.product_type, dialect)] = str(spec.period)
    fields[kind.name_fields[0]] = spec.name
    fields["remoteid"] = spec.remoteid
    # Renewal on both sides would charge twice: an order renewed by us is placed with the upstream's renewal off.
    fields["autoprolong"] = "null" if spec.renewal_owner is RenewalOwner.RESELLFLOW else str(spec.period)
    return dict(kind.order_extras) | fields | given


def order_fields(spec: OrderSpec, dialect: Dialect, account: str) -> dict[str, str]:
    """The form, finished: charged to the account at once, without a basket."""
    finish = {"skipbasket": "on", "clicked_button": product(spec.product_type).order_button, "sok": "ok"}
    return form_fields(spec, dialect, account) | finish


def accepted(call: Call, answer: Document) -> OrderAccepted:
    """What an answer without an error proves.

    Accepted: `ok`, a number (unless beside it there is a choice to make: then it may be the number of anything), a row
    of the basket, or a document with nothing of a form in it. The form shown once more is no proof of anything (a step
    of the wizard wants something): OutcomeUnknown, to be settled by reading.
    """
    number = created_number(answer)
    fields = answer.fields
    left = left_unpaid(answer)
    if left is not None:
        return OrderAccepted(upstream_number=None if number == left.number else number, unpaid=left)
    if answer.ok or (number is not None and not answer.offers_choices):
        return OrderAccepted(upstream_number=number)
    if answer.is_form or answer.is_list or any(name in fields for name in _FORM_FIELDS):
        raise OutcomeUnknown(
            f"{call.label}: the upstream showed the order form again, without a yes, a number or an error; "
            "whether it took the order is not known.",
            function=call.function,
        )
    return OrderAccepted(upstream_number=None)


def left_unpaid(answer: Document) -> Unpaid | None:
    """The order or cart row that a change left to be paid; without a number where the answer only leads there."""
    for name, kind in BASKET_FIELDS.items():
        leaf = answer.leaf(name)
        if leaf is not None:
            return Unpaid(kind=kind, number=leaf.raw)
    place = answer.leads_to.partition(".")[0]
    if answer.leads_to == "cart" or place == "cartorder":
        return Unpaid(kind=UnpaidKind.CART_ROW)
    if answer.leads_to == "basket" or answer.leads_to.startswith("payment."):
        return Unpaid(kind=UnpaidKind.ORDER)
    return None


def created_number(answer: Document) -> str | None:
    """The number of a thing just made: `id`, `item.id` or `itemid`, as text or attribute, also in a nested `doc`."""
    documents = [answer] if answer.nested is None else [answer, answer.nested]
    for document in documents:
        fields = document.fields
        for name in _NUMBER_FIELDS:
            if name not in fields:
                continue
            for text in (fields[name].text, *(fields[name].attributes.get(key, "") for key in ("v", "id", "value"))):
                if text.isascii() and text.isdigit() and int(text) > 0:
                    return text
    return None
