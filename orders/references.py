"""What a shop writes on its own services and requests: a reference and metadata. Resellflow repeats both and acts on
neither."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from orders.text import Lines, PlainText, Words, check_not_blank

MOST_KEYS, LONGEST_TOGETHER = 20, 4000


def _bounded(metadata: dict[str, str]) -> dict[str, str]:
    length = sum(len(key) + len(value) for key, value in metadata.items())
    if length > LONGEST_TOGETHER:
        raise ValueError(f"has {length} characters in keys and values together; at most {LONGEST_TOGETHER} are kept")
    return metadata


def _says_something(reference: str) -> str:
    return check_not_blank(reference) if reference else reference


Reference = Annotated[PlainText, AfterValidator(_says_something), Field(max_length=200)]
SoughtReference = Annotated[Words, Field(max_length=200)]
"""One to look for. None is empty: it would find everything that has none."""
Key = Annotated[Words, Field(max_length=40)]
Value = Annotated[Lines, Field(max_length=500)]
Metadata = Annotated[dict[Key, Value], Field(max_length=MOST_KEYS), AfterValidator(_bounded)]
"""At most 20 keys of 40 characters, values of 500, all together 4,000."""

REFERENCE_DESCRIPTION = "your own name of it, e.g. the number of an invoice; repeated in documents and messages"
METADATA_DESCRIPTION = (
    f"your own values, repeated in documents and messages: up to {MOST_KEYS} keys of 40 characters with texts of 500, "
    f"{LONGEST_TOGETHER} characters in all. No secrets: it is stored as it is"
)


class Referenced(BaseModel):
    """A request that may carry what the shop wants to see again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: Reference | None = Field(default=None, description=REFERENCE_DESCRIPTION)
    metadata: Metadata = Field(default_factory=dict, description=METADATA_DESCRIPTION)

    @property
    def of_the_shop(self) -> dict[str, object]:
        """For the hash of a request. One without them hashes as it did before there were references."""
        given: dict[str, object] = {"reference": self.reference, "metadata": self.metadata}
        return {name: value for name, value in given.items() if value}


OF_THE_SHOP = frozenset(Referenced.model_fields)


def merged(before: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """`before` with the values of `changes`; None removes a key. Raises ValueError if that is too much."""
    after = {key: value for key, value in {**before, **changes}.items() if value is not None}
    if len(after) > MOST_KEYS:
        raise ValueError(f"would have {len(after)} keys; at most {MOST_KEYS} are kept")
    return _bounded(after)
