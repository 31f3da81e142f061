"""What can be done to an item that is there: prolong, suspend, resume, delete, change tariff and parameters.

Each method says what is sent; what the answer proves is judged next to the meaning of its fields, in `renewal`,
`tariffs`, `editing`, `verdicts`.
"""

from collections.abc import Mapping

from pydantic import SecretStr

from upstreams.answers import (
    ParametersAccepted,
    PlanChangeAccepted,
    PlanChangeQuote,
    ProlongAccepted,
    ProlongQuote,
    Quote,
)
from upstreams.billmanager import editing, renewal, tariffs
from upstreams.billmanager.calls import Call
from upstreams.billmanager.periods import period_code
from upstreams.billmanager.products import is_versioned, product
from upstreams.billmanager.session import Session
from upstreams.billmanager.settings import BillmanagerConnection
from upstreams.billmanager.verdicts import must_be_yes, must_be_yes_to_a_state, own_form
from upstreams.billmanager.wire import Document
from upstreams.errors import NotSent, OutcomeUnknown, SetupFault, UpstreamError
from upstreams.httpcalls import Effect, RefusalScope
from upstreams.port import NO_SETTINGS

_COMMIT = {"sok": "ok"}
_SAVE = {"clicked_button": "ok", "sok": "ok"}
_NEW_KEY = {"clicked_button": "newkey", "sok": "ok"}
_AT_ONCE = {"skipbasket": "on", "sok": "ok"}
_FINISH = {"clicked_button": "finish", "snext": "ok", "sok": "ok"}


class Operations:
    """Operations of one account on its items; the docstrings of `upstreams.port.Upstream` hold.

    The panel has no idempotency keys, so `key` is not used."""

    def __init__(self, connection: BillmanagerConnection, session: Session) -> None:
        self._connection = connection
        self._session = session

    async def quote_prolong(self, product_type: str, number: str, period: int) -> ProlongQuote:
        call = self._about(renewal.FUNCTION, Effect.READ, number, product_type)
        answer = await self._session.send(call, {"elid": number, "period": period_code(period)})
        return renewal.quoted(call, answer, number, period, self._connection.currency)

    async def prolong(self, number: str, period: int, *, key: str = "", quote: str = "") -> ProlongAccepted:
        call = self._about(renewal.FUNCTION, Effect.CHANGE, number)
        answer = await self._session.send(call, {"elid": number, "period": period_code(period)} | _AT_ONCE)
        return renewal.accepted(call, answer)

    async def suspend(self, product_type: str, number: str, *, key: str = "") -> None:
        await self._bring_to(f"{product_type}.suspend", product_type, number)

    async def resume(self, product_type: str, number: str, *, key: str = "") -> None:
        await self._bring_to(f"{product_type}.resume", product_type, number)

    async def delete(self, product_type: str, number: str, *, key: str = "") -> None:
        await self._bring_to(f"{product_type}.delete", product_type, number)

    async def quote_plan_change(
        self,
        number: str,
        tariff: str,
        period: int,
        *,
        settings: Mapping[str, object] = NO_SETTINGS,
        drop_addons: bool = False,
    ) -> PlanChangeQuote:
        call = self._about(tariffs.FUNCTION, Effect.READ, number)
        offered = tariffs.offered(call, await self._session.send(call, {"elid": number}), number)
        if offered and tariff not in offered:
            return PlanChangeQuote(price=None, new_expires_on=None, tariffs=offered)
        call = self._about(tariffs.SHOW, Effect.READ, number)
        answer = await self._session.send(call, _plan_change(number, tariff, period))
        return tariffs.quoted(call, answer, offered, self._connection.currency)

    async def change_plan(
        self,
        number: str,
        tariff: str,
        period: int,
        *,
        key: str = "",
        settings: Mapping[str, object] = NO_SETTINGS,
        drop_addons: bool = False,
        quote: str = "",
    ) -> PlanChangeAccepted:
        """In one shot; by the wizard where that function is unknown, or its answer only leads to the wizard's steps."""
        call = self._about(tariffs.FUNCTION, Effect.CHANGE, number)
        try:
            answer = await self._session.send(call, _plan_change(number, tariff, period) | _COMMIT)
        except SetupFault as refused:
            if not tariffs.is_unknown_function(refused):
                raise
            step = tariffs.SHOW
        else:
            step = tariffs.next_step(answer)
        if not step:
            return tariffs.accepted(call, answer)
        return await self._change_plan_by_wizard(step, _plan_change(number, tariff, period))

    async def quote_parameters(self, product_type: str, number: str, fields: Mapping[str, str]) -> Quote:
        asked = editing.checked(fields, self._connection.name)
        call = self._editing(Effect.READ, product_type, number, asked)
        answer = await self._session.send(call, {"elid": number} | asked)
        return editing.quoted(call, answer, number, asked, self._connection.currency)

    async def set_parameters(
        self, product_type: str, number: str, fields: Mapping[str, str], *, key: str = "", quote: str = ""
    ) -> ParametersAccepted:
        asked = editing.checked(fields, self._connection.name)
        call = self._editing(Effect.CHANGE, product_type, number, asked)
        return editing.accepted(call, await self._session.send(call, {"elid": number} | asked | _SAVE))

    async def set_mark(self, product_type: str, number: str, mark: str) -> None:
        await self._save(product_type, number, {"remoteid": mark})

    async def set_renewal(self, product_type: str, number: str, period: int | None) -> None:
        """The form of a type that version 6 orders may have a flag or a period there, so it is read first."""
        form = None
        if is_versioned(product_type, self._connection.settings.generation):
            call = self._about(f"{product_type}.edit", Effect.READ, number, product_type)
            try:
                form = await self._session.send(call, {"elid": number})
            except OutcomeUnknown as error:
                raise _not_sent(self._editing(Effect.CHANGE, product_type, number, {}), error) from error
            own_form(call, form, number)
        await self._save(product_type, number, {"autoprolong": editing.autoprolong(form, period)})

    async def change_password(self, number: str, password: SecretStr) -> None:
        secret = password.get_secret_value()
        call = self._about("service.changepassword", Effect.CHANGE, number, secrets=(secret,))
        answer = await self._session.send(call, {"elid": number, "passwd": secret, "confirm": secret} | _COMMIT)
        # The result comes as a banner (seen in code), perhaps above the list; above a form it may be any notice.
        if answer.words("banner") is None or answer.is_form:
            must_be_yes(call, answer)

    async def read_licence_key(self, product_type: str, number: str) -> SecretStr | None:
        call = self._about(f"{product_type}.edit", Effect.READ, number, product_type)
        fields = own_form(call, await self._session.send(call, {"elid": number}), number)
        key = fields.get(product(product_type).key_field)
        return SecretStr(key.text) if key is not None and key.text else None

    async def new_licence_key(self, product_type: str, number: str, *, key: str = "") -> None:
        call = self._editing(Effect.CHANGE, product_type, number, {})
        answer = await self._session.send(call, {"elid": number} | _NEW_KEY)
        # The new key in the answer is a yes (WHMCS-NOC, seen in code). It is kept nowhere: the form has it, too.
        key_field = product(product_type).key_field
        if answer.leads_to or not key_field or answer.leaf(key_field) is None:
            must_be_yes(call, answer)

    async def _bring_to(self, function: str, product_type: str, number: str) -> None:
        """`sok` is sent always: whether these functions want it is not known, and one that does not ignores it."""
        call = self._about(function, Effect.CHANGE, number, product_type, RefusalScope.OF_A_STATE)
        must_be_yes_to_a_state(call, await self._session.send(call, {"elid": number} | _COMMIT))

    async def _save(self, product_type: str, number: str, fields: dict[str, str]) -> None:
        call = self._editing(Effect.CHANGE, product_type, number, fields)
        must_be_yes(call, await self._session.send(call, {"elid": number} | fields | _SAVE))

    async def _change_plan_by_wizard(self, step: str, asked: dict[str, str]) -> PlanChangeAccepted:
        """The wizard from `step` on, no step twice: those before the commit are only shown, the commit is sent.

        A commit that leads to a new step has not committed yet, so that one is sent, too. Raises NotSent for trouble
        before the first commit; OutcomeUnknown where a commit is answered with a form or a step seen already.
        """
        seen = {tariffs.SHOW}
        while step != tariffs.COMMIT:
            seen.add(step)
            following = tariffs.next_step(await self._shown(step, asked))
            step = following if following and following not in seen else tariffs.COMMIT
        while True:
            seen.add(step)
            call = self._about(step, Effect.CHANGE, asked["elid"])
            answer = await self._session.send(call, asked | _FINISH)
            following = tariffs.next_step(answer)
            if not following or following in seen or len(seen) >= tariffs.MOST_STEPS:
                return tariffs.accepted(call, answer)
            step = following

    async def _shown(self, step: str, asked: dict[str, str]) -> Document:
        """A step of the wizard without `sok`: it changes nothing, so without an answer nothing was sent."""
        try:
            return await self._session.send(self._about(step, Effect.READ, asked["elid"]), asked)
        except OutcomeUnknown as error:
            raise _not_sent(self._about(tariffs.COMMIT, Effect.CHANGE, asked["elid"]), error) from error

    def _editing(self, effect: Effect, product_type: str, number: str, fields: Mapping[str, str]) -> Call:
        return self._about(f"{product_type}.edit", effect, number, product_type, secrets=editing.secrets(fields))

    def _about(
        self,
        function: str,
        effect: Effect,
        number: str,
        product_type: str = "",
        refusals: RefusalScope = RefusalScope.OF_AN_OPERATION,
        secrets: tuple[str, ...] = (),
    ) -> Call:
        return self._session.describe(
            function, effect, item=number, product_type=product_type, refusals=refusals, secrets=secrets
        )


def _plan_change(number: str, tariff: str, period: int) -> dict[str, str]:
    return {"elid": number, "pricelist": tariff, "period": period_code(period)}


def _not_sent(call: Call, error: UpstreamError) -> NotSent:
    return NotSent(
        f"{call.label}: not sent, because the step before it got no answer. {error.message}",
        function=call.function,
        error_type=error.error_type,
    )
