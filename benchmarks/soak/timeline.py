"""What happened to a service, for people: its operations as the API shows them, and its charges at the upstream."""

from benchmarks.soak.api import Api, Json, Panel


async def timeline(api: Api, panel: Panel, service: int) -> list[str]:
    found = (await api.send("GET", f"/v1/services/{service}")).body
    lines = [_service(found)]
    for operation in reversed(await api.all(f"/v1/operations?service={service}")):
        number = operation["number"]
        detail = (await api.send("GET", f"/v1/operations/{number}")).body
        lines.append(f"operation {number} {detail['kind']} {detail['parameters']} cost {_sum(detail['cost'])}")
        lines += [f"  {one['at']} {one['stage']} {one['reason']}" for one in detail["stages"]]
        for intent in (await api.send("GET", f"/v1/operations/{number}/intents")).body["items"]:
            lines.append(f"  intent {_words(intent)}")
        for entry in (await api.send("GET", f"/v1/operations/{number}/audit?limit=200")).body.get("items", []):
            lines.append(f"  audit {_words(entry)}")
    for entry in reversed(await api.all(f"/v1/services/{service}/history")):
        lines.append(f"history {_words(entry)}")
    for item in await panel.items(remoteid=found["mark"]):
        lines.append(f"item {_words(item)}")
    lines += [f"charge {_words(one)}" for one in await panel.charges() if one["remoteid"] == found["mark"]]
    return lines


def _service(found: Json) -> str:
    kept = ("number", "mark", "plan", "status", "upstream", "expires_on", "addons", "renewal_owner", "open_incidents")
    return f"service {_words({name: found.get(name) for name in kept})}"


def _sum(money: Json | None) -> str:
    return "nothing" if money is None else f"{money['amount']} {money['currency']}"


def _words(fields: Json) -> str:
    return ", ".join(f"{name} {value}" for name, value in fields.items() if value not in (None, "", [], {}))
