"""What an HTTP answer is worth: a document, or which failure. One rule per line of the table in docs/billmanager.md.

A call that changes or costs gets a definite answer only from a document of the panel. Whatever else comes back after it
was sent, a 403 included (a filter in front may judge the answer after the panel has done the work), leaves its outcome
unknown. A read can say more: that the account is kept out.
"""

from upstreams.billmanager.calls import Call
from upstreams.billmanager.trees import NotADocument
from upstreams.billmanager.wire import Document
from upstreams.errors import ConnectionUnhealthy, OutcomeUnknown
from upstreams.httpcalls import Effect

# Words of pages that keep robots or strangers out (seen in code: captcha, DDoS-Guard and Cloudflare pages).
_GATE_WORDS = (
    b"captcha",
    b"ddos-guard",
    b"cloudflare",
    b"cf-chl",
    b"checking your browser",
    b"access denied",
    b'type="password"',
    b"type='password'",
)
_LOOK_AT = 65_536
_TITLE = 1_000


def judge(call: Call, status: int, content_type: str, location: str, body: bytes) -> Document:
    """The document in an answer. Raises OutcomeUnknown or ConnectionUnhealthy if there is none to rely on."""
    document, fault = _document(call, body)
    if document is not None and (
        200 <= status < 300 or (400 <= status < 500 and status != 429 and document.error is not None)
    ):
        return document
    if 500 <= status < 600:
        became = "" if call.effect is Effect.READ else ", so what became of the request is not known"
        raise _unknown(call, f"HTTP status {status}{_page(call, body)}{became}")
    if 300 <= status < 400:
        where = call.clean(location.partition("?")[0], 80)
        raise _kept_out(call, f"HTTP status {status}, a redirect to {where or 'nowhere'}; is the address right?")
    if 400 <= status < 500 and status != 408:
        raise _kept_out(
            call, f"HTTP status {status}{_page(call, body)}; something in front of the panel refuses the request"
        )
    if document is not None:
        raise _unknown(call, f"HTTP status {status} with a document, which does not fit together")
    if _is_html(content_type, body):
        if any(word in body[:_LOOK_AT].lower() for word in _GATE_WORDS):
            raise _kept_out(
                call, f"a captcha, firewall or login page came back instead of an answer{_page(call, body)}"
            )
        raise _unknown(call, f"an HTML page came back instead of an answer{_page(call, body)}")
    if not body.strip():
        raise _unknown(call, f"an empty answer (HTTP status {status})")
    raise _unknown(call, f"an answer that cannot be read ({call.clean(fault, 80)})")


def _document(call: Call, body: bytes) -> tuple[Document | None, str]:
    # What was bought or changed is known by numbers in the answer, so none that was damaged is believed.
    parse = Document.parse_as_it_is if call.effect is Effect.CHANGE else call.parse
    try:
        return parse(body), ""
    except NotADocument as error:
        return None, str(error)


def _is_html(content_type: str, body: bytes) -> bool:
    start = body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return content_type.lower().startswith("text/html") or start.startswith((b"<!doctype html", b"<html"))


def _page(call: Call, body: bytes) -> str:
    page = body[:_LOOK_AT]
    plain = page.lower()
    start = plain.find(b">", plain.find(b"<title")) if b"<title" in plain else -1
    end = plain.find(b"</title>", start)
    if start < 0 or end < 0:
        return ""
    return f" (page {call.clean(page[start + 1 : end][:_TITLE].decode('utf-8', 'replace'), 60)!r})"


def _unknown(call: Call, what: str) -> OutcomeUnknown:
    return OutcomeUnknown(f"{call.label}: {what}.", function=call.function)


def _kept_out(call: Call, what: str) -> OutcomeUnknown | ConnectionUnhealthy:
    if call.effect is Effect.CHANGE:
        return _unknown(call, f"{what}; whether the request was carried out is not known")
    return ConnectionUnhealthy(f"{call.label}: {what}.", function=call.function)
