"""The schema that a plan gives of its orders, held against what orders are accepted: both ways, over HTTP."""

import asyncio
import itertools
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from pydantic import TypeAdapter

from models.enums import AddonKind
from models.product_types import Form, NameKind, ProductType
from orders.plans import schemas
from orders.services.addons import AddonForm, AskedAddon
from orders.services.forms import normal_form
from orders.services.naming import check_name
from tests.plans.bodies import ADDRESSES, CSRS, HOSTS, MAILBOXES, NUMBERS, TEXTS, bodies, right
from tests.plans.catalogue import ORDERABLE
from tests.storefront.api import Api

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

EXAMPLES = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def validator(schema: dict[str, Any]) -> "Draft202012Validator":
    from jsonschema import Draft202012Validator  # here, for it takes two seconds, and each process collects all tests

    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


FIRST, *FURTHER = ORDERABLE


@pytest.mark.parametrize("name", [FIRST, *(pytest.param(name, marks=pytest.mark.proof) for name in FURTHER)])
async def test_an_order_is_accepted_if_and_only_if_it_is_valid_by_the_schema(shop_api: Api, name: str) -> None:
    plan = (await shop_api.shop.get(f"/v1/plans/{quote(name, safe='')}")).json()
    valid_by = validator(plan["order_schema"])
    keys = itertools.count()
    said = {True: 0, False: 0}
    with httpx.Client(
        base_url=shop_api.address, headers=dict(shop_api.shop.headers), timeout=30, trust_env=False
    ) as shop:

        @EXAMPLES
        @given(body=bodies(plan))
        def agrees(body: dict[str, Any]) -> None:
            valid = valid_by.is_valid(body)
            answer = shop.post("/v1/services", json=body, headers={"Idempotency-Key": f"{name!a}-{next(keys)}"})
            assert answer.status_code == (201 if valid else 422), (body, answer.text, [*valid_by.iter_errors(body)])
            said[valid] += 1

        assert valid_by.is_valid(right(plan))
        await asyncio.to_thread(agrees)
    assert min(said.values()) >= 5, said


SHAPES = {
    Form.ADDRESS: ADDRESSES,
    Form.HOST: HOSTS,
    Form.EMAIL: MAILBOXES,
    Form.CSR: CSRS,
    Form.NUMBER: NUMBERS,
    Form.TEXT: TEXTS,
}


def accepted(form: Form, text: str) -> bool:
    try:
        normal_form(form, text)
    except ValueError:
        return False
    return bool(text.strip())


@pytest.mark.parametrize("form", SHAPES)
def test_a_parameter_that_fits_its_schema_is_accepted(form: Form) -> None:
    fits = validator(schemas._form(form, []))
    letters = some.text("abzAZ0129.:-@*_ %\n\t+/=éß例。x", max_size=24)
    near = some.builds(
        lambda text, at, more: text[: at % (len(text) + 1)] + more + text[at % (len(text) + 1) :],
        some.sampled_from(SHAPES[form]),
        some.integers(0, 300),
        some.text("a0.:-@ x\nN", max_size=2),
    )

    @settings(max_examples=250, deadline=None, derandomize=True)
    @given(text=letters | near | some.text(max_size=20) | some.sampled_from(SHAPES[form]))
    def holds(text: str) -> None:
        if fits.is_valid(text):
            assert accepted(form, text), text

    holds()
    assert any(fits.is_valid(text) for text in SHAPES[form])


@pytest.mark.parametrize(
    "kind",
    [
        NameKind.HOST,
        pytest.param(NameKind.COMMON_NAME, marks=pytest.mark.proof),
        pytest.param(NameKind.DOMAIN, marks=pytest.mark.proof),
    ],
)
def test_a_name_that_fits_its_schema_is_accepted(kind: NameKind) -> None:
    product_type = ProductType("thing", kind)
    fits = validator(schemas._domain(product_type))

    @settings(max_examples=250, deadline=None, derandomize=True)
    @given(text=some.sampled_from(HOSTS) | some.text("abzAZ019.-*_ xn例éß。ـ١", min_size=1, max_size=20))
    def holds(text: str) -> None:
        if fits.is_valid(text):
            check_name(product_type, text)

    holds()


@pytest.mark.parametrize(
    "text",
    ["V1.Example.COM", "münchen.example", "xn--mnchen-3ya.example", "例え.テスト", "a-b.c-d.example", "1.example"],
)
def test_names_as_people_write_them_fit(text: str) -> None:
    assert validator(schemas._host()).is_valid(text)


QUANTITY, SWITCH, CHOICE = AddonKind.QUANTITY, AddonKind.SWITCH, AddonKind.CHOICE


@pytest.mark.parametrize(
    "form",
    [
        AddonForm(QUANTITY),
        AddonForm(QUANTITY, least=2, most=16, step=2),
        AddonForm(QUANTITY, least=5, most=50, step=10),
        AddonForm(QUANTITY, least=3, most=3),
        AddonForm(SWITCH, choices={"on": "on", "off": "off"}),
        AddonForm(CHOICE, choices={"lite": "1", "1": "a", "-1": "b", "03": "c"}),
    ],
    ids=str,
)
def test_an_add_on_fits_its_schema_if_and_only_if_it_can_be_ordered(form: AddonForm) -> None:
    """Every value around the limits; what a body may hold is checked before that."""
    fits = validator(schemas.addon_schema(form))
    written: TypeAdapter[object] = TypeAdapter(AskedAddon)
    for value in (*range(-3, 62), True, False, "on", "off", "lite", "pro", "1", "-1", "03", "", None, 1.5):
        try:
            form.checked(written.validate_python(value), "plan")
            possible = True
        except ValueError:
            possible = False
        assert fits.is_valid(value) is possible, value
