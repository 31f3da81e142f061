"""What the keys that panels show for the cause of a state mean (all seen in code)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    words: str = ""
    dead_end: bool = False
    """It lasts until the upstream's staff does something."""


CAUSES = {
    "item_status_service_nosuitable": Cause(
        "no module of the upstream can open it, or nothing is in stock: its staff has to connect one", dead_end=True
    ),
    "item_status_5_open": Cause("it is being opened; where that is done by hand it waits for the upstream's staff"),
    "item_status_5_need_configure": Cause("it waits for the upstream's staff to configure it"),
    "item_status_5_close": Cause("it is being deleted"),
    "item_status_5_prolong": Cause("it is being prolonged"),
    "item_status_5_resume": Cause("it is being resumed"),
    "item_status_5_suspend": Cause("it is being suspended"),
    "item_status_5_reboot": Cause("it is being restarted"),
    "item_status_5_hardreboot": Cause("it is being restarted"),
    "item_status_5_reopen": Cause("it is being installed anew"),
    "item_status_5_transfer": Cause("it is being moved"),
    "item_status_5_set_param": Cause("its parameters are being set"),
    "item_status_5_changepricelist": Cause("its tariff is being changed"),
    "item_status_3_abusesuspend": Cause("suspended for abuse: only the upstream's staff can resume it"),
    "item_status_3_employeesuspend": Cause("suspended by the upstream's staff, who alone may be able to resume it"),
    "item_status_3_autosuspend": Cause(
        "suspended by the upstream itself, because its term is over or for want of money"
    ),
    "service_status_6": Cause(
        "the certificate was refused by who issues it: its staff has to see to it", dead_end=True
    ),
}
