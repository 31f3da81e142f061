"""Adapter for a selling BILLmanager 5 or 6."""

from upstreams.billmanager.adapter import BillmanagerUpstream

__all__ = ["BillmanagerUpstream"]
