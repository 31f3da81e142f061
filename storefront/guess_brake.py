"""A brake on guessing tokens: who sends many wrong ones is asked to wait, and stands in the log with the address.

A right token is never braked, whatever came from its address before: it is looked up first. What keeps a token from
being guessed is its length; the brake keeps guessing cheap for us, and makes it known.
"""

import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from storefront.addresses import network_of

log = logging.getLogger(__name__)

WRONG_TOKENS = 10
"""Wrong tokens from one address that are answered as such; after that the answer is to wait."""
WINDOW_SECONDS = 60.0
ADDRESSES = 10_000
"""Remembered at a time; the one that was quiet longest is forgotten first."""


@dataclass
class _Guesser:
    began: float
    count: int = 0


class GuessBrake:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guessers: OrderedDict[str, _Guesser] = OrderedDict()

    def wrong(self, address: str) -> int | None:
        """A wrong token came from there. Seconds to wait, if that is one too many; the log has a line when the first
        comes, and when the brake begins to hold."""
        now, network = self._clock(), network_of(address)
        guesser = self._guessers.pop(network, None)
        if guesser is None or now - guesser.began >= WINDOW_SECONDS:
            if guesser is not None and guesser.count > WRONG_TOKENS:
                log.warning("%s wrong tokens came from %s within a minute", guesser.count, network)
            guesser = _Guesser(now)
        self._guessers[network] = guesser
        if len(self._guessers) > ADDRESSES:
            self._guessers.popitem(last=False)
        guesser.count += 1
        if guesser.count == 1:
            log.warning("a wrong token came from %s", address)
        if guesser.count <= WRONG_TOKENS:
            return None
        if guesser.count == WRONG_TOKENS + 1:
            log.warning(
                "%s wrong tokens came from %s within a minute: more are answered 429 until the minute is over; right "
                "ones are let in",
                guesser.count,
                network,
            )
        return max(1, math.ceil(guesser.began + WINDOW_SECONDS - now))
