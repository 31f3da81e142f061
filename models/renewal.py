"""Who renews a service, in the two columns (or keys) in which it is stored.

Processes of older versions know only the first: the side. Whatever they write of it is true: where the side is the
upstream, nobody else renews, whatever the second column says.
"""

from models.enums import RenewalOwner, RenewalSide


def owner_of(side: RenewalSide, automatically: bool) -> RenewalOwner:
    if side is RenewalSide.UPSTREAM:
        return RenewalOwner.UPSTREAM
    return RenewalOwner.AUTOMATIC if automatically else RenewalOwner.STOREFRONT


def stored(owner: RenewalOwner) -> tuple[RenewalSide, bool]:
    """The side, and whether we renew it without being asked."""
    side = RenewalSide.UPSTREAM if owner is RenewalOwner.UPSTREAM else RenewalSide.RESELLFLOW
    return side, owner is RenewalOwner.AUTOMATIC
