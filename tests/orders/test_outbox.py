"""What a webhook message holds of what others wrote."""

from models.enums import MessageType, OperationKind, Stage
from models.order import Operation
from orders.webhooks.outbox import ItemNews, message, operation_completed


def test_reasons_go_out_without_what_is_private() -> None:
    operation = Operation(id=7, service_id=3, kind=OperationKind.OPEN, reason="a@b.example bounced, password=hunter22")

    told = operation_completed(operation, Stage.AWAITING_CONFIRMATION)

    assert told.data["reason"] == "‹e-mail address› bounced, password=‹secret›"


def test_names_of_the_upstream_do_nothing_to_a_terminal() -> None:
    news = ItemNews(upstream="main", item="17", product_type="vds", status="active", name="a  b\x1b[31m\u202e\n")

    assert message(MessageType.ITEM_APPEARED, news).data == news.model_dump(mode="json") | {"name": "a  b·[31m·\n"}
