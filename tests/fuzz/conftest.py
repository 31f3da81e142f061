"""The API is the one of its own tests."""

from tests.storefront.conftest import api, idle_api, sqlite_api

__all__ = ["api", "idle_api", "sqlite_api"]
