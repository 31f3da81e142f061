"""Bodies of orders, right and wrong, for any plan: from a right one, parts are exchanged for others of a pool."""

from copy import deepcopy
from typing import Any

from hypothesis import strategies as some

HOSTS = [
    "v1.example.com",
    "a.b",
    "A.example.COM",
    "x--y.example.com",
    "ab--c.example.com",
    "-a.example.com",
    "a-.example.com",
    "münchen.example",
    "xn--mnchen-3ya.example",
    "xn--zzzzzz.example",
    "a_b.example",
    "example",
    "1.2.3.4",
    "a.1b",
    "a.b1",
    "a..b",
    ".a.b",
    "a b.example",
    f"{'a' * 63}.example",
    f"{'a' * 64}.example",
    "",
    " ",
    "*.example.com",
    "*.b",
    "*",
    "a.b\n",
    f"{'abc.' * 62}example",
    f"{'abcd.' * 52}b",
    "例え.テスト",
    "☃.example",
    "ﬁ.example",
    "a.b\u0000",
    "a/b.example",
]
ADDRESSES = [
    "192.0.2.10",
    "10.0.0.1",
    "127.0.0.1",
    "0.1.2.3",
    "224.0.0.1",
    "255.255.255.255",
    "169.254.1.1",
    "169.255.1.1",
    "1.2.3",
    "256.1.1.1",
    "01.2.3.4",
    "2001:db8::1",
    "2a00:1::",
    "::1",
    "::",
    "fe80::1",
    "ff02::1",
    "fc00::1",
    "fd12:3456::1",
    "2a00::1%e",
    "2a00:::1",
    "2002:7f00:1::",
    "example.com",
    "",
    "fec0::1",
    "3fff::1",
    "4000::1",
    "192.0.2.10\n",
    "1:2",
    "2a00:1:2:3:4:5:6:7:8",
]
MAILBOXES = [
    "admin@example.com",
    "a.b+c@example.com",
    ".a@example.com",
    "a..b@example.com",
    "@example.com",
    "a@b",
    "a@1.2.3.4",
    "a b@c.de",
    f"{'a' * 64}@example.com",
    f"{'a' * 65}@example.com",
    "a@b@c.de",
    "",
    "a@-b.de",
    "ä@example.com",
    "A@EXAMPLE.com",
    "a@b.c\n",
    "a--b@example.com",
    "a@x--y.de",
    "a@ab--c.de",
]
CSR = "-----BEGIN CERTIFICATE REQUEST-----\nMIIB+/=\n-----END CERTIFICATE REQUEST-----\n"
CSRS = [CSR, CSR.strip(), "MIIB", CSR.replace("MII", "M!I"), CSR.replace("BEGIN C", "BEGIN NEW C"), "", CSR + "\u0000"]
TEXTS = [
    "a",
    "x" * 200,
    "x" * 201,
    "x" * 300,
    "x" * 301,
    "",
    " ",
    "\t",
    "a\u0000",
    "a\nb",
    "\u00a0",
    "ünï",
    "\u0085",
    "x\u007f",
    "☃",
]
NUMBERS = ["1", "007", "9" * 18, "9" * 19, "-1", "1.5", "", "a", "١", "1\n"]
TEMPLATES = ["debian-12", "ubuntu 24", "debian", "only here", "", " debian-12"]
ANYTHING: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    3,
    5,
    7,
    16,
    17,
    45,
    55,
    10**6,
    "on",
    "off",
    "ON?",
    "1",
    "lite",
    "03",
    [],
    {},
    {"a": 1},
    1.5,
]
LIMITS: list[Any] = [
    {"amount": "10.00", "currency": "EUR"},
    {"amount": 10, "currency": "EUR"},
    {"amount": 6.5, "currency": "EUR"},
    {"amount": True, "currency": "EUR"},
    {"amount": "10.00", "currency": "USD"},
    {"amount": "-1", "currency": "EUR"},
    {"amount": "1.00001", "currency": "EUR"},
    {"amount": "1"},
    "10.00 EUR",
    "10",
    "10.00 USD",
    "10.00001 EUR",
    {"amount": "x", "currency": "EUR"},
    {"amount": "9" * 15, "currency": "EUR"},
    "5 EUR",
    {"amount": "1", "currency": "eur"},
    None,
    5,
]

POOLS: dict[str, list[Any]] = {
    "ip": ADDRESSES,
    "approver_email": MAILBOXES,
    "csr": CSRS,
    "template": TEMPLATES,
    "recipe": TEXTS,
    "licence": NUMBERS,
    "owner": NUMBERS,
    "admin": NUMBERS,
    "nameserver1": HOSTS,
    "nameserver4": HOSTS,
}
ADDON_NAMES = ["ram", "disk", "ip", "odd", "backup", "panel", "level", "unknown"]
GOOD: dict[str, dict[str, Any]] = {
    "soft": {"parameters": {"ip": "192.0.2.10"}},
    "certificate": {"domain": "www.example.com", "parameters": {"approver_email": "admin@example.com"}},
    "domain": {"domain": "new.example"},
}


def right(plan: dict[str, Any]) -> dict[str, Any]:
    body = {"plan": plan["name"], "period_months": plan["periods"][0]["months"], "customer": "c-17"}
    return body | deepcopy(GOOD.get(plan["product_type"], {}))


@some.composite
def bodies(draw: some.DrawFn, plan: dict[str, Any]) -> dict[str, Any]:
    body = right(plan)
    for _ in range(draw(some.integers(0, 3))):
        what = draw(
            some.sampled_from(["period", "customer", "domain", "parameter", "addon", "addon", "limit", "drop", "junk"])
        )
        match what:
            case "period":
                body["period_months"] = draw(some.sampled_from([1, 3, 12, 24, 0, -100, -50, "1", None, True, 10**30]))
            case "customer":
                body["customer"] = draw(some.sampled_from([*TEXTS, None, 5]))
            case "domain":
                body["domain"] = draw(some.sampled_from([*HOSTS, None, 5]))
            case "parameter":
                name = draw(some.sampled_from([*POOLS, "unknown"]))
                body.setdefault("parameters", {})[name] = draw(some.sampled_from([*POOLS.get(name, TEXTS), None, 5]))
            case "addon":
                value = draw(some.sampled_from(ANYTHING))
                body.setdefault("addons", {})[draw(some.sampled_from(ADDON_NAMES))] = value
            case "limit":
                body["agreed_cost_limit"] = draw(some.sampled_from(LIMITS))
            case "drop":
                body.pop(draw(some.sampled_from([*body])), None)
                body = body or {"plan": plan["name"]}
            case "junk":
                body[draw(some.sampled_from(["note", "plan", "addons", "parameters"]))] = draw(
                    some.sampled_from(ANYTHING)
                )
        if not isinstance(body.get("parameters", {}), dict) or not isinstance(body.get("addons", {}), dict):
            break
    return body
