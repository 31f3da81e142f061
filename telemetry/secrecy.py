"""Keeps secrets out of what a process reports: what is called a password or a token by its place, and what is known as
one."""

import re

_SHORTEST_SECRET = 8
"""Characters. What is shorter is part of ordinary words."""
REPLACED = "‹secret›"
_SECRET = re.compile(
    r"(?P<name>\b(?:auth\w{0,4}|password|passwd|token|secret|lickey)[\"']?\s?[=:]\s?[\"']?)(?P<value>[^\s&\"',;)}‹]{4,})"
    r"|(?P<scheme>\bBearer\s+)[!-~]{8,}"
    r"|\bwhsec_[A-Za-z0-9+/=]+"
    r"|(?P<address>\w://[^\s/@:\"]*:)[^\s/@\"]+(?=@)",
    re.IGNORECASE,
)
_kept_out: frozenset[str] = frozenset()


def keep_out(*secrets: str) -> None:
    """From now on no line holds these values, wherever they come from."""
    global _kept_out
    _kept_out = _kept_out.union(one for one in secrets if len(one) >= _SHORTEST_SECRET)  # others may be reading it


def without_secrets(line: str) -> str:
    for one in _kept_out:
        if one in line:
            line = line.replace(one, REPLACED)
    return _SECRET.sub(_replaced, line)


def _replaced(found: re.Match[str]) -> str:
    return f"{found['name'] or found['scheme'] or found['address'] or ''}{REPLACED}"
