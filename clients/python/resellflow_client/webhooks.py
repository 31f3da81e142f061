"""Messages that Resellflow posts to a shop: whether they are true, and what they say."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from resellflow_client.errors import WebhookRejected
from resellflow_client.models import EVENTS, AnyEvent, Event


def verified(body: bytes, headers: Mapping[str, str], secrets: str | Sequence[str]) -> AnyEvent:
    """The event of a message, if one of the secrets has signed it and it was sent within five minutes of now.

    body: as received, byte for byte. headers: in any case of letters. secrets: `whsec_…`, several while one replaces
    another. The same message may come again: ignore an event whose `id` you have had. Raises WebhookRejected.
    """
    usable = [secrets] if isinstance(secrets, str) else list(secrets)
    if not usable:
        raise WebhookRejected("there is no secret to verify the message with")
    last: Exception | None = None
    for secret in usable:
        try:
            Webhook(secret).verify(body, dict(headers), json_parse=False)
            break
        except (WebhookVerificationError, EmptyWebhookSecretError, ValueError) as error:  # or no base64, no text
            last = error
    else:
        raise WebhookRejected(f"the message is not signed as it must be: {last}") from last
    try:
        event = Event.model_validate_json(body)
        if event.id != next(value for name, value in headers.items() if name.lower() == "webhook-id"):
            raise WebhookRejected("the id in the body is not the one that was signed")
        return typed(event)
    except ValidationError as error:
        raise WebhookRejected(f"the message is no event: {error.errors()[0]['msg']}") from error


def typed(event: Event) -> AnyEvent:
    """The event with the data of its type. An event of a type that this version does not know stays as it is.

    Raises ValidationError of pydantic if the data are not what this type has.
    """
    model = EVENTS.get(event.type)
    return event if model is None else model.model_validate(event.model_dump(exclude_unset=True))
