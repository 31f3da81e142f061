"""What a Python program imports to place an order (see the README). The transaction is in `orders.lifecycle.intake`."""

from orders.lifecycle.intake import AcceptedOrder, ServiceRequest

__all__ = ["AcceptedOrder", "ServiceRequest"]
