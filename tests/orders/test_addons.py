"""What may be ordered of an add-on, how it is written at the upstream, and what of a form means the same."""

from dataclasses import replace

import pytest

from models.catalogue import PlanMapping
from models.database import Database
from models.enums import OperationKind, UpstreamStatus
from models.order import Service
from models.parameters import Values
from orders.errors import InvalidField
from orders.operations.followups import still_there
from orders.operations.registry import operation_type
from orders.operations.seen import Seen
from orders.operations.values import fields_missing, not_shown
from orders.services import addons
from orders.services.meaning import same_renewal, same_value

MAPPING = PlanMapping(
    plan_id=1,
    module_id=1,
    tariff="58",
    addons={"ram": "addon_61", "backup": "addon_62", "support": "addon_63", "ip": "addon_64", "panel": "addon_65"},
    addon_forms={
        "ram": {"kind": "quantity", "min": 2, "max": 16, "step": 2},
        "backup": {"kind": "switch"},
        "support": {"kind": "choice", "choices": {"lite": "1", "pro": "2"}},
        "panel": {"kind": "switch", "choices": {"on": "yes", "off": "no"}},
    },
)


@pytest.mark.parametrize(
    ("asked", "kept", "sent"),
    [
        ({"ram": 4}, {"ram": 4}, {"addon_61": "4"}),
        ({"ip": 1000}, {"ip": 1000}, {"addon_64": "1000"}),
        ({"backup": True}, {"backup": "on"}, {"addon_62": "on"}),
        ({"backup": "off"}, {"backup": "off"}, {"addon_62": "off"}),
        ({"panel": True}, {"panel": "on"}, {"addon_65": "yes"}),
        ({"support": "pro"}, {"support": "pro"}, {"addon_63": "2"}),
    ],
)
def test_each_form_is_kept_in_our_words_and_sent_in_theirs(
    asked: dict[str, object], kept: dict[str, object], sent: dict[str, str]
) -> None:
    found = addons.check(asked, MAPPING, "VDS-1")
    assert found == kept
    assert addons.fields(found, MAPPING) == sent
    assert addons.shown(MAPPING, sent) == kept, "and it is read back as what it was"


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("ram", 1000, "1000 is more than 16, the most that VDS-1 can have"),
        ("ram", 1, "1 is less than 2, the least that VDS-1 can have"),
        ("ram", 5, "in steps of 2 from 2: 4 or 6"),
        ("ram", -1, "zero or more"),
        ("ram", "much", "write a whole number"),
        ("ram", True, "write a whole number"),
        ("backup", 3, "true or false"),
        ("support", "gold", "VDS-1 can have lite, pro"),
        ("support", True, "VDS-1 can have lite, pro"),
        ("wings", 1, "known: backup, ip, panel, ram, support"),
    ],
)
def test_what_a_plan_can_not_have_is_refused_with_the_limit(name: str, value: object, right: str) -> None:
    with pytest.raises(InvalidField) as refused:
        addons.check({name: value}, MAPPING, "VDS-1")
    assert refused.value.field == f"addons.{name}"
    assert right in refused.value.message


@pytest.mark.parametrize(
    ("field", "shown", "wanted", "same"),
    [
        ("addon_61", "4", "4", True),
        ("addon_61", "4.0", "4", True),
        ("addon_61", "4 GB", "4", True),
        ("addon_61", "4 шт.", "4", True),
        ("addon_61", "40", "4", False),
        ("addon_61", "4 of 8", "4", False),
        ("addon_61", None, "4", False),
        ("addon_61", None, "0", False),
        ("addon_62", "1", "on", True),
        ("addon_62", "yes", "on", True),
        ("addon_62", "", "off", True),
        ("addon_62", "off", "on", False),
        ("domain", "сервер.example.test", "xn--b1afb0cac.example.test", False),
        ("domain", "сервер.example.test", "xn--b1afb6bcb.example.test", True),
        ("domain", "V1.Example.test.", "v1.example.test", True),
        ("domain", "v2.example.test", "v1.example.test", False),
        ("domain", "Straße.example.test", "xn--strae-oqa.example.test", True),
        ("domain", "strasse.example.test", "xn--strae-oqa.example.test", False),
        ("domain", "ελλάς.example.test", "xn--hxarsa0b.example.test", True),
        ("domain", "ελλάς.example.test", "xn--hxarsa5b.example.test", False),
        ("addon_61", "10\u00a0240 MB", "10240", True),
        ("addon_61", "1 024", "1", False),
        ("ns0", "NS1.Example.net.", "ns1.example.net", True),
        ("approver_email", "Admin@Bücher.example", "admin@xn--bcher-kva.example", True),
        ("approver_email", "admin@other.example", "admin@shop.example", False),
        ("ip", "2001:0DB8:0:0::1", "2001:db8::1", True),
        ("ip", "::ffff:192.0.2.1", "192.0.2.1", True),
        ("ip", "192.0.2.10", "192.0.2.1", False),
        ("panel", " ispmanager  LITE", "ISPmanager Lite", True),
        ("panel", "ISPmanager Pro", "ISPmanager Lite", False),
    ],
)
def test_values_are_compared_by_meaning(field: str, shown: str | None, wanted: str, same: bool) -> None:
    assert same_value(shown, wanted) is same, field


@pytest.mark.parametrize(
    ("shown", "wanted", "same"),
    [
        ("off", "null", True),
        ("", "null", True),
        ("on", "null", False),
        ("on", "12", True),
        ("12", "12", True),
        ("1", "12", False),
        ("Month", "1", False),
        ("", "1", False),
    ],
)
def test_a_renewal_is_compared_by_meaning(shown: str, wanted: str, same: bool) -> None:
    assert same_renewal(shown, wanted) is same


def test_who_renews_is_the_last_part_of_a_change_and_proves_nothing_of_the_rest() -> None:
    asked = Values.of({"field.addon_61": "4", "field.autoprolong": "1"})
    seen = Seen(UpstreamStatus.ACTIVE, form={"addon_61": "4"}, renewal="null")
    assert not not_shown(asked, seen)
    assert "addon_61" in not_shown(asked, replace(seen, form={}))
    assert fields_missing(asked, seen) == {"renewal": "1"}, "what is there already is not sent again"


def test_what_a_plan_can_not_have_is_told_before_it_is_lost() -> None:
    kept, lost = addons.carried({"ram": 6, "support": "gold", "backup": "off", "gold": 1}, MAPPING, "VDS-1")
    assert kept == {"ram": 6}
    assert lost.keys() == {"support", "gold"}, "what is off is no loss"


LIMITED: dict[str, dict[str, object]] = {
    "ram": {"kind": "quantity", "min": 2, "max": 4},
    "backup": {"kind": "switch"},
    "panel": {"kind": "choice", "choices": {"lite": "1", "pro": "2"}},
    "support": {"kind": "choice", "choices": {"none": "0", "gold": "5"}},
}
FIELDS = {"ram": "addon_71", "backup": "addon_72", "panel": "addon_73", "support": "addon_74"}


def mapped(*names: str) -> PlanMapping:
    return PlanMapping(
        plan_id=1,
        module_id=1,
        tariff="59",
        addons={name: FIELDS[name] for name in names},
        addon_forms={name: LIMITED[name] for name in names},
    )


@pytest.mark.parametrize(
    ("dropped", "form", "expected"),
    [
        ("", {"addon_71": "6"}, []),
        ("ram 6", {"addon_71": "4"}, [("ram", 4, "2")]),  # the most that the new tariff has
        ("ram 3", {"addon_71": "3"}, [("ram", 3, "2")]),
        ("ram 4", {"addon_71": "3"}, []),  # what a tariff includes without being asked
        ("ram 6", {"addon_71": "2"}, []),
        ("ram 6", {}, []),
        ("backup on", {"addon_72": "on"}, [("backup", "on", "off")]),
        ("backup on", {"addon_72": "off"}, []),
        ("support gold", {"addon_74": "5"}, [("support", "gold", "0")]),
        ("panel pro", {"addon_73": "2"}, [("panel", "pro", None)]),  # it can't be had without
        ("ram 6, backup on", {"addon_71": "6", "addon_72": "on"}, [("ram", 6, "2"), ("backup", "on", "off")]),
    ],
)
def test_what_was_to_be_dropped_and_is_there_all_the_same_is_found(
    dropped: str, form: dict[str, str], expected: list[tuple[str, addons.AddonValue, str | None]]
) -> None:
    found = still_there(dropped, [mapped(*FIELDS)], form)
    assert [(one.name, one.shown, one.least_sent if one.least is not None else None) for one in found] == expected


def test_the_field_is_known_by_another_plan_of_the_same_tariff_or_by_the_old_one() -> None:
    [other] = still_there("ram 6", [mapped("backup"), mapped("ram")], {"addon_71": "6"})
    assert (other.field, other.least) == ("addon_71", 2)
    assert still_there("ram 6", [mapped("backup")], {"addon_71": "6"}) == []


@pytest.mark.parametrize(
    ("parameters", "steps"),
    [
        ({"field.addon_61": "4", "addon.ram": "4"}, ["Set addon_61 to 4."]),
        ({"field.autoprolong": "null", "renewal_owner": "resellflow"}, ["Switch the upstream's own renewal off."]),
        ({"field.autoprolong": "12", "renewal_owner": "upstream"}, ["Have the upstream renew it by 12 months."]),
        (
            {"field.domain": "v2.example.com", "domain": "v2.example.com", "field.autoprolong": "1"},
            ["Set domain to v2.example.com.", "Have the upstream renew it by 1 month."],
        ),
        ({"addon.ram": "4"}, ["Set ram to 4."]),
    ],
)
async def test_a_person_is_told_what_to_set(database: Database, parameters: dict[str, str], steps: list[str]) -> None:
    service = Service(customer="c", plan_id=1, product_type="vds", module_id=1, name="n", mark="m", period_months=1)
    async with database.read() as session:
        told = await operation_type(OperationKind.SET_PARAMETERS).steps(session, service, Values.of(parameters))
    assert told == steps
    assert Values.of(parameters).row() == parameters, "the row stays as it was written"
