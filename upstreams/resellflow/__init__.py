"""Adapter for another Resellflow as the selling side."""

from upstreams.adapter import Adapter
from upstreams.capabilities import Capabilities
from upstreams.gate import Gate
from upstreams.port import Upstream
from upstreams.resellflow.adapter import ResellflowUpstream
from upstreams.resellflow.hints import read_hint
from upstreams.resellflow.settings import (
    ResellflowConnection,
    ResellflowLearned,
    ResellflowMapping,
    ResellflowSettings,
)

__all__ = ["ADAPTER", "ResellflowConnection", "ResellflowLearned", "ResellflowSettings", "ResellflowUpstream"]


def _connect(connection: ResellflowConnection, gate: Gate) -> Upstream:
    return ResellflowUpstream(connection, gate=gate)


ADAPTER = Adapter(
    kind="resellflow",
    account_settings=ResellflowSettings,
    mapping_settings=ResellflowMapping,
    learned=ResellflowLearned,
    capabilities=Capabilities(
        balance=False,
        cart=False,
        unpaid_items=False,
        renewal_switch=False,
        set_mark=False,
        change_password=False,
        call_off=True,
        price_list=True,
        change_feed=True,
        shows_charges=True,
        holds_quotes=True,
        same_key_again=True,
    ),
    connect=_connect,
    read_hint=read_hint,
)
