"""The body of an answer, decompressed no further than its bound.

httpx decompresses each piece of the network whole, however much comes out: 300 KB became 300 MB before anything could
count them. Here a piece is inflated step by step, and given up at the first byte too many.
"""

import zlib
from collections.abc import AsyncIterator

ACCEPTED = "gzip, deflate"
"""What is asked for. An answer in any other encoding (br, zstd, one in another) is refused unread."""

_GZIP = zlib.MAX_WBITS | 16
_STEP = 65_536


class UnreadableBody(ValueError):
    """Larger than any answer should be, in an encoding that was not asked for, or not what its encoding says."""


async def read(pieces: AsyncIterator[bytes], encoding: str, most: int) -> bytes:
    """The body, at most `most` bytes of it before and after decompression. Raises UnreadableBody."""
    inflating = _inflating(encoding)
    found = bytearray()
    received = 0
    async for piece in pieces:
        received += len(piece)
        _check(received, most)
        if inflating is None:
            found += piece
        else:
            inflating.take(piece, found, most)
    if inflating is not None and received and not inflating.whole:
        raise UnreadableBody("the answer ends within its compressed part")
    return bytes(found)


def _check(size: int, most: int) -> None:
    if size > most:
        raise UnreadableBody(f"the answer was given up at {size} bytes, more than any answer should have")


class _Inflating:
    def __init__(self, gzip: bool) -> None:
        self._held = b""
        self._stream = zlib.decompressobj(_GZIP) if gzip else None

    @property
    def whole(self) -> bool:
        return self._stream is not None and self._stream.eof

    def take(self, piece: bytes, found: bytearray, most: int) -> None:
        """Adds what the piece holds. What follows the end of the compressed part is passed over."""
        if self._stream is None:
            piece = self._held = self._held + piece
            if len(piece) < 2:  # too little to tell by
                return
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if _has_head(piece) else -zlib.MAX_WBITS)
        rest = piece
        try:
            while not self._stream.eof:
                part = self._stream.decompress(rest, _STEP)
                found += part
                _check(len(found), most)
                rest = self._stream.unconsumed_tail
                if not rest and len(part) < _STEP:
                    return
        except zlib.error as error:
            raise UnreadableBody(f"the answer is not compressed as it says ({error})") from error


def _has_head(start: bytes) -> bool:
    """Whether this deflate begins with the head of zlib, as it should; some servers leave it out."""
    return start[0] & 0x0F == zlib.DEFLATED and (start[0] << 8 | start[1]) % 31 == 0


def _inflating(encoding: str) -> _Inflating | None:
    names = [name for word in encoding.split(",") if (name := word.strip().lower()) not in ("", "identity")]
    match names:
        case []:
            return None
        case ["gzip" | "x-gzip"]:
            return _Inflating(gzip=True)
        case ["deflate"]:
            return _Inflating(gzip=False)
        case _:
            raise UnreadableBody(f"the answer is encoded in a way that was not asked for ({', '.join(names)[:60]!r})")
