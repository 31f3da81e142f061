#!/usr/bin/env python3
"""Event handler of a selling BILLmanager: tells a Resellflow installation which item has just changed.

Runs on the panel's own machine; needs Python 3.6 or newer and nothing else. It does not hold the panel up and never
makes a function fail: it answers the panel first, the hint goes out from a process of its own, and whatever goes wrong
is written to a log. Nothing but the function's name and the numbers of the items leaves this machine.

    resellflow_hint.py                  as the panel runs it
    resellflow_hint.py --test NUMBER    send a hint for this item, wait for the answer, and say how it went
"""

import base64
import configparser
import hashlib
import hmac
import json
import os
import re
import select
import sys
import time
import urllib.error
import urllib.request
import uuid
from typing import Dict, List, Mapping
from urllib.parse import parse_qs

CONFIGURATION = os.environ.get("RESELLFLOW_HINT_CONF", "/usr/local/mgr5/etc/resellflow_hint.conf")
LOG = "/usr/local/mgr5/var/resellflow_hint.log"
LOG_BYTES = 1024 * 1024
INPUT_SECONDS = 1.0
INPUT_BYTES = 8 * 1024 * 1024
MOST_NUMBERS = 50
NOTHING_TO_ADD = b'<?xml version="1.0" encoding="UTF-8"?>\n<doc/>\n'
NUMBER = re.compile(r"[0-9]{1,20}")
NEW_NUMBER = re.compile(rb"<(?:id|item\.id|itemid)(?:\s[^<>]*)?>\s*([0-9]{1,20})\s*</")
WITH_A_FORM = (".edit", ".param", ".prolong", ".changepricelist", ".getmoney")
"""Functions that the panel also calls to show their form; `sok` says that it was sent."""


class Settings:
    """The section [resellflow] of the configuration."""

    def __init__(self, path: str) -> None:
        parser = configparser.ConfigParser(interpolation=None)
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
        section = parser["resellflow"]
        self.url = section["url"].rstrip("/")
        self.upstream = section["upstream"]
        self.key = key_of(section["secret"])
        self.timeout = section.getfloat("timeout", 5.0)
        self.log = section.get("log", LOG)
        self.log_sent = section.getboolean("log_sent", False)
        if not re.match(r"https?://[^/\s]+", self.url):
            raise ValueError("url is not an address")
        if not re.match(r"[A-Za-z0-9._-]+$", self.upstream):
            raise ValueError("upstream is not the name of an upstream account")


def main(arguments: List[str]) -> int:
    if arguments[:1] == ["--test"]:
        return test(arguments[1:])
    document = read_input()
    # A handler of type xml has to give back what it was given; what one of type cgi gives is merged with the answer.
    sys.stdout.buffer.write(document if is_xml(document) else NOTHING_TO_ADD)
    sys.stdout.buffer.flush()
    given = parameters(os.environ, document)
    numbers = changed_items(given, document)
    if numbers and not is_for_the_panel():
        send_hint(given.get("func", ""), numbers)
    return 0


def send_hint(function: str, numbers: List[str]) -> None:
    """Send the hint; what goes wrong is for the log."""
    path = LOG
    try:
        settings = Settings(CONFIGURATION)
        path = settings.log
        send(settings, function, numbers)
        if settings.log_sent:
            log(path, f"sent: {function} {', '.join(numbers)}")
    except Exception as error:  # whatever it is, it is no trouble of the panel's
        log(path, f"no hint of {function} {', '.join(numbers)}: {in_words(error)}")


def test(numbers: List[str]) -> int:
    if not numbers or not all(NUMBER.fullmatch(number) for number in numbers):
        print("usage: resellflow_hint.py --test NUMBER", file=sys.stderr)
        return 2
    try:
        status = send(Settings(CONFIGURATION), "test", numbers)
    except Exception as error:  # told in a sentence; a traceback helps nobody at a panel
        print(f"not taken: {in_words(error)}", file=sys.stderr)
        return 1
    print(f"taken: HTTP {status}")
    return 0


# What the panel gives: parameters as PARAM_ variables, query string or posted form; perhaps the function's result.


def read_input() -> bytes:
    """Standard input up to its end, or CONTENT_LENGTH, or for a second: a panel may leave it open."""
    length = os.environ.get("CONTENT_LENGTH", "")
    wanted = min(int(length), INPUT_BYTES) if length.isdigit() else INPUT_BYTES
    received, ends = b"", time.monotonic() + INPUT_SECONDS
    while len(received) < wanted:
        ready, _, _ = select.select([0], [], [], max(0.0, ends - time.monotonic()))
        piece = os.read(0, min(65536, wanted - len(received))) if ready else b""
        if not piece:
            break
        received += piece
    return received


def is_xml(document: bytes) -> bool:
    return document.lstrip()[:1] == b"<"


def parameters(environment: Mapping[str, str], document: bytes) -> Dict[str, str]:
    form = "" if is_xml(document) else document.decode("utf-8", "replace")
    found = {}
    for text in (environment.get("QUERY_STRING", ""), form):
        found.update({name: values[0] for name, values in parse_qs(text).items()})
    prefix = "PARAM_"
    found.update({name[len(prefix) :]: value for name, value in environment.items() if name.startswith(prefix)})
    return found


def changed_items(given: Mapping[str, str], document: bytes) -> List[str]:
    """Numbers of the items; none for a form that was only opened."""
    function = given.get("func", "")
    if function.endswith(WITH_A_FORM) and not given.get("sok"):
        return []
    numbers = {text for text in re.split(r"[,\s]+", given.get("elid", "")) if NUMBER.fullmatch(text)}
    if not numbers and is_xml(document) and function.endswith(".param"):
        numbers = {text.decode("ascii") for text in NEW_NUMBER.findall(document)[:1]}
    return sorted(numbers, key=int)[:MOST_NUMBERS]


# What goes out.


def send(settings: Settings, function: str, numbers: List[str]) -> int:
    """Post the hint, signed in the manner of Standard Webhooks. Returns the HTTP status; raises for a bad one."""
    body = json.dumps({"function": function, "numbers": numbers}).encode("utf-8")
    identity, timestamp = "hint_" + uuid.uuid4().hex, str(int(time.time()))
    signed = f"{identity}.{timestamp}.".encode("ascii") + body
    signature = base64.b64encode(hmac.new(settings.key, signed, hashlib.sha256).digest()).decode("ascii")
    request = urllib.request.Request(
        f"{settings.url}/v1/upstreams/{settings.upstream}/hints",
        data=body,
        headers={
            "Content-Type": "application/json",
            "User-Agent": "resellflow-hint/1",
            "webhook-id": identity,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{signature}",
        },
    )
    with urllib.request.urlopen(request, timeout=settings.timeout) as answer:
        return int(answer.getcode())


def key_of(secret: str) -> bytes:
    if secret.startswith("whsec_"):
        return base64.b64decode(secret[len("whsec_") :])
    return secret.encode("utf-8")


def is_for_the_panel() -> bool:
    """Split in two: true in the process that the panel waits for; the other one lets go of all that is the panel's."""
    try:
        if os.fork():
            return True
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        os.closerange(3, 1024)
    except OSError:
        return True
    return False


def in_words(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.read(500).decode('utf-8', 'replace')}"
    if isinstance(error, KeyError):
        return f"{CONFIGURATION} lacks {error}"
    return f"{type(error).__name__}: {error}"


def log(path: str, text: str) -> None:
    """A line in the log; when it is long, it begins anew. If that fails, too, there is nobody left to tell."""
    try:
        if os.path.exists(path) and os.path.getsize(path) > LOG_BYTES:
            os.rename(path, path + ".1")
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(text.split())}\n")
    except OSError:
        pass


if __name__ == "__main__":
    exit_status = 0
    try:
        exit_status = main(sys.argv[1:])
        sys.stdout.flush()
    except Exception as unforeseen:
        log(LOG, f"unforeseen: {in_words(unforeseen)}")  # a traceback could be taken for an answer
    os._exit(exit_status)
