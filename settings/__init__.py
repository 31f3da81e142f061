"""Every setting. Each is an environment variable: RESELL_ and the name in capitals.

The text under a setting is its entry in docs/settings.md; `make settings-page` writes the page anew.

How to reach Temporal is set by its own standard variables (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TLS …, or a
profile of its configuration file); see `temporalio.envconfig`.
"""

from settings.console import is_safe_address
from settings.everything import Settings
from settings.words import settings_in_words, setup_in_words, wrong_settings

__all__ = ["Settings", "is_safe_address", "load_settings", "settings_in_words", "setup_in_words", "wrong_settings"]


def load_settings() -> Settings:
    """The settings of this process. Raises pydantic.ValidationError naming the variable that is wrong."""
    return Settings()
