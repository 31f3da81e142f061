"""The inbox: everything that needs a person, whatever its cause."""

from orders.inbox.sources import Cause
from orders.inbox.views import InboxCard, InboxEntry, InboxFilter, InboxPage, inbox_cards, inbox_page

__all__ = ["Cause", "InboxCard", "InboxEntry", "InboxFilter", "InboxPage", "inbox_cards", "inbox_page"]
