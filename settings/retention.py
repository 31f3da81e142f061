"""What is kept for how long."""

from pydantic import Field

from settings.part import Part


class RetentionSettings(Part):
    event_retention_days: float = Field(default=180.0, gt=0)
    """Days: how long the changes seen at upstreams are [kept](operations.md#what-is-kept-and-for-how-long)."""
    hint_retention_days: float = Field(default=1.0, gt=0)
    """Days: how long a push hint is kept after it was followed."""
    stage_retention_days: float = Field(default=365.0, gt=0)
    """Days: how long the stages of an operation are kept after its end; the last one stays."""
    snapshot_retention_days: float = Field(default=365.0, gt=0)
    """Days: how long an item is remembered after it is gone from its upstream."""
