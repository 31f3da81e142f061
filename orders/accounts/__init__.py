"""Upstream accounts: `notes` writes down how an account fares, `views` shows health, money and capabilities."""
