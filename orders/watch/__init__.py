"""The watch: what waits too long, or does not work, is an incident while it lasts.

`conditions` finds what is so now, `looking` writes it down.
"""
