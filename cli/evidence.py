"""What the verdict on a call rests on, in a few lines."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orders.views import IntentView


def found_by(intent: "IntentView") -> str:
    """The verdict and what was seen: the list, the new items there, the forms read."""
    evidence = intent.evidence
    lines = [intent.message] if intent.message else []
    if evidence.get("verdict"):
        lines.append(
            f"verdict {evidence['verdict']} at {evidence.get('looked_at', '?')}: {evidence.get('reason') or '-'}"
        )
    listing = evidence.get("list")
    if isinstance(listing, dict):
        whole = (
            "complete" if listing.get("complete") else f"not complete {listing.get('incomplete_because', '')}".strip()
        )
        lines.append(f"list: {listing.get('rows')} rows, {whole}")
    new = evidence.get("new_items")
    for item in new if isinstance(new, list) else []:
        lines.append(_new_item(item))
    form = evidence.get("form")
    if form:
        lines.append(f"form: {_flat(form)}")
    return "; ".join(lines)


def _new_item(item: dict[str, object]) -> str:
    form = f", form {_flat(item['form'])}" if "form" in item else ""
    return f"item {item.get('number')} ({item.get('status')}): list {_flat(item.get('list'))}{form}; {_why(item)}"


def _why(item: dict[str, object]) -> str:
    because = item.get("not_ours_because")
    return f"not this order: {because}" if because else "it may be this order"


def _flat(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown or '-'}" for name, shown in value.items())
    return str(value)
