"""A push hint of a BILLmanager: its function may name the product type, as `vds.edit` and `v2.vds.order` do."""

from models.product_types import PRODUCT_TYPES
from upstreams import hints
from upstreams.hints import Hint


def read_hint(body: bytes) -> Hint:
    """The documented form. Raises ValueError for what is no hint."""
    hint = hints.read_hint(body)
    if hint.product_type in PRODUCT_TYPES:
        return hint
    head, _, _ = hint.function.removeprefix("v2.").partition(".")
    return hint.model_copy(update={"product_type": head if head in PRODUCT_TYPES else ""})
