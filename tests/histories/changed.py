"""ServiceOrder changed on purpose, to prove that a replay notices."""

from datetime import timedelta
from typing import Any

from temporalio import workflow

from models.enums import Stage
from models.messages import OrderInput, OrderResult, SubmitResult
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

    async def _in_one_step(self) -> SubmitResult:
        await calls.submit(self._order, patient=False)
        return await super()._in_one_step()


@workflow.defn(name="ServiceOrder")
class ForgetsToShowItsStage(ServiceOrder):
    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        return await super().run(order)

    def _enter(self, stage: Stage, reason: str = "", **shown: Any) -> None:
        self._show(stage, reason, **shown)


@workflow.defn(name="ServiceOrder")
class WaitsFirst(ServiceOrder):
    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        await workflow.sleep(timedelta(milliseconds=1))
        return await super().run(order)


@workflow.defn(name="ServiceOrder")
class OfTheNextVersion(ServiceOrder):
    """Changed as a release changes it: patched, at the beginning and at the end."""

    BEGINS = "pauses-at-the-beginning"
    ENDS = "pauses-at-the-end"

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        if workflow.patched(self.BEGINS):
            await workflow.sleep(timedelta(milliseconds=1))
        return await super().run(order)

    async def _is_completed(self) -> bool:
        if workflow.patched(self.ENDS):
            await workflow.sleep(timedelta(milliseconds=1))
        return await super()._is_completed()
