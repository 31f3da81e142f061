"""Secrets of an upstream account, read from where the catalogue says: an environment variable or a file."""

import os
from pathlib import Path

from telemetry.secrecy import keep_out


class SecretMissing(Exception):
    """The secret can't be had; the message names the place, never the secret."""


def read_secret(what: str, *, env: str | None, file: str | None) -> str:
    """The secret as it is now; a file is read again each time. `what` begins the sentence of a SecretMissing."""
    if env:
        value = os.environ.get(env, "")
        where = f"environment variable {env}"
    elif file:
        path = Path(file)
        where = f"file {path}"
        try:
            value = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SecretMissing(f"{what} can't be read from {where}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise SecretMissing(f"{what} can't be read from {where}: it is not UTF-8 text") from None
    else:
        raise SecretMissing(f"the catalogue does not say where {what} comes from")
    if not value:
        raise SecretMissing(f"{what} is missing: {where} is empty or not set")
    keep_out(value)
    return value
