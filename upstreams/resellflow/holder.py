"""The holder of our token is read before the first call with it, and kept: another storefront's token is noticed.

A storefront sees and is charged for its own services only. With the token of another one all of ours would seem to be
gone, and what is ordered would be bought for somebody else.
"""

from collections.abc import Awaitable, Callable

from models.enums import Role
from upstreams.errors import ConnectionUnhealthy
from upstreams.httpcalls import Call
from upstreams.resellflow.documents import TheirPage, TheirToken
from upstreams.resellflow.settings import ResellflowConnection, ResellflowLearned

_CONFIRM = (
    'If the change is meant, name the storefront in the account\'s entry (storefront = "...") and load the catalogue.'
)


class WrongRole(ConnectionUnhealthy):
    """The token is no storefront's."""


class TokenHolder:
    """`read`: asks them whose the token is. `call`: that request, for messages."""

    def __init__(self, connection: ResellflowConnection, read: Callable[[], Awaitable[TheirToken]], call: Call) -> None:
        self._connection = connection
        self._read = read
        self._call = call
        self.name: str | None = None
        """Storefront of the token, once it was read and found right. Empty: it is one, and they don't say which."""

    @property
    def ours(self) -> str:
        """The storefront that the settings name, or the first one whose token was used. Empty: not known."""
        return self._connection.settings.storefront or self._connection.learned.storefront or self.name or ""

    @property
    def learned(self) -> ResellflowLearned:
        return ResellflowLearned(storefront=self._connection.learned.storefront or self.name or None)

    async def check(self) -> None:
        """One read before the first call with a token. Later: no request.

        Raises ConnectionUnhealthy for a token that is not ours, and what `read` raises.
        """
        if self.name is not None:
            return
        token = await self._read()
        holder = self._call.clean(token.name, 64)
        if token.role != Role.STOREFRONT.value:
            raise WrongRole(
                f"{self._call.label}: the token is no storefront's: it is that of {holder or 'somebody'}, with the "
                f"role {self._call.clean(token.role, 60)}. Nothing is ordered or changed with it."
            )
        ours = self.ours
        if token.name and not ours:
            ours = (await self._connection.keep_first(ResellflowLearned(storefront=token.name))).storefront or ""
        if ours and token.name != ours:
            raise self._another(ours, f"it is that of {holder}, and nothing is ordered or changed with it")
        self.name = token.name

    def check_page(self, page: TheirPage) -> None:
        """Raises ConnectionUnhealthy where it shows services of another storefront than ours."""
        others = owners(page) - {self.ours}
        if self.ours and others:
            raise self._another(self.ours, f"it shows services of {min(others)[:64]}")

    def check_not_empty(self, page: TheirPage) -> None:
        """For when an item of ours is missing. Raises ConnectionUnhealthy where nothing else is shown either."""
        if not page.items:
            raise self._another(self.ours, "it shows no service at all, and an item of ours is missing")

    def _another(self, ours: str, why: str) -> ConnectionUnhealthy:
        named = self._connection.settings.storefront is not None
        confirm = "" if named else f" Until now it was that of {ours}. {_CONFIRM}"
        return ConnectionUnhealthy(f"{self._call.label}: is the token that of {ours}? {why}.{confirm}")


def owners(page: TheirPage) -> set[str]:
    """The storefronts that the services belong to, where the rows say so."""
    return {str(row["owner"]) for row in page.items if "owner" in row}
