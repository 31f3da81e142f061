"""The minimal balance of processing modules: people are notified once when less is free, and when it is there again.

Orders are not held back by it. Free is what the next order could have: balance and credit, without what is set aside.
"""

import logging
from decimal import Decimal

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import ProcessingModule, UpstreamAccount
from models.columns import utc_now
from models.enums import ModuleKind
from models.money import Money
from orders.money.funds import BalanceReading, free
from orders.webhooks import outbox

log = logging.getLogger(__name__)


async def judge(session: AsyncSession, account: UpstreamAccount, reading: BalanceReading) -> None:
    """By a balance that was read just now. `account` is locked; it keeps since when too little is free."""
    found = await session.exec(
        select(ProcessingModule)
        .where(
            ProcessingModule.account_id == account.id,
            ProcessingModule.kind == ModuleKind.UPSTREAM,
            col(ProcessingModule.minimal_balance).is_not(None),
        )
        .order_by(col(ProcessingModule.name))
    )
    left = free(account, reading)
    wanting = [module for module in found.all() if is_low(module, left)]
    if bool(wanting) == (account.low_balance_since is not None):
        return
    account.low_balance_since = utc_now() if wanting else None
    session.add(account)
    money = Money(amount=left, currency=account.currency)
    outbox.balance_changed(session, account, money, {one.name: _minimum(one, account) for one in wanting})
    if wanting:
        names = ", ".join(f"{one.name} wants {_minimum(one, account)}" for one in wanting)
        log.warning("upstream %s: %s are free, and %s: top it up; orders go on meanwhile", account.name, money, names)
    else:
        log.warning("upstream %s: %s are free, and that is enough again", account.name, money)


def is_low(module: ProcessingModule, left: Decimal) -> bool:
    """Whether less than its minimal balance is free on the account."""
    return module.minimal_balance is not None and left < module.minimal_balance


def _minimum(module: ProcessingModule, account: UpstreamAccount) -> Money:
    return Money(amount=module.minimal_balance or Decimal(0), currency=account.currency)
