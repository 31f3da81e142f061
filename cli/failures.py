"""Expected failures, each in one sentence for the person at the shell. Anything else is a bug, with its traceback."""

import sys

from settings import setup_in_words


class Failure(Exception):
    """A command can't do what was asked; the message says why and, where it helps, what to do."""


def in_words(error: BaseException) -> str | None:
    """The sentence for a failure that is to be expected; None for a bug."""
    if isinstance(error, Failure):
        return str(error)
    if said := setup_in_words(error):
        return said
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        part = ascii(error.object[error.start : error.end])
        return (
            f"what was typed holds a part of a character ({part}): it is not written in the encoding of this terminal"
        )
    return _api_in_words(error) or _domain_in_words(error) or _database_in_words(error) or _temporal_in_words(error)


def _api_in_words(error: BaseException) -> str | None:
    if "resellflow_client" not in sys.modules:
        return None
    from resellflow_client import ConnectionFailed, ProblemError, ResellflowError

    if isinstance(error, ConnectionFailed):
        key = f"; send it again with --key {error.idempotency_key}" if error.idempotency_key and error.sent else ""
        return f"the API can't be reached (RESELL_API_URL): {error}{key}"
    if isinstance(error, ProblemError):
        return error.detail
    return f"the API (RESELL_API_URL): {error}" if isinstance(error, ResellflowError) else None


def _domain_in_words(error: BaseException) -> str | None:
    from orders.errors import InvalidField, KeyReused, NotFound, Refused
    from orders.webhooks.sealing import KeyUnusable
    from upstreams.errors import UpstreamError

    if isinstance(error, InvalidField | KeyReused | NotFound | Refused | KeyUnusable | UpstreamError):
        return str(error)
    return None


def _database_in_words(error: BaseException) -> str | None:
    from sqlalchemy.exc import NoSuchModuleError

    from models.outages import Outage, cause_of, described, outage_of

    outage = outage_of(error)
    if outage is Outage.AWAY or isinstance(error, NoSuchModuleError):
        return f"{Outage.AWAY.words} (RESELL_DATABASE_URL): {cause_of(error)}"
    return None if outage is None else described(error)


def _temporal_in_words(error: BaseException) -> str | None:
    from temporal.updates import TemporalUnavailable
    from temporalconfig import TemporalMisconfigured

    if isinstance(error, TemporalMisconfigured):
        return str(error)
    if isinstance(error, TemporalUnavailable):
        return f"Temporal can't be reached just now, nothing was changed: {_first_line(error)}"
    return None


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
