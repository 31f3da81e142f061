"""A catalogue file for the tests, and small changes to it."""

from pathlib import Path

SAMPLE = """\
[[upstream_accounts]]
name = "main"
kind = "billmanager"
url = "https://billing.example.test:1500/billmgr"
dialect = 6
username = "reseller"
password_env = "MAIN_UPSTREAM_PASSWORD"
currency = "EUR"
credit_limit = "0.00"

[[processing_modules]]
name = "main-vds"
upstream_account = "main"
product_type = "vds"
department = "support"
minimal_balance = "50.00"
priority = 10

[[processing_modules]]
name = "by-hand"
kind = "manual"
product_type = "dedic"
department = "engineers"

[[tariff_plans]]
name = "VDS-1"
product_type = "vds"
prices = { "1" = "7.90 EUR", "12" = "79.00 EUR" }
resources = { disk_gb = 30, ram_mb = 2048 }

[[tariff_plans.mappings]]
processing_module = "main-vds"
pricelist = "58"
datacenter = "1"
periods = { "1" = 1, "12" = 12 }
addons = { ram = "addon_61" }
templates = { debian-12 = "Debian-12" }
cost = { "1" = "5.00 EUR", "12" = "50.00 EUR" }
"""


def edited(*edits: tuple[str, str], text: str = SAMPLE) -> str:
    """The sample with each first text replaced by the second, once; appended where the first is empty."""
    for old, new in edits:
        assert old in text, f"the sample has no {old!r}"
        text = text.replace(old, new, 1) if old else text + new
    return text


def without(*lines: str) -> str:
    """The sample without the lines that begin so."""
    kept = [line for line in SAMPLE.splitlines() if not line.startswith(lines)]
    assert len(kept) < len(SAMPLE.splitlines()), f"the sample has no line {lines!r}"
    return "\n".join(kept) + "\n"


def written(directory: Path, text: str = SAMPLE) -> Path:
    file = directory / "catalogue.toml"
    file.write_text(text, encoding="utf-8")
    return file
