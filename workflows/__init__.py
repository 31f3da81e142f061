"""Decisions only: no I/O, and nothing heavy imported (a test holds that), so a replay costs little."""
