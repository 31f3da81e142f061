"""Upstream accounts: `notes` writes down how an account fares, `pausing` keeps things from being sent to it,
`reading_now` reads it at a person's word, `views` shows health, money and capabilities."""
