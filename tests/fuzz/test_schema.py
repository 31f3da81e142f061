"""Requests made up from the OpenAPI document by schemathesis, for both roles: what fits it, and what does not.

No answer is 5xx, each is one that the document names, and looks as the document says.
"""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.errors import Unsatisfiable

from models.enums import Stage
from tests.fuzz.amount import FACTOR, SEED, drawn, tries
from tests.storefront.api import OPERATOR_TOKEN, SHOP_TOKEN, Api

TOKENS = {"storefront": SHOP_TOKEN, "operator": OPERATOR_TOKEN}
ENDLESS = "/v1/operations/{number}/stream"
AT_A_TIME = 8
"""So many of the operations `make test` tries for each role, drawn once and for all."""


def try_what_is_documented(address: str, role: str) -> list[str]:
    """The operations that were tried."""
    import schemathesis  # here, for it takes a while, and each process collects all tests
    from schemathesis import checks
    from schemathesis.core.result import Ok
    from schemathesis.generation import GenerationMode

    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    known = [operation for operation in operations if operation.path != ENDLESS]
    draw = drawn(f"{__name__} {role}")
    chosen = draw.sample(known, AT_A_TIME) if FACTOR == 1 else known
    for operation in chosen:
        for mode in [draw.choice(list(GenerationMode))] if FACTOR == 1 else GenerationMode:

            @given(case=operation.as_strategy(generation_mode=mode))
            @seed(SEED)
            @settings(tries(2), suppress_health_check=list(HealthCheck))
            def try_one(case: Any) -> None:
                answer = case.call(headers={"Authorization": f"Bearer {TOKENS[role]}"}, timeout=30)
                assert answer.status_code < 500 or "upstream-failed" in answer.text, answer.text
                case.validate_response(
                    answer,
                    checks=[
                        checks.content_type_conformance,
                        checks.response_schema_conformance,
                        checks.status_code_conformance,
                    ],
                )

            with suppress(Unsatisfiable):  # of what takes nothing, nothing can be wrong
                try_one()
    return [operation.label for operation in chosen]


@pytest.mark.timeout(120 * FACTOR)
@pytest.mark.parametrize("role", ["storefront", pytest.param("operator", marks=pytest.mark.proof)])
async def test_whatever_the_document_lets_one_ask_is_answered_as_it_says(sqlite_api: Api, role: str) -> None:
    await sqlite_api.order()
    await sqlite_api.enter(1, Stage.CANCELLED)

    tried = await asyncio.to_thread(try_what_is_documented, sqlite_api.address, role)

    assert len(set(tried)) >= AT_A_TIME
