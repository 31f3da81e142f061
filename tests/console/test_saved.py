"""Filters of the inbox that a person saves: kept, chosen, replaced, deleted; nobody else's."""

import pytest

from models.enums import Role
from models.people import SavedFilter
from orders.access import saved_filters
from tests.console.conftest import LogIn
from tests.console.people import browser_of, words
from tests.storefront.api import Api, client_of_nothing, stocked_api


@pytest.mark.proof
async def test_a_filter_is_saved_chosen_replaced_and_deleted_on_both_databases(migrated_database_url: str) -> None:
    async with stocked_api(migrated_database_url, await client_of_nothing()) as api:
        olga, boris = await browser_of(api, "olga", Role.VIEWER), await browser_of(api, "boris", Role.SENIOR)
        assert "Save these filters as" not in await olga.page("")
        assert "Save these filters as" in await olga.page("?cause=money")
        saved = await olga.send("saved", name="  my   money ", cause="money", upstream="", customer="c-1&x=<b>")
        assert (saved.status_code, saved.headers["location"]) == (303, "./?cause=money&customer=c-1%26x%3D%3Cb%3E")
        page = await olga.page(saved.headers["location"].removeprefix("./"))
        assert 'href="?cause=money&amp;customer=c-1%26x%3D%3Cb%3E" aria-current="true">my money</a>' in page
        assert "my money" not in await boris.page("")

        assert (await olga.send("saved", name="my money", cause="tasks")).status_code == 303
        assert '<a href="?cause=tasks">my money</a>' in await olga.page("")
        assert (await boris.send("saved/1/forget")).status_code == 303
        assert "my money" in words(await olga.page("")), "it is not his"
        assert (await olga.send("saved/1/forget")).status_code == 303
        assert "my money" not in await olga.page("")
        await olga.client.aclose()
        await boris.client.aclose()


async def test_what_can_not_be_saved_is_named(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.OPERATOR)
    for fields, said in (
        ({"name": "", "cause": "money"}, "name: is needed"), ({"name": "n" * 65, "cause": "money"}, "name: is needed"),
        ({"name": "all"}, "filter: is empty"), ({"name": "n", "cause": "nonsense"}, "is none of"),
    ):  # fmt: skip
        answer = await browser.send("saved", **fields)
        assert (answer.status_code, said in words(answer.text)) == (422, True), (fields, words(answer.text))
    foreign = await browser.client.post("saved", data={"name": "n", "cause": "money"})
    assert foreign.status_code == 403
    await api.add(
        *(SavedFilter(person_id=1, name=f"n{n}", wanted={"cause": "money"}) for n in range(saved_filters.MOST))
    )
    assert (await browser.send("saved", name="one more", cause="money")).status_code == 422
    assert (await browser.send("saved", name="n1", cause="tasks")).status_code == 303, "an old one is replaced"
