"""What is wrong with settings, in words."""

from pydantic import ValidationError

from environment import without_values
from orders.notifications.channels import ChannelsFileError
from payloads.keyfile import KeyFileError
from settings.everything import Settings


def settings_in_words(error: ValidationError) -> str:
    """Which settings are wrong, and how. Never a value: it may be a token, or an address with a password in it."""
    return f"the settings are not right: {'; '.join(wrong_settings(error))}"


def wrong_settings(error: ValidationError) -> list[str]:
    """The same, one by one."""
    wrong = []
    for one in error.errors(include_input=False, include_url=False):
        said = one["msg"].removeprefix("Value error, ")
        complete = not one["loc"] or said.startswith("RESELL_")
        wrong.append(said if complete else f"RESELL_{str(one['loc'][0]).upper()}: {said}")
    return [without_values(one) for one in wrong]


def setup_in_words(error: BaseException) -> str | None:
    """The sentence for what is wrong with this process's environment; None for anything else."""
    if isinstance(error, ValidationError) and error.title == Settings.__name__:
        return settings_in_words(error)
    if isinstance(error, ChannelsFileError):
        return f"RESELL_NOTIFICATIONS_FILE: {error}"
    if isinstance(error, KeyFileError):
        return without_values(f"RESELL_PAYLOAD_KEY_FILE: {error}")
    return None
