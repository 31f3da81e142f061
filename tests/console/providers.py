"""An OpenID provider that a test can make lie. The one that does not is oidc-provider-mock."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT = "console"


@dataclass
class Crooked:
    """It gives whoever asks an ID token, as the test has it."""

    address: str
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    signs_with: RSAKey | None = None
    nonce: str = ""
    algorithm: str = "RS256"
    kid: str = "one"
    change: Callable[[dict[str, Any]], dict[str, Any]] = field(default=lambda claims: claims)
    issuer: str = ""
    garbage: dict[str, bytes] = field(default_factory=dict)
    """What it answers at a path instead."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """What was sent for each token."""

    def token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.address,
            "aud": CLIENT,
            "sub": "17",
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "preferred_username": "petra",
            "groups": ["shop-admins", "others"],
        }
        key = self.signs_with or self.key
        return jwt.encode(
            {"alg": self.algorithm, "kid": self.kid}, self.change(claims), key, algorithms=[self.algorithm]
        )

    def answer(self, path: str) -> dict[str, Any]:
        if path == "/keys":
            return {"keys": [self.key.as_dict(private=False)]}
        if path == "/token":
            return {"access_token": "x" * 20, "token_type": "Bearer", "id_token": self.token()}
        return {
            "issuer": self.issuer or self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
        }


@contextmanager
def crooked() -> Iterator[Crooked]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply()

        def do_POST(self) -> None:
            sent = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            provider.asked.append({name: values[0] for name, values in sent.items()})
            self.reply()

        def reply(self) -> None:
            body = provider.garbage.get(self.path) or json.dumps(provider.answer(self.path)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = Crooked(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
