"""Incidents: what must not happen and has happened, or may have."""
