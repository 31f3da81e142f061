"""The client for asyncio. Its twin `_sync` is made from it."""
