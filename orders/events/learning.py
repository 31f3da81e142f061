"""What our own items, as lists show them, teach about an upstream's lists."""

from models.catalogue import UpstreamAccount
from models.enums import Knowledge
from models.events import UpstreamSnapshot
from models.order import Service
from orders.events.batch import Batch
from orders.services.naming import same_name
from orders.settlement.intents import learn
from upstreams.port import UpstreamItem


class ListLearning:
    """Name and mark of what people linked were not sent with an order of ours: that they come back proves nothing."""

    def __init__(self, batch: Batch, account: UpstreamAccount) -> None:
        self._batch = batch
        self._account = account
        self._returns_mark = account.lists_return_mark
        self._returns_name = account.lists_return_name

    def of_row(self, service: Service | None, item: UpstreamItem) -> None:
        """Our own item as a list just showed it."""
        if service is None or service.upstream_number != item.number or service.id in self._batch.by_hand:
            return
        if item.mark is not None:
            self._mark(_seen(item.mark == service.mark))
        if item.name:
            self._name(_seen(same_name(item.name, service.name)))

    def of_listed(self, service: Service, snapshot: UpstreamSnapshot) -> None:
        """An item that a list showed earlier; what a form said of it proves nothing of lists."""
        if not snapshot.listed or service.id in self._batch.by_hand:
            return
        self._mark(_seen("mark" in snapshot.listed and snapshot.mark == service.mark))
        self._name(_seen("name" in snapshot.listed and same_name(snapshot.name, service.name)))

    def _mark(self, seen: Knowledge) -> None:
        self._returns_mark = learn(seen, self._returns_mark)

    def _name(self, seen: Knowledge) -> None:
        self._returns_name = learn(seen, self._returns_name)

    def write(self) -> None:
        """To be called last: an account that is locked before services are written can wait for an order that has its
        service and waits for the account."""
        self._account.lists_return_mark = self._returns_mark
        self._account.lists_return_name = self._returns_name


def _seen(comes_back: bool) -> Knowledge:
    return Knowledge.YES if comes_back else Knowledge.NO
