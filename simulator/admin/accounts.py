"""Accounts and their money."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field
from starlette.requests import Request

from simulator.admin.bench import Bench, Body, Result, Unusable, body
from simulator.cart import pay_what_waits, rows_of
from simulator.entities import Account, Subaccount
from simulator.functions.events import take
from simulator.money import cents
from simulator.world import AccountSpec


def _shown(account: Account) -> dict[str, object]:
    return {
        **account.model_dump(exclude={"password", "login_key", "subaccounts"}),
        "balance": account.subaccounts[0].balance,
        "currency": account.subaccounts[0].currency,
        "subaccounts": [{**purse.model_dump(), "available": purse.available} for purse in account.subaccounts],
    }


async def list_accounts(bench: Bench, request: Request) -> Result:
    """Every account."""
    return {"accounts": [_shown(account) for account in bench.world.accounts.values()]}


async def read_account(bench: Bench, request: Request) -> Result:
    """One account."""
    return _shown(bench.account(request.path_params["name"]))


class NewAccount(Body):
    """An account to be made."""

    name: str = Field(min_length=1, pattern="^[^:]+$")
    password: str
    balance: Decimal = Decimal(0)
    currency: str = "EUR"
    credit_limit: Decimal = Decimal(0)


async def add_account(bench: Bench, request: Request) -> Result:
    """Make an account."""
    new = await body(request, NewAccount)
    if bench.world.account_named(new.name) is not None:
        raise Unusable(f"account {new.name!r} is there already")
    account = bench.world.add_account(AccountSpec(new.name, new.password, new.balance, new.currency))
    account.subaccounts[0].credit_limit = new.credit_limit
    return _shown(account)


class AccountPatch(Body):
    """What may be set; money concerns the subaccount of ``currency`` (made when missing) or the first one."""

    password: str | None = None
    realname: str | None = None
    currency: str | None = None
    balance: Decimal | None = None
    credit_limit: Decimal | None = None
    reserved: Decimal | None = None
    filters: dict[str, dict[str, str]] | None = None
    """List filters of the user, as set from the interface: fields and values by the list's name."""


async def change_account(bench: Bench, request: Request) -> Result:
    """Set a balance, a credit limit, a password; no payment is recorded."""
    account = bench.account(request.path_params["name"])
    patch = await body(request, AccountPatch)
    purse = _purse(account, patch.currency)
    for name in ("balance", "credit_limit", "reserved"):
        value: Decimal | None = getattr(patch, name)
        if value is not None:
            setattr(purse, name, cents(value))
    if patch.realname is not None:
        account.realname = patch.realname
    if patch.password is not None:
        account.password = patch.password
        bench.panel.gate.close_sessions_of(account)
    if patch.filters is not None:
        account.filters = patch.filters
    bench.world.touch(account)
    return _shown(account)


def _purse(account: Account, currency: str | None) -> Subaccount:
    if currency is None:
        return account.subaccounts[0]
    purse = next((p for p in account.subaccounts if p.currency == currency), None)
    if purse is None:
        purse = Subaccount(id=account.id * 10 + len(account.subaccounts) + 1, currency=currency, balance=Decimal(0))
        account.subaccounts.append(purse)
    return purse


class TopUp(Body):
    """Money that comes in."""

    amount: Decimal
    currency: str | None = None


async def top_up(bench: Bench, request: Request) -> Result:
    """Record a payment and raise the balance."""
    account = bench.account(request.path_params["name"])
    given = await body(request, TopUp)
    bench.world.top_up(account, cents(given.amount), given.currency)
    if bench.world.settings.top_up_pays == "unpaid":
        pay_what_waits(bench.world, account)
    return _shown(account)


async def pay_back(bench: Bench, request: Request) -> Result:
    """Money that goes back to the customer: the balance falls, and a ``return/`` payment is listed."""
    account = bench.account(request.path_params["name"])
    given = await body(request, TopUp)
    purse = _purse(account, given.currency)
    purse.balance -= cents(given.amount)
    bench.world.touch(account)
    bench.world.add_payment(account, cents(given.amount), purse.currency, refund=True)
    return _shown(account)


async def list_cart(bench: Bench, request: Request) -> Result:
    """What waits in the account's cart."""
    rows = rows_of(bench.world, bench.account(request.path_params["name"]))
    return {"count": len(rows), "rows": [{**row.model_dump(), "bill": row.bill} for row in rows]}


class LoginKey(Body):
    """A key for one login, as the panel's staff would make it."""

    key: str = Field(min_length=16)


async def set_login_key(bench: Bench, request: Request) -> Result:
    """Allow one ``func=auth`` with this key instead of the password."""
    account = bench.account(request.path_params["name"])
    account.login_key = (await body(request, LoginKey)).key
    bench.world.touch(account)
    return _shown(account)


async def close_sessions(bench: Bench, request: Request) -> Result:
    """Every session of the account is dead from now on."""
    bench.panel.gate.close_sessions_of(bench.account(request.path_params["name"]))
    return None


class NewEvent(Body):
    """A change that is said to have happened; the service need not exist."""

    item: int
    action: str


async def add_event(bench: Bench, request: Request) -> Result:
    """Put an event into the account's queue."""
    account = bench.account(request.path_params["name"])
    given = await body(request, NewEvent)
    return bench.world.add_event(account.id, given.item, given.action)


async def take_events(bench: Bench, request: Request) -> Result:
    """Be the second reader of the account: take what waits in its queue."""
    return {"events": take(bench.world, bench.account(request.path_params["name"]))}
