"""Reading a licence key for somebody who waits for the answer. No Temporal activity: it must be in no history."""

from pydantic import SecretStr

from models.database import Database
from orders.errors import Refused
from orders.lifecycle.allowed import OPERATOR, Requester
from orders.services import keys
from upstreams.connections import Connections


class KeyReader:
    def __init__(self, database: Database, connections: Connections) -> None:
        self._database = database
        self._connections = connections

    async def read(self, service: int, *, actor: str, requester: Requester = OPERATOR) -> SecretStr:
        """Raises NotFound, Refused while it has not come, or an UpstreamError."""
        async with self._database.read() as session:
            licence = await keys.licence(session, service, requester)
        upstream = await self._connections.to(licence.account)
        key = await upstream.read_licence_key(licence.product_type, licence.upstream_number)
        if key is None:
            raise Refused(
                f"the key of service {service} has not come yet; Resellflow looks for it and sends a webhook when it "
                "comes"
            )
        async with self._database.write() as session:
            keys.note_handed_out(session, service, actor)
        return key
