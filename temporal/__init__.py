"""Talking to Temporal as a client: workflows are started, signalled and updated, search attributes registered."""
