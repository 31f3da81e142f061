"""Upstream accounts: their health as it is noted and shown."""
