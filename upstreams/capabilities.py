"""What a kind of upstream can do, as data. Operators see what is absent; some of it is asked before a request."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field


class Capabilities(BaseModel):
    """Each is true unless the adapter says otherwise. The description says what is absent where it is not.

    A method of the port that needs a capability which is absent raises `upstreams.errors.CapabilityAbsent`; nothing is
    sent then. These are asked before:

    - `balance` and `quotes`: orders set no money aside, and count on the catalogue's costs.
    - `renewal_switch`: the catalogue and a request that want the upstream to renew are refused.
    - `call_off`: a service that is closed while its accepted order waits at the upstream is called off there.
    - `change_password` and `licence_keys`: a request for a new one is refused: whether a person did it can't be seen.

    The rest is for display and for the contract suite. A change of plan or of parameters that is absent becomes a task
    for a person, by the error. `cart` and `unpaid_items`: the upstream reports no such rows, so none is asked for. A
    mark that can't be set is reported to the person who links the item. Only the adapter uses `same_key_again`. With
    `shows_charges` an item that costs more than its upstream had quoted is an incident. With `holds_quotes` each order
    asks for a quote of its own, and its request names it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    balance: bool = Field(default=True, description="the balance can't be read, so no order waits for money here")
    quotes: bool = Field(default=True, description="prices can't be asked before an order; the catalogue's costs count")
    cart: bool = Field(default=True, description="nothing that was ordered waits in a cart to be paid")
    unpaid_items: bool = Field(default=True, description="an order that lacks money leaves no unpaid item behind")
    renewal_switch: bool = Field(default=True, description="the upstream can't be told to renew a service itself")
    set_mark: bool = Field(default=True, description="our mark can't be put on an item that exists already")
    set_parameters: bool = Field(default=True, description="parameters and add-ons can't be changed by machine")
    change_plan: bool = Field(default=True, description="the plan can't be changed by machine")
    change_password: bool = Field(default=True, description="the password of a service can't be changed by machine")
    licence_keys: bool = Field(default=True, description="licence keys can't be read or made anew")
    call_off: bool = Field(
        default=False,
        description="what is accepted can't be called off there; a service that is not wanted any more is closed once "
        "it is open",
    )
    price_list: bool = Field(
        default=False,
        description="which tariffs are on sale can't be read, so whether a plan is available is not known",
    )
    change_feed: bool = Field(
        default=False,
        description="what has changed since the last look can't be asked for; lists and push hints show it",
    )
    shows_charges: bool = Field(
        default=False,
        description="the cost of an item is the price of a period; what was charged for the first one is not shown",
    )
    refunds: bool = Field(
        default=False,
        description="what is paid back for a service can't be read; watch the account's balance after closing one",
    )
    holds_quotes: bool = Field(
        default=False,
        description="a price that was quoted is not held: it is asked again right before the request, which may find "
        "another one",
    )
    same_key_again: bool = Field(
        default=False,
        description="a call that charges can't be repeated with its key; after a lost answer the outcome is looked up",
    )

    def absent(self) -> Iterator[tuple[str, str]]:
        """The name of each capability that is absent, and what that means, for operators."""
        for name, field in type(self).model_fields.items():
            if not getattr(self, name):
                yield name, field.description or ""
