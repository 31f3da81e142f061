"""Adapter for a selling BILLmanager 5 or 6."""

from upstreams.adapter import Adapter, Vocabulary
from upstreams.billmanager.adapter import BillmanagerUpstream
from upstreams.billmanager.hints import read_hint
from upstreams.billmanager.products import TABLE
from upstreams.billmanager.settings import (
    BillmanagerConnection,
    BillmanagerLearned,
    BillmanagerMapping,
    BillmanagerSettings,
)
from upstreams.capabilities import Capabilities
from upstreams.gate import Gate
from upstreams.port import Upstream

__all__ = ["ADAPTER", "BillmanagerConnection", "BillmanagerLearned", "BillmanagerSettings", "BillmanagerUpstream"]


def _connect(connection: BillmanagerConnection, gate: Gate) -> Upstream:
    return BillmanagerUpstream(connection, gate=gate)


ADAPTER = Adapter(
    kind="billmanager",
    account_settings=BillmanagerSettings,
    mapping_settings=BillmanagerMapping,
    learned=BillmanagerLearned,
    capabilities=Capabilities(price_list=True, refunds=True),
    connect=_connect,
    vocabulary=Vocabulary(order_fields={name: dict(row.order_fields) for name, row in TABLE.items()}, nothing="null"),
    read_hint=read_hint,
    manual_plan_changes={"vds": ("disk_gb",)},
)
