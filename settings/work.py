"""Names of queues and versions, at Temporal."""

from pydantic import Field, field_validator

from settings.part import Part


class WorkSettings(Part):
    task_queue: str = "resellflow"
    """Name of the queue; the other queues are named after it. Change it on every part together, with no order under
    way. It does not separate installations: use one namespace for each."""
    build_id: str = Field(default="", pattern=r"^[0-9A-Za-z._-]{0,64}$")
    """Worker settings: [the version of this worker](operations.md#versions-of-the-workers), letters, digits and `._-`.
    None: workers have no versions."""
    deployment: str = Field(default="resellflow", pattern=r"^[0-9A-Za-z_-]{1,64}$")
    """Name of all these versions together, for workers and `resell versions`. Change it only with no order under way.
    """

    @field_validator("task_queue")
    @classmethod
    def _a_name(cls, queue: str) -> str:
        if not queue.strip() or len(queue) > 200:
            raise ValueError("is a name of up to 200 characters")
        return queue
