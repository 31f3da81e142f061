"""What a Python program imports to place an order (see the README). The transaction is in `orders.lifecycle.intake`."""

from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.intake import ServiceRequest

__all__ = ["AcceptedOrder", "ServiceRequest"]
