"""The set-up request: its fields, and what its answer proves.

Fields: SVCAPI (documented), licences as WHMCS-NOC and UPMIND send them (seen in code). An order charged at once
(`skipbasket=on`) answers with the item's number: `id` for licences, `item.id` in version 6 (seen in code); others
answer without one.
"""

from models.enums import RenewalOwner
from upstreams.answers import OrderAccepted
from upstreams.billmanager.basket import is_number, unpaid
from upstreams.billmanager.calls import ENGINE_FIELDS, Call
from upstreams.billmanager.periods import period_code
from upstreams.billmanager.products import ordered, period_field, product
from upstreams.billmanager.wire import Document
from upstreams.errors import OutcomeUnknown, SetupFault
from upstreams.port import OrderSpec

_ITEM_FIELDS = ("item.id", "itemid")
"""Nodes that can hold no other number than the item's."""
_FORM_FIELDS = ("pricelist", "period", "order_period", "autoprolong")
_ORDER_FIELDS = {"pricelist", "datacenter", "period", "order_period", "remoteid", "autoprolong", "domain", "licname"}
_RESERVED = ENGINE_FIELDS | _ORDER_FIELDS | {"order_count"}


def form_fields(spec: OrderSpec, account: str, *, versioned: bool) -> dict[str, str]:
    """What the order form is filled with. Raises SetupFault if the catalogue tries to set a field that is ours."""
    described = ordered(spec.product_type, account)
    asked = spec.extras | {described.order_field(name): value for name, value in spec.parameters.items()}
    given = {**asked, **spec.addons}
    reserved = sorted(given.keys() & (_RESERVED | {described.name_fields[0]}))
    reserved += sorted(asked.keys() & spec.addons.keys())
    if reserved:
        raise SetupFault(
            f"Upstream {account}: the field {reserved[0]!r} cannot be set as a parameter or add-on of an order, "
            "Resellflow sets it itself (or it is given twice)."
        )
    fields = {"pricelist": spec.tariff}
    if spec.location is not None:
        fields["datacenter"] = spec.location
    fields[period_field(versioned=versioned)] = period_code(spec.period)
    fields[described.name_fields[0]] = spec.name
    fields["remoteid"] = spec.mark
    fields["autoprolong"] = _autoprolong(spec, versioned)
    return dict(described.order_extras) | fields | given


def _autoprolong(spec: OrderSpec, versioned: bool) -> str:
    """Renewal on both sides would charge twice: an order renewed by us is placed with the upstream's renewal off.

    A flag in the forms of version 6 (NEWORDER documented; JAVARES, SPACE seen in code), the period or `null` in the old
    ones (LICAPI documented).
    """
    renews = spec.renewal_owner is RenewalOwner.UPSTREAM
    if versioned:
        return "on" if renews else "off"
    return period_code(spec.period) if renews else "null"


def order_fields(spec: OrderSpec, account: str, *, versioned: bool) -> dict[str, str]:
    """The form, finished: charged to the account at once, without a basket."""
    finish = {"skipbasket": "on", "clicked_button": product(spec.product_type).order_button, "sok": "ok"}
    return form_fields(spec, account, versioned=versioned) | finish


def accepted(call: Call, answer: Document) -> OrderAccepted:
    """What an answer without an error proves.

    Accepted: `ok`, a number (unless beside it there is a choice to make: then it may be the number of anything),
    something that has yet to be paid, or a document with nothing of a form in it. The form shown once more, or an `ok`
    that leads to a step of the order, is no proof of anything: OutcomeUnknown, to be settled by reading.
    """
    number, to_pay = created_number(answer), unpaid(answer)
    if to_pay is not None:
        # A plain `id` may be that of the order to pay; only a node that says so holds the item's number.
        number = created_number(answer, _ITEM_FIELDS)
        number = None if number == to_pay.number else number
    step = _step_of_the_order(answer)
    if step and number is None and to_pay is None:
        raise OutcomeUnknown(
            f"{call.label}: the upstream went on to {call.clean(step, 60)}, a step of the order, instead of a yes; "
            "whether it took the order is not known.",
            function=call.function,
        )
    if answer.ok or ((number is not None or to_pay is not None) and not answer.offers_choices):
        return OrderAccepted(upstream_number=number, unpaid=to_pay)
    if answer.is_form or answer.is_list or any(name in answer.fields for name in _FORM_FIELDS):
        raise OutcomeUnknown(
            f"{call.label}: the upstream showed the order form again, without a yes, a number or an error; "
            "whether it took the order is not known.",
            function=call.function,
        )
    return OrderAccepted(upstream_number=None)


def _step_of_the_order(answer: Document) -> str:
    """`domain.order.contact`, `v2.vds.order.param`: where nothing but a form comes next."""
    return answer.leads_to if "order" in answer.leads_to.split(".") else ""


def created_number(answer: Document, names: tuple[str, ...] = ("id", *_ITEM_FIELDS)) -> str | None:
    """The number of a thing just made, as text or attribute, also in a nested `doc`."""
    documents = [answer] if answer.nested is None else [answer, answer.nested]
    for document in documents:
        fields = document.fields
        for name in names:
            if name not in fields:
                continue
            for text in (fields[name].text, *(fields[name].attributes.get(key, "") for key in ("v", "id", "value"))):
                if is_number(text):
                    return text
    return None
