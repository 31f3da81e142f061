"""What an answer without an error proves, for the operations on an item.

A yes is `ok`, or a document with nothing of a form or a list in it (clients that work take the mere absence of an error
for a yes: WHMCS-NOC, UPMIND, seen in code). A form shown once more proves nothing, and an `ok` that leads to a further
step of the same wizard is no yes either.
"""

from upstreams.billmanager.calls import Call
from upstreams.billmanager.wire import Document, Fields
from upstreams.errors import NotAllowed, OutcomeUnknown

_OF_A_FORM = (
    *("status", "pricelist", "period", "expiredate", "createdate", "autoprolong", "title_name"),
    *("money_info", "newprice"),
)


def must_be_yes(call: Call, answer: Document) -> None:
    """Raises OutcomeUnknown if the answer to a change is not a definite yes."""
    step = _further_step(call, answer)
    if step:
        raise OutcomeUnknown(
            f"{call.label}: the upstream went on to {call.clean(step, 60)} instead of a yes; "
            "whether anything was changed is not known.",
            function=call.function,
        )
    parts = (answer, *answer.children("doc"))
    form = any(part.is_form or part.is_list or any(name in part.fields for name in _OF_A_FORM) for part in parts)
    if form and not answer.ok:
        raise OutcomeUnknown(
            f"{call.label}: the upstream showed a form again, without a yes or an error; "
            "whether it was carried out is not known.",
            function=call.function,
        )


def must_be_yes_to_a_state(call: Call, answer: Document) -> None:
    """For suspend, resume, delete. Raises NotAllowed if something is asked back, OutcomeUnknown for a list.

    Such a call has no field to fill in, so a form in its answer (or a further step) is a question to a person: assumed
    to be how a confirmation looks. Should it have been carried out all the same, a look at the item shows it.
    """
    step = _further_step(call, answer)
    if step or (answer.is_form and not answer.ok):
        raise NotAllowed(
            f"{call.label}: the upstream asks back instead of doing it{f' ({call.clean(step, 60)})' if step else ''}; "
            "a person has to confirm it there.",
            said=call.clean(answer.words("banner") or "", 300),
            function=call.function,
        )
    if answer.is_list and not answer.ok:
        raise OutcomeUnknown(
            f"{call.label}: the upstream showed a list instead of a yes; whether it was carried out is not known.",
            function=call.function,
        )


def own_form(call: Call, answer: Document, number: str) -> Fields:
    """The fields of the form of that very item. Raises OutcomeUnknown if it is of another, or none."""
    fields = answer.fields
    shown = fields["elid"].raw if "elid" in fields else number
    if not fields or shown != number:
        what = f"the form of item {call.clean(shown, 20)}" if fields else "a form without fields"
        raise OutcomeUnknown(f"{call.label}: the upstream answered with {what}.", function=call.function)
    return fields


def _further_step(call: Call, answer: Document) -> str:
    return answer.leads_to if answer.leads_to.startswith(f"{call.function}.") else ""
