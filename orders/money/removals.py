"""Was an unpaid row that was removed paid for just before, by a top-up? The judgement. Pure: no I/O."""

from decimal import Decimal

from models.enums import Knowledge


def doubt(charged: Knowledge, before: Decimal | None, after: Decimal | None, others: Decimal) -> str:
    """Why it may have been paid for, in words. Empty: it was not.

    `charged`: whether the upstream's expenses show a charge for the item: the best proof. The balance is one only if it
    stayed as it was, but for what other orders of ours are known to have cost meanwhile (`others`). A top-up makes it
    grow by more than the item costs, so that it grew is no proof.
    """
    match charged:
        case Knowledge.YES:
            return "the account's expenses show that it was charged"
        case Knowledge.NO:
            return ""
        case Knowledge.UNKNOWN if before is None or after is None:
            return "the account's balance can't be read"
        case Knowledge.UNKNOWN if before - after in (Decimal(0), others):
            return ""
        case Knowledge.UNKNOWN:
            return f"the balance went from {before} to {after} meanwhile"
