"""Their webhooks as hints: signed CloudEvents (docs/webhooks.md). Only the number of the service is believed."""

from pydantic import BaseModel, ConfigDict, Field

from models.numbers import HIGHEST_NUMBER
from upstreams.hints import Hint


class _Data(BaseModel):
    model_config = ConfigDict(extra="ignore")

    service: int | None = Field(default=None, ge=1, le=HIGHEST_NUMBER, strict=True)


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore")

    type: str = Field(pattern=r"^resellflow\.")
    data: _Data


def read_hint(body: bytes) -> Hint | None:
    """None: a message that is about no service, such as a ping. Raises ValueError for what is no message of theirs."""
    service = _Message.model_validate_json(body).data.service
    return None if service is None else Hint(numbers=(str(service),))
