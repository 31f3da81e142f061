"""The format of a catalogue file, one model per table. The descriptions are what an error says would be right."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from catalogue.values import (
    AccountName,
    AddonAmount,
    Amount,
    Currency,
    Months,
    Name,
    PlainAmount,
)
from models.enums import AbovePrice, AddonKind, ModuleKind, RenewalOwner, RenewalSide, Unquoted
from models.renewal import owner_of
from upstreams.kinds import NONE_INSTALLED, UnknownKind, adapter_of, kinds, not_installed
from upstreams.limits import AccountLimits
from upstreams.values import Text, VariableName


class Entry(BaseModel):
    """One table of the file. Unknown keys are refused, and nothing is guessed: "1" is not 1."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _installed(kind: str) -> str:
    if there := not_installed(kind):
        raise ValueError(f'"{kind}" is not known yet: {there}')
    if kind not in kinds():
        raise PydanticCustomError("unknown_kind", "no such kind of upstream")
    try:
        return adapter_of(kind).kind
    except UnknownKind as error:
        raise ValueError(str(error)) from None


_KINDS = " or ".join(f'"{kind}"' for kind in kinds()) or f"a kind that is installed; {NONE_INSTALLED}"


class AccountEntry(Entry):
    """`[[upstream_accounts]]`: our customer account at an upstream. These keys are common to all kinds; see
    `catalogue.accounts` for the others."""

    name: AccountName = Field(description='a name of letters, digits, ".", "_" and "-", like "main"')
    kind: Annotated[str, AfterValidator(_installed)] = Field(description=_KINDS)
    hint_secret_env: VariableName | None = Field(
        default=None,
        description='the name of the environment variable with the secret of push hints, like "MAIN_HINT_SECRET"',
    )
    hint_secret_file: Text | None = Field(
        default=None, description="the path of a file that holds the secret of push hints"
    )
    currency: Currency = Field(description='the currency of the account in three capitals, like "EUR"')
    credit_limit: PlainAmount = Field(
        default=Decimal(0), ge=0, description='an amount in the account\'s currency, like "50.00"'
    )
    limits: AccountLimits = Field(
        default=AccountLimits(),
        description="a table like { requests_at_once = 20, requests_per_second = 50, connect_timeout = 5 }",
    )


class ModuleEntry(Entry):
    """`[[processing_modules]]`: how operations are carried out, at an upstream account or by hand."""

    name: Name = Field(description="a name of up to 64 characters")
    kind: ModuleKind = Field(
        default=ModuleKind.UPSTREAM, strict=False, description='"upstream" (to be left out) or "manual"'
    )
    upstream_account: AccountName | None = Field(default=None, description="the name of an upstream account")
    product_type: Text = Field(description='a product type, like "vds"')
    department: Name = Field(description="the department that its tasks go to, up to 64 characters")
    minimal_balance: PlainAmount | None = Field(
        default=None, ge=0, description='an amount in the account\'s currency, like "50.00"'
    )
    priority: int = Field(
        default=0, ge=-1_000_000, le=1_000_000, description="a whole number; the module with the lowest is taken first"
    )


class AddonFormEntry(Entry):
    """`[tariff_plans.mappings.addon_forms.NAME]`: what may be ordered of an add-on."""

    kind: AddonKind = Field(strict=False, description='"quantity", "switch" or "choice"')
    min: int | None = Field(default=None, ge=0, description="the least quantity, a whole number; left out: 0")
    max: int | None = Field(default=None, ge=0, description="the greatest quantity, a whole number")
    step: int | None = Field(default=None, ge=1, description="a whole number; quantities go in such steps from min")
    choices: dict[Text, Text] | None = Field(
        default=None,
        min_length=1,
        description='our choice = the upstream\'s word, like { lite = "1", pro = "2" }; of a switch on and off',
    )


class MappingEntry(Entry):
    """`[[tariff_plans.mappings]]`: the plan's counterpart at the upstream of one processing module.

    Other keys are the adapter's. They are kept here, and checked once the kind of the module's upstream is known (the
    module may be in the database only).
    """

    model_config = ConfigDict(extra="allow")

    processing_module: Name = Field(description="the name of a processing module")
    pricelist: Text | None = Field(default=None, description='the upstream\'s tariff as text, like "58"')
    datacenter: Text | None = Field(default=None, description='the upstream\'s data centre as text, like "1"')
    periods: dict[Months, int] = Field(
        min_length=1, description='our months = the upstream\'s period, like { "1" = 1, "12" = 12 }'
    )
    addons: dict[Text, Text] = Field(
        default_factory=dict, description='our add-on = the upstream\'s field, like { ram = "addon_61" }'
    )
    addon_forms: dict[Text, AddonFormEntry] = Field(
        default_factory=dict,
        description='tables like [tariff_plans.mappings.addon_forms.ram] with kind = "quantity", min, max and step',
    )
    templates: dict[Text, Text] = Field(
        default_factory=dict, description='our template = the upstream\'s, like { debian-12 = "Debian-12" }'
    )
    resource_fields: dict[Text, Text] = Field(
        default_factory=dict,
        description='our resource = the field of the upstream\'s form with it, like { disk_gb = "resource_disk" }',
    )
    order_parameters: dict[Text, str] = Field(
        default_factory=dict, description='further fields of every order as text, like { recipe = "null" }'
    )
    renewal: RenewalOwner | None = Field(
        default=None,
        strict=False,
        description='who renews: "storefront" (your shop prolongs, as without this key), "automatic" or "upstream"',
    )
    renewal_owner: RenewalSide | None = Field(
        default=None,
        strict=False,
        description='the older key: "resellflow" or "upstream"; renewal says it with three words',
    )
    cost: dict[Months, Amount] = Field(
        description='months = what it costs us at the upstream, like { "1" = "5.00 EUR" }'
    )
    renewal_cost: dict[Months, Amount] = Field(
        default_factory=dict, description='months = what a renewal costs us, like { "1" = "6.00 EUR" }'
    )
    addon_costs: dict[Text, AddonAmount] = Field(
        default_factory=dict,
        description='our add-on = what a unit costs us a month, like { ram = "1.00 EUR above 2" }, or its choices',
    )
    price_tolerance: PlainAmount = Field(
        default=Decimal(10), ge=0, le=1000, description="per cent by which a quote may be dearer than expected, like 10"
    )
    unquoted: Unquoted = Field(
        default=Unquoted.ASK,
        strict=False,
        description='what happens when the upstream shows a price that can\'t be read: "ask" or "allow"',
    )
    above_selling_price: AbovePrice = Field(
        default=AbovePrice.ASK,
        strict=False,
        description='what happens when it costs more than we sell it for: "ask" or "allow"',
    )

    @property
    def renewed_by(self) -> RenewalOwner:
        """A file that does not say it means the storefront, as every file of before there were three."""
        if self.renewal is not None:
            return self.renewal
        return owner_of(self.renewal_owner or RenewalSide.RESELLFLOW, automatically=False)


class PlanEntry(Entry):
    """`[[tariff_plans]]`: what can be ordered."""

    name: Name = Field(description="a name of up to 64 characters")
    product_type: Text = Field(description='a product type, like "vds"')
    prices: dict[Months, Amount] = Field(description='months = selling price, like { "1" = "7.90 EUR" }')
    renewal_prices: dict[Months, Amount] = Field(
        default_factory=dict, description='months = selling price of a renewal, like { "1" = "8.90 EUR" }'
    )
    addon_prices: dict[Text, AddonAmount] = Field(
        default_factory=dict,
        description='add-on = selling price of a unit a month, like { ram = "1.50 EUR above 2" }, or its choices',
    )
    resources: dict[Text, int] = Field(
        default_factory=dict, description="resource = a whole number, like { disk_gb = 30, ram_mb = 2048 }"
    )
    renewal_lead_days: Annotated[int, Field(ge=1, le=60)] | None = Field(
        default=None,
        description="days before the end of a term on which its services are renewed automatically, 1 to 60",
    )
    active: bool = Field(default=True, description="true or false; false: it can't be ordered")
    mappings: list[MappingEntry] = Field(
        default_factory=list, description="a list of tables, each begun with [[tariff_plans.mappings]]"
    )
