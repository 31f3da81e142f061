"""ServiceOrder changed on purpose, to prove that a replay notices."""

from temporalio import workflow

from models.enums import Stage
from models.messages import OrderInput, OrderResult
from workflows import calls
from workflows.service_order import ServiceOrder


@workflow.defn(name="ServiceOrder")
class SendsBeforeAskingForMoney(ServiceOrder):
    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        return await super().run(order)

    async def _secure_funds(self) -> None:
        await calls.submit(self._order, patient=False)
        await super()._secure_funds()


@workflow.defn(name="ServiceOrder")
class ForgetsToShowItsStage(ServiceOrder):
    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        return await super().run(order)

    def _enter(self, stage: Stage, reason: str = "") -> None:
        self._show(stage, reason)
