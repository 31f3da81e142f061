"""JSON Schema (2020-12) of an order, for one plan: what is valid by it is accepted by `POST /v1/services`.

What is not valid by it is refused, with one exception: values in another spelling than the one that is kept (a host
name in capitals, say, an IPv6 address that embeds an IPv4 one, an e-mail address at an internationalised domain) may be
accepted although the schema does not describe them. Patterns need no look-ahead, so they work in every language.
Whoever wants internationalised domain names checked has to switch assertions of `format` on.
"""

import json
from collections.abc import Mapping
from typing import Any

from models.enums import AddonKind
from models.product_types import Form, NameKind, ProductType
from orders.lifecycle.intake import ServiceRequest
from orders.plans.offers import Offer, Source
from orders.services.addons import OFF, ON, AddonForm
from orders.services.forms import LONGEST, LONGEST_CSR, LONGEST_EMAIL

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

MOST_VALUES = 1000
"""Quantities that are listed one by one, where steps begin at another number than a multiple of the step."""

_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(\.{_LABEL})+"
_ODD_HYPHENS = r"(^|[.@])[^.@][^.@]--"
_IN_PUNYCODE = r"(^|[.@])[Xx][Nn]--"
_MAILBOX = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_CONTROL: Schema = {"pattern": "[\u0000-\u001f\u007f-\u009f]"}
_ENDS_AS_AN_ADDRESS: Schema = {"pattern": r"\.[0-9]+$"}
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_NOTHING_AT_ALL: Schema = {"not": {}}


def order_schema(offer: Offer) -> Schema:
    """The schema of a whole order. Nothing is valid by that of a plan that can't be ordered."""
    if offer.not_orderable_because:
        return {"$schema": DIALECT, "description": offer.not_orderable_because, **_NOTHING_AT_ALL}
    bodies = [_body(offer, source, months) for source, months in offer.groups]
    merged = _merged(bodies)
    whole = merged[0] if len(merged) == 1 else {"oneOf": merged}
    return {"$schema": DIALECT, "title": f"An order of {offer.plan.name}", **whole}


def parameters_schema(offer: Offer) -> Schema:
    """The schema of `parameters`. Where templates differ by period, those of all periods are named."""
    templates = {name: None for source, _ in offer.groups for name in source.mapping.templates}
    return _parameters(offer.product_type, list(templates))


def _merged(bodies: list[Schema]) -> list[Schema]:
    """Bodies that differ by their periods only are one."""
    found: dict[str, Schema] = {}
    for body in bodies:
        without = {**body, "properties": {**body["properties"], "period_months": None}}
        known = found.setdefault(json.dumps(without, sort_keys=True), body)
        if known is not body:
            periods = known["properties"]["period_months"]
            periods["enum"] = sorted({*periods["enum"], *body["properties"]["period_months"]["enum"]})
    return list(found.values())


def _body(offer: Offer, source: Source, months: tuple[int, ...]) -> Schema:
    """The request's own schema, with what this plan allows in place of what any plan may have."""
    general = ServiceRequest.model_json_schema()
    product_type = offer.product_type
    own = {
        "plan": {"const": offer.plan.name, "description": "the plan's name"},
        "period_months": {"type": "integer", "enum": list(months), "description": "months; one of the plan's periods"},
        "customer": _line(200, "your own name of the customer"),
        "domain": _domain(product_type),
        "parameters": _parameters(product_type, list(source.mapping.templates)),
        "addons": _addons(source.mapping.addons, source),
        "agreed_cost_limit": _limit(source),
    }
    properties = {name: own.get(name, schema) for name, schema in general["properties"].items()}
    required = [*general["required"]]
    required += ["domain"] if product_type.name.is_the_thing else []
    required += ["parameters"] if product_type.required else []
    body = {"type": "object", "additionalProperties": False, "required": required, "properties": properties}
    if "$ref" in json.dumps(properties):
        body["$defs"] = general["$defs"]
    return body


def _line(longest: int, description: str) -> Schema:
    """One line that says something."""
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": longest,
        "pattern": r"\S",
        "not": _CONTROL,
        "description": description,
    }


# Names.


def _domain(product_type: ProductType) -> Schema:
    if not product_type.name.is_chosen:
        return {"type": "null", "description": f"a {product_type.intname} carries no domain"}
    name = _host(wildcard=product_type.name is NameKind.COMMON_NAME)
    if product_type.name.is_the_thing:
        return {**name, "description": "what is bought; it is needed, and never changes"}
    return {"anyOf": [name, {"type": "null"}], "description": "host name; one is made up when it is absent"}


def _host(*, wildcard: bool = False) -> Schema:
    """A full domain name. Its format alone checks a name beyond ASCII."""
    begins = r"^(\*\.)?" if wildcard else "^"
    plain = {
        "pattern": f"{begins}{_HOST}$",
        "not": {"anyOf": [_CONTROL, _ENDS_AS_AN_ADDRESS, {"pattern": _ODD_HYPHENS}]},
    }
    internationalised = {
        "format": "idn-hostname",
        "allOf": [
            {"pattern": f"[^\u0000-\u007f]|{_IN_PUNYCODE}"},
            {"pattern": "^[^\u0000-,/:-@\\[-`{-\u009f]+$"},
            {"pattern": "[^.\u3002\uff0e\uff61][.\u3002\uff0e\uff61][^.\u3002\uff0e\uff61]"},
        ],
        "not": {"pattern": "[.\u3002\uff0e\uff61][0-9]+[.\u3002\uff0e\uff61]*$"},
    }
    return {"type": "string", "maxLength": 253, "anyOf": [plain, internationalised]}


# Parameters.


def _parameters(product_type: ProductType, templates: list[str]) -> Schema:
    properties = {
        name: _described(_form(one.form, templates), one.meaning)
        for name, one in product_type.parameters.items()
        if one.form is not Form.TEMPLATE or templates
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": sorted(product_type.required),
        "properties": properties,
    }


def _described(schema: Schema, meaning: str) -> Schema:
    return {**schema, "description": meaning} if meaning else schema


def _form(form: Form, templates: list[str]) -> Schema:
    match form:
        case Form.TEXT:
            return {key: value for key, value in _line(LONGEST, "").items() if key != "description"}
        case Form.TEMPLATE:
            return {"type": "string", "enum": templates}
        case Form.ADDRESS:
            return _address()
        case Form.HOST:
            return _host()
        case Form.EMAIL:
            return _email()
        case Form.NUMBER:
            return {"type": "string", "pattern": "^[0-9]{1,18}$", "not": _CONTROL}
        case Form.CSR:
            return _csr()


def _address() -> Schema:
    """Addresses that a server can have: of IPv6 those of 2000::/3 and fc00::/7, without tunnels of IPv4."""
    four = {
        "format": "ipv4",
        "pattern": rf"^{_OCTET}(\.{_OCTET}){{3}}$",
        "not": {"anyOf": [_CONTROL, {"pattern": r"^(0|127|169\.254|22[4-9]|23[0-9]|24[0-9]|25[0-5])\."}]},
    }
    six = {
        "format": "ipv6",
        "pattern": "^([23][0-9A-Fa-f]{3}|[Ff][CcDd][0-9A-Fa-f]{2}):[0-9A-Fa-f:]+$",
        "not": {"anyOf": [_CONTROL, {"pattern": "^(2002|2001:0{0,4}):"}]},
    }
    return {"type": "string", "anyOf": [four, six]}


def _email() -> Schema:
    return {
        "type": "string",
        "format": "email",
        "maxLength": LONGEST_EMAIL,
        "pattern": rf"^{_MAILBOX}+(\.{_MAILBOX}+)*@{_HOST}$",
        "allOf": [{"pattern": "^[^@]{1,64}@"}, {"pattern": "@.{1,253}$"}],
        "not": {"anyOf": [_CONTROL, _ENDS_AS_AN_ADDRESS, {"pattern": r"[.@][^.@][^.@]--[^@]*$"}]},
    }


def _csr() -> Schema:
    words = "(NEW )?CERTIFICATE REQUEST-----"
    return {
        "type": "string",
        "maxLength": LONGEST_CSR,
        "pattern": f"^-----BEGIN {words}[\\t\\n\\r ][A-Za-z0-9+/=\\t\\n\\r ]+-----END {words}[\\t\\n\\r ]*$",
    }


# Add-ons and money.


def _addons(names: Mapping[str, str], source: Source) -> Schema:
    properties = {name: addon_schema(AddonForm.of(source.mapping, name)) for name in sorted(names)}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def addon_schema(form: AddonForm) -> Schema:
    match form.kind:
        case AddonKind.SWITCH:
            return {"enum": [True, False, ON, OFF], "description": "a switch"}
        case AddonKind.CHOICE:
            return {"enum": [value for name in form.choices for value in _spellings(name)], "description": "a choice"}
        case AddonKind.QUANTITY:
            return _quantity(form)


def _spellings(name: str) -> list[str | int]:
    """How a choice is asked for: one that reads like a number is written as a number."""
    is_number = name.removeprefix("-").isascii() and name.removeprefix("-").isdigit()
    as_number: list[str | int] = [int(name)] if is_number and str(int(name)) == name else []
    return as_number if name.strip().isdigit() else [name, *as_number]


def _quantity(form: AddonForm) -> Schema:
    schema: Schema = {"type": "integer", "minimum": form.least, "description": "a quantity"}
    if form.most is not None:
        schema["maximum"] = form.most
    if form.step == 1:
        return schema
    if form.least % form.step == 0:
        return {**schema, "multipleOf": form.step}
    if form.most is not None and (form.most - form.least) // form.step < MOST_VALUES:
        return {**schema, "enum": list(range(form.least, form.most + 1, form.step))}
    return {**schema, "description": f"a quantity, in steps of {form.step} from {form.least}"}


def _limit(source: Source) -> Schema:
    currency = source.account.currency if source.account is not None else None
    code: Schema = {"const": currency} if currency else {"type": "string", "pattern": "^[A-Z]{3}$", "maxLength": 3}
    amount = "[0-9]{1,14}(\\.[0-9]{1,4})?"
    document = {
        "type": "object",
        "required": ["amount", "currency"],
        "properties": {
            "amount": {
                "anyOf": [
                    {"type": "string", "pattern": f"^{amount}$", "not": _CONTROL},
                    {"type": "integer", "minimum": 0, "maximum": 10**14 - 1},
                ]
            },
            "currency": code,
        },
    }
    text = {"type": "string", "pattern": f"^{amount} {currency or '[A-Z]{3}'}$", "not": _CONTROL}
    description = ServiceRequest.model_fields["agreed_cost_limit"].description
    return {"anyOf": [document, text, {"type": "null"}], "description": description}
