"""Search attributes, created where the server does not have them yet."""

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from workflows.search_attributes import INTEGERS, KEYWORDS, TIMES


async def ensure_search_attributes(client: Client) -> None:
    """Raises RPCError if they are missing and may not be created with these credentials, and also as long as the server
    does not know new ones everywhere, a few seconds: it would refuse orders until then."""
    await _create_missing(client)
    unlikely = [f"{key.name} = 'none'" for key in KEYWORDS] + [f"{key.name} = 0" for key in INTEGERS]
    unlikely += [f"{key.name} < '1970-01-01T00:00:00Z'" for key in TIMES]
    await client.count_workflows(" OR ".join(unlikely))


async def _create_missing(client: Client) -> None:
    wanted = {key.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD for key in KEYWORDS}
    wanted |= {key.name: IndexedValueType.INDEXED_VALUE_TYPE_INT for key in INTEGERS}
    wanted |= {key.name: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME for key in TIMES}
    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    missing = {name: kind for name, kind in wanted.items() if name not in known.custom_attributes}
    if not missing:
        return
    try:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise
