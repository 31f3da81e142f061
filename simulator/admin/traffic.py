"""Faults, the request log, and charges."""

from __future__ import annotations

from decimal import Decimal

from starlette.requests import Request

from simulator.admin.bench import Bench, NotFound, Result, Unusable, body
from simulator.call import whole_number
from simulator.entities import Charge
from simulator.faults import FaultSpec
from simulator.requestlog import KEPT


async def list_faults(bench: Bench, request: Request) -> Result:
    """The faults in force, with how often each has hit."""
    return {"faults": bench.faults.all()}


async def add_fault(bench: Bench, request: Request) -> Result:
    """Lay a fault."""
    return bench.faults.add(await body(request, FaultSpec))


async def clear_faults(bench: Bench, request: Request) -> Result:
    """Take all faults away."""
    bench.faults.clear()
    return None


async def remove_fault(bench: Bench, request: Request) -> Result:
    """Take one fault away."""
    if not bench.faults.remove(request.path_params["id"]):
        raise NotFound(f"no fault {request.path_params['id']}")
    return None


async def list_requests(bench: Bench, request: Request) -> Result:
    """Requests after number ``since`` whose function matches ``func``, ``limit`` at most, and counts per function."""
    since = whole_number(request.query_params.get("since", "0"))
    limit = whole_number(request.query_params.get("limit", str(KEPT)))
    if since is None or limit is None:
        raise Unusable("since and limit are numbers")
    requests = list(bench.log.find(since, request.query_params.get("func")))
    return {
        "requests": requests[:limit],
        "last": requests[:limit][-1].number if requests[:limit] else since,
        "counts": dict(bench.log.counts),
        "commits": dict(bench.log.commits),
    }


async def clear_requests(bench: Bench, request: Request) -> Result:
    """Forget the requests so far."""
    bench.log.clear()
    return None


async def list_charges(bench: Bench, request: Request) -> Result:
    """Every debit, narrowed by ``account``, ``item``, ``remoteid``, ``operation``. Refunds are negative."""
    wanted = dict(request.query_params)
    unknown = sorted(set(wanted) - {"account", "item", "remoteid", "operation"})
    if unknown:
        raise Unusable(f"no such filter: {', '.join(unknown)}")
    chosen = [charge for charge in bench.world.charges.values() if _is_wanted(bench, charge, wanted)]
    return {
        "count": len(chosen),
        "total": sum((charge.amount for charge in chosen), Decimal(0)),
        "charges": [_shown(bench, charge) for charge in chosen],
    }


def _shown(bench: Bench, charge: Charge) -> dict[str, object]:
    return {**charge.model_dump(), "account": bench.world.accounts[charge.account].name}


def _is_wanted(bench: Bench, charge: Charge, wanted: dict[str, str]) -> bool:
    values = {
        "account": bench.world.accounts[charge.account].name,
        "item": str(charge.item),
        "remoteid": charge.remoteid,
        "operation": charge.operation.value,
    }
    return all(values[name] == value for name, value in wanted.items())
