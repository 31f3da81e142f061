"""Up, and ready: ready means that orders are accepted, and that takes the database alone."""

from temporalio.client import Client

from models.database import Database
from tests.infrastructure.processes import free_port
from tests.storefront.api import Api, api_settings, assert_problem, running_api


async def test_with_database_and_temporal_it_is_ready(api: Api) -> None:
    assert (await api.stranger.get("/healthz")).json() == {"status": "ok"}
    answer = await api.stranger.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert answer.json()["database"]["status"] == answer.json()["temporal"]["status"] == "ok"


async def test_without_temporal_it_is_ready_all_the_same_and_says_so(idle_api: Api) -> None:
    answer = await idle_api.stranger.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["temporal"]["status"] == "unavailable"


async def test_without_a_database_it_is_up_but_not_ready(temporal_client: Client) -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    database = Database(url)
    async with running_api(database, temporal_client, api_settings(url)) as api:
        assert (await api.stranger.get("/healthz")).status_code == 200
        answer = await api.stranger.get("/readyz")
        reading = await api.shop.get("/v1/services")

    assert "does not answer" in assert_problem(answer, 503, "not-ready")
    assert answer.json()["database"]["status"] == "unavailable"
    assert answer.json()["temporal"]["status"] == "ok"
    assert_problem(reading, 503, "database-unavailable")
    assert "Retry-After" in reading.headers
    await database.close()


async def test_without_a_schema_it_is_not_ready(database_url: str, temporal_client: Client) -> None:
    database = Database(database_url)
    async with running_api(database, temporal_client, api_settings(database_url)) as api:
        answer = await api.stranger.get("/readyz")

    assert "resell migrate" in assert_problem(answer, 503, "not-ready")
    await database.close()
