"""Incidents: what must not happen and has happened, or may have.

`record` raises and closes them, `views` shows them.
"""
