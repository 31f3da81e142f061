"""Every mistake in a catalogue file is said with its table, its key and what would be right; nothing is changed."""

from pathlib import Path

import pytest

from catalogue.loading import load
from catalogue.problems import CatalogueInvalid, Problem
from models.catalogue import UpstreamAccount
from models.database import Database
from tests.catalogue.sample import SAMPLE, edited, without, written

ACCOUNT = 'upstream_accounts "main"'
MODULE = 'processing_modules "main-vds"'
MANUAL = 'processing_modules "by-hand"'
PLAN = 'tariff_plans "VDS-1"'
MAPPING = f"{PLAN} → mappings[0]"

SECOND_ACCOUNT = """
[[upstream_accounts]]
name = "second"
kind = "billmanager"
url = "https://BILLING.example.test:1500/billmgr/"
dialect = 5
username = "reseller"
password_file = "/run/secrets/second"
currency = "EUR"
"""

SECOND_MAPPING = """
[[tariff_plans.mappings]]
processing_module = "main-vds"
pricelist = "59"
periods = { "1" = 1 }
cost = { "1" = "5.00 EUR" }
"""

ORDER_PARAMETERS = edited(
    ('"VDS-1"\nproduct_type = "vds"', '"VDS-1"\nproduct_type = "%s"'),
    ("templates", "order_parameters = { %s }\ntemplates"),
)
FORMS = "addon_forms = { %s }\ncost = {"


async def mistakes(database: Database, directory: Path, text: str) -> list[Problem]:
    with pytest.raises(CatalogueInvalid) as invalid:
        await load(database, written(directory, text), actor="tester")
    for problem in invalid.value.problems:
        assert f"{directory / 'catalogue.toml'}: {problem}" in str(invalid.value)
    return invalid.value.problems


def replaced(old: str, new: str) -> str:
    return edited((old, new))


def case(name: str, text: str, table: str, key: str, right: str) -> object:
    return pytest.param(text, table, key, right, id=name)


@pytest.mark.parametrize(
    ("text", "table", "key", "right"),
    [
        # The file as such.
        case("not TOML", 'name = "x', "", "", "is not valid TOML"),
        case("unknown table", edited(("", "[servers]\n")), "", "servers", "known: upstream_accounts, processing_"),
        case(
            "misspelt table",
            replaced("[[processing_modules]]", "[[processing_module]]"),
            "",
            "processing_module",
            "did you mean processing_modules?",
        ),
        case(
            "single brackets",
            edited(("[[tariff_plans]]", "[tariff_plans]"), ("[[tariff_plans.mappings]]", "[[tariff_plans.m]]")),
            "tariff_plans",
            "",
            "a list of tables, each begun with [[tariff_plans]]",
        ),
        case("not a table", edited(("[[upstream_accounts]]", 'processing_modules = ["x"]\n[[upstream_accounts]]'))
             .replace("[[processing_modules]]", "[[tariff_plans]]"), "processing_modules[0]", "", "[[processing_"),
        # Accounts.
        case("nameless", without('name = "main"'), "upstream_accounts[0]", "name", "is missing; it is a name of"),
        case("name with blanks", replaced('name = "main"', 'name = "my main"'),
             'upstream_accounts "my main"', "name", 'letters, digits, ".", "_" and "-"'),
        case("two of one name", edited(("", SECOND_ACCOUNT.replace('"second"', '"main"').replace('"reseller"', '"b"'))),
             ACCOUNT, "name", "is there twice"),
        case("other kind", replaced('kind = "billmanager"', 'kind = "whmcs"'), ACCOUNT, "kind", 'be "billmanager"'),
        case("no url", without("url"), ACCOUNT, "url", "is missing; it is the address with its path"),
        case("url without scheme", replaced("https://", ""), ACCOUNT, "url", 'write it like "https://'),
        case("url without path", replaced(":1500/billmgr", ":1500/"), ACCOUNT, "url", "has no path"),
        case("url with query", replaced("/billmgr", "/billmgr?func=x"), ACCOUNT, "url", "ends with the path"),
        case("url with password", replaced("https://", "https://u:p@"), ACCOUNT, "url", "would end up in logs"),
        case("url with bad port", replaced(":1500", ":99999"), ACCOUNT, "url", "is not an address"),
        case("url of another type", replaced('"https://billing.example.test:1500/billmgr"', "7"),
             ACCOUNT, "url", "7 is not right; it has to be the address"),
        case("unknown dialect", replaced("dialect = 6", "dialect = 7"), ACCOUNT, "dialect", "7 is not right; it has"),
        case("dialect as text", replaced("dialect = 6", 'dialect = "6"'), ACCOUNT, "dialect", "generation, 5 or 6"),
        case("no dialect", without("dialect"), ACCOUNT, "dialect", "is missing"),
        case("password in the file", replaced("password_env", 'password = "s3cret"\npassword_env'),
             ACCOUNT, "password", "put it into an environment variable and name that in password_env"),
        case("no password anywhere", without("password_env"), ACCOUNT, "password_env", "or a file in password_file"),
        case("password in two places", replaced("password_env", 'password_file = "/f"\npassword_env'),
             ACCOUNT, "password_file", "keep the one that is right"),
        case("password_env is no name", replaced('"MAIN_UPSTREAM_PASSWORD"', '"$PASS WORD"'),
             ACCOUNT, "password_env", "the name of the environment variable"),
        case("hint secret in the file", replaced("password_env", 'hint_secret = "s3cret"\npassword_env'),
             ACCOUNT, "hint_secret", "put it into an environment variable and name that in hint_secret_env"),
        case("hint secret in two places",
             replaced("password_env", 'hint_secret_env = "H"\nhint_secret_file = "/h"\npassword_env'),
             ACCOUNT, "hint_secret_file", "keep the one that is right"),
        case("currency in small letters", replaced('currency = "EUR"', 'currency = "eur"'),
             ACCOUNT, "currency", "in three capitals"),
        case("credit limit as float", replaced('"0.00"', "10.5"), ACCOUNT, "credit_limit", "10.5 is not exact; write"),
        case("credit limit with currency", replaced('"0.00"', '"10.50 EUR"'),
             ACCOUNT, "credit_limit", "write it without a currency"),
        case("negative credit limit", replaced('"0.00"', '"-5"'), ACCOUNT, "credit_limit", "it has to be an amount"),
        case("credit limit as truth", replaced('"0.00"', "true"), ACCOUNT, "credit_limit", "it has to be an amount"),
        case("no request at once", replaced("password_env", "limits = { requests_at_once = 0 }\npassword_env"),
             ACCOUNT, "limits.requests_at_once", "a whole number from 1 to 100"),
        case("a limit that there is not", replaced("password_env", "limits = { speed = 1 }\npassword_env"),
             ACCOUNT, "limits.speed", "unknown key; known: requests_at_once, requests_per_second, connect_timeout"),
        case("limits that are no table", replaced("password_env", "limits = 5\npassword_env"),
             ACCOUNT, "limits", "a table like { requests_at_once = 20"),
        case("misspelt key", replaced("username", "user_name"), ACCOUNT, "user_name", "did you mean username?"),
        case("one upstream account twice", edited(("", SECOND_ACCOUNT)),
             'upstream_accounts "second"', "username", '"main" is the same customer account'),
        # Modules.
        case("unknown account", replaced('upstream_account = "main"', 'upstream_account = "mian"'),
             MODULE, "upstream_account", 'there is no upstream account "mian"; known: main'),
        case("neither account nor manual", without("upstream_account ="),
             MODULE, "upstream_account", 'name an upstream account, or write kind = "manual"'),
        case("manual with account", replaced('kind = "manual"', 'kind = "manual"\nupstream_account = "main"'),
             MANUAL, "upstream_account", "a manual module has none"),
        case("manual with minimal balance", replaced('kind = "manual"', 'kind = "manual"\nminimal_balance = "1"'),
             MANUAL, "minimal_balance", "a manual module has none"),
        case("unknown module kind", replaced('kind = "manual"', 'kind = "hand"'), MANUAL, "kind", '"manual"'),
        case("unknown product type", replaced('product_type = "dedic"', 'product_type = "vps"'),
             MANUAL, "product_type", '"vps" is not known; known: addition, certificate, colocation, dedic'),
        case("no department", without('department = "support"'), MODULE, "department", "is missing"),
        case("priority as text", replaced("priority = 10", 'priority = "10"'), MODULE, "priority", "a whole number"),
        case("minimal balance as float", replaced('"50.00"', "50.0"), MODULE, "minimal_balance", "is not exact"),
        # Plans.
        case("unknown product type of a plan", replaced('"vds"\nprices', '"vdss"\nprices'),
             PLAN, "product_type", '"vdss" is not known'),
        case("no prices", without("prices"), PLAN, "prices", 'like { "1" = "7.90 EUR" }'),
        case("price as float", replaced('"7.90 EUR"', "7.90"), PLAN, "prices.1", 'like "7.90 EUR"'),
        case("price as integer", replaced('"7.90 EUR"', "7"), PLAN, "prices.1", "7 has no currency"),
        case("price with a comma", replaced('"7.90 EUR"', '"7,90 EUR"'), PLAN, "prices.1", 'write it like "7.90 EUR"'),
        case("price without currency", replaced('"7.90 EUR"', '"7.90"'), PLAN, "prices.1", "not an amount of money"),
        case("price too exact", replaced('"7.90 EUR"', '"7.90001 EUR"'), PLAN, "prices.1", "not an amount of money"),
        case("period in words", replaced('"12" = "79.00 EUR"', '"year" = "79.00 EUR"'),
             PLAN, "prices.year", "is not a number of months"),
        case("unmapped period", replaced('"12" = "79.00 EUR"', '"6" = "40.00 EUR"'),
             PLAN, "prices.6", "map it in periods, or leave the price out"),
        case("resource as text", replaced("disk_gb = 30", 'disk_gb = "30"'), PLAN, "resources.disk_gb", "whole number"),
        case("active as text", replaced("resources", 'active = "no"\nresources'), PLAN, "active", "true or false"),
        case("mappings in single brackets", replaced("[[tariff_plans.mappings]]", "[tariff_plans.mappings]"),
             PLAN, "mappings", "each begun with [[tariff_plans.mappings]]"),
        # Mappings.
        case("unknown module", replaced('processing_module = "main-vds"', 'processing_module = "main"'),
             MAPPING, "processing_module", 'no processing module "main"; known: by-hand, main-vds'),
        case("module of another type", replaced('processing_module = "main-vds"', 'processing_module = "by-hand"'),
             MAPPING, "processing_module", '"by-hand" is for "dedic" and the plan is a "vds"'),
        case("module mapped twice", edited(("", SECOND_MAPPING)),
             f"{PLAN} → mappings[1]", "processing_module", "has a mapping of this plan already"),
        case("no pricelist", without("pricelist"), MAPPING, "pricelist", "is missing"),
        case("pricelist as number", replaced('"58"', "58"), MAPPING, "pricelist", 'as text, like "58"'),
        case("no periods", without("periods"), MAPPING, "periods", "is missing"),
        case("empty periods", replaced('{ "1" = 1, "12" = 12 }', "{}"), MAPPING, "periods", "is empty"),
        case("period as text", replaced('"12" = 12', '"12" = "12"'), MAPPING, "periods.12", "the upstream's period"),
        case("no such upstream period", replaced('"12" = 12', '"12" = -7'), MAPPING, "periods.12", "-100 trial"),
        case("period without cost", replaced(', "12" = "50.00 EUR"', ""), MAPPING, "cost.12", "say what the period"),
        case("cost without period", replaced(', "12" = 12', ""), MAPPING, "cost.12", "is not in periods"),
        case("cost in another currency", replaced('"5.00 EUR"', '"5.00 USD"'),
             MAPPING, "cost.1", "is not in EUR, the currency of upstream account"),
        case("renewal cost without period", edited(("cost =", 'renewal_cost = { "6" = "5.00 EUR" }\ncost =')),
             MAPPING, "renewal_cost.6", "is not in periods"),
        case("renewal cost in another currency", edited(("cost =", 'renewal_cost = { "1" = "5.00 USD" }\ncost =')),
             MAPPING, "renewal_cost.1", "write it in EUR"),
        case("cost of an add-on that is not mapped", edited(("cost =", 'addon_costs = { disk = "1.00 EUR" }\ncost =')),
             MAPPING, "addon_costs.disk", "is not in addons"),
        case("add-on in another currency", edited(("cost =", 'addon_costs = { ram = "1.00 USD above 2" }\ncost =')),
             MAPPING, "addon_costs.ram", "write it in EUR"),
        case("choice in another currency", edited(("cost =", 'addon_costs = { ram = { a = "1.00 USD" } }\ncost =')),
             MAPPING, "addon_costs.ram.a", "write it in EUR"),
        case("add-on without currency", edited(("cost =", 'addon_costs = { ram = "1.00" }\ncost =')),
             MAPPING, "addon_costs.ram", 'write it like "1.00 EUR" or "1.00 EUR above 2"'),
        case("add-on as a number", edited(("cost =", "addon_costs = { ram = 1 }\ncost =")),
             MAPPING, "addon_costs.ram", "write what a unit costs a month"),
        case("choice without currency", edited(("cost =", 'addon_costs = { ram = { a = "1" } }\ncost =')),
             MAPPING, "addon_costs.ram", 'what "a" costs a month is an amount of money'),
        case("tolerance below zero", edited(("cost =", "price_tolerance = -1\ncost =")),
             MAPPING, "price_tolerance", "per cent"),
        case("tolerance as a float", edited(("cost =", "price_tolerance = 0.1\ncost =")),
             MAPPING, "price_tolerance", "is not exact"),
        case("unknown word for unreadable quotes", edited(("cost =", 'unquoted = "maybe"\ncost =')),
             MAPPING, "unquoted", '"ask" or "allow"'),
        case("unknown word for losses", edited(("cost =", 'above_selling_price = "yes"\ncost =')),
             MAPPING, "above_selling_price", '"ask" or "allow"'),
        case("renewal price without price", edited(("resources", 'renewal_prices = { "6" = "9.00 EUR" }\nresources')),
             PLAN, "renewal_prices.6", "prices has no such period"),
        case("price of an unknown add-on", edited(("resources", 'addon_prices = { disk = "1.00 EUR" }\nresources')),
             PLAN, "addon_prices.disk", "no mapping in this file has this add-on"),
        case("form of no add-on", edited(("cost = {", FORMS % 'disk = { kind = "switch" }')), MAPPING,
             "addon_forms.disk", "there is no such add-on in addons; known: ram"),
        case("add-on of no kind", edited(("cost = {", FORMS % 'ram = { kind = "slider" }')), MAPPING,
             "addon_forms.ram.kind", '"quantity", "switch" or "choice"'),
        case("misspelt limit", edited(("cost = {", FORMS % 'ram = { kind = "quantity", maxi = 3 }')), MAPPING,
             "addon_forms.ram.maxi", "did you mean max?"),
        case("limits the wrong way", edited(("cost = {", FORMS % 'ram = { kind = "quantity", min = 4, max = 2 }')),
             MAPPING, "addon_forms.ram.max", "2 is less than min, which is 4; write 4 or more"),
        case("a limit between steps", edited(("cost = {", FORMS % 'ram = { kind = "quantity", max = 5, step = 2 }')),
             MAPPING, "addon_forms.ram.max", "can't be reached in steps of 2 from 0; write 4"),
        case("a choice of nothing", edited(("cost = {", FORMS % 'ram = { kind = "choice" }')), MAPPING,
             "addon_forms.ram.choices", 'write it like { lite = "1", pro = "2" }'),
        case("a switch with limits", edited(("cost = {", FORMS % 'ram = { kind = "switch", max = 1 }')), MAPPING,
             "addon_forms.ram.max", "a switch has none; leave it out"),
        case("choices alike", edited(("cost = {", FORMS % 'ram = { kind = "choice", choices = { a = "1", b = "1" } }')),
             MAPPING, "addon_forms.ram.choices.b", '"1" is "a" already'),
        case("add-on as number", replaced('"addon_61"', "61"), MAPPING, "addons.ram", 'like { ram = "addon_61" }'),
        case("template as list", replaced('"Debian-12"', "[]"), MAPPING, "templates.debian-12", "a list is not right"),
        case("order parameter as number", replaced("templates", "order_parameters = { recipe = 1 }\ntemplates"),
             MAPPING, "order_parameters.recipe", "as text"),
        case("an address of nowhere in every order", ORDER_PARAMETERS % ("soft", 'ip = "127.0.0.1"'), MAPPING,
             "order_parameters.ip", "no server is reached there"),
        case("a name server spelled otherwise", ORDER_PARAMETERS % ("domain", 'ns0 = "NS1.example.net."'), MAPPING,
             "order_parameters.ns0", 'write it "ns1.example.net"'),
        case("unknown renewal owner", replaced("templates", 'renewal_owner = "us"\ntemplates'),
             MAPPING, "renewal_owner", '"resellflow" or "upstream"'),
        case("unknown owner of the renewal", replaced("templates", 'renewal = "us"\ntemplates'),
             MAPPING, "renewal", '"automatic" or "upstream"'),
        case("a lead time of no days", edited(("resources", "renewal_lead_days = 0\nresources")),
             PLAN, "renewal_lead_days", "days before the end of a term"),
        case("automatic and nothing but for ever", edited(
                ('periods = { "1" = 1, "12" = 12 }', 'renewal = "automatic"\nperiods = { "0" = 0 }')),
             MAPPING, "renewal", "a service for ever has no next term"),
        case("automatic and nothing but a trial of the upstream's", edited(
                ('periods = { "1" = 1, "12" = 12 }', 'renewal = "automatic"\nperiods = { "1" = -100, "12" = -100 }')),
             MAPPING, "renewal", "a trial has no next term"),
        case("a period that there is not", edited(('"12" = "79.00 EUR"', '"-7" = "79.00 EUR"')),
             PLAN, "prices.-7", '"-100": a trial'),
        case("two owners", replaced("templates", 'renewal = "automatic"\nrenewal_owner = "upstream"\ntemplates'),
             MAPPING, "renewal_owner", "keep renewal"),
        case("unknown key in a mapping", replaced("datacenter", "data_center"),
             MAPPING, "data_center", "did you mean datacenter?"),
    ],
)  # fmt: skip
async def test_a_mistake_is_located_and_what_would_be_right_is_said(
    untouched_database: Database, tmp_path: Path, text: str, table: str, key: str, right: str
) -> None:
    found = await mistakes(untouched_database, tmp_path, text)
    assert any((problem.table, problem.key) == (table, key) and right in problem.message for problem in found), (
        "\n".join(map(str, found))
    )


async def test_a_password_in_the_file_is_not_repeated(untouched_database: Database, tmp_path: Path) -> None:
    text = edited(("password_env", 'password = "s3cret"\npassword_env'))
    (problem,) = await mistakes(untouched_database, tmp_path, text)
    assert "s3cret" not in str(problem)


async def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file(
    untouched_database: Database, tmp_path: Path
) -> None:
    text = edited(
        ("dialect = 6", "dialect = 4"),
        ('department = "support"', ""),
        ('"7.90 EUR"', "7.9"),
        ('"5.00 EUR"', '"5.00 RUB"'),
    )
    text += SECOND_MAPPING.replace('pricelist = "59"', "")
    found = await mistakes(untouched_database, tmp_path, text)
    assert [(problem.table, problem.key) for problem in found] == [
        (ACCOUNT, "dialect"),
        (MODULE, "department"),
        (PLAN, "prices.1"),
        (MAPPING, "cost.1"),
        (f"{PLAN} → mappings[1]", "pricelist"),
        (f"{PLAN} → mappings[1]", "processing_module"),
    ]


async def test_a_missing_file_is_said(untouched_database: Database, tmp_path: Path) -> None:
    with pytest.raises(CatalogueInvalid, match=r"nowhere\.toml: can't be read: No such file"):
        await load(untouched_database, tmp_path / "nowhere.toml", actor="tester")


async def test_a_file_with_mistakes_changes_nothing(database: Database, tmp_path: Path) -> None:
    await load(database, written(tmp_path), actor="tester")
    await mistakes(database, tmp_path, edited(("reseller", "somebody"), ('"5.00 EUR"', '"5.00 USD"')))
    async with database.read() as session:
        account = await session.get_one(UpstreamAccount, 1)
    assert account.settings["username"] == "reseller"


async def test_the_sample_itself_is_right(database: Database, tmp_path: Path) -> None:
    assert (await load(database, written(tmp_path, SAMPLE), actor="tester")).changed


async def test_plain_http_to_another_machine_needs_the_setting(untouched_database: Database, tmp_path: Path) -> None:
    text = replaced("https://billing.example.test:1500", "http://billing.example.test:1500")
    (problem,) = await mistakes(untouched_database, tmp_path, text)
    assert problem.key == "url"
    assert "RESELL_PLAIN_HTTP_UPSTREAMS=billing.example.test" in problem.message
    allowed = ["billing.example.test"]
    assert (await load(untouched_database, written(tmp_path, text), actor="tester", plain_http=allowed)).changed
