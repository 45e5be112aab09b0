"""An OpenID provider of our own on this machine: what it publishes, keys that are replaced, codes, tokens, people.

It keeps what it is asked, and can hang, fail, or say something else. `hostile` tokens are made with its real keys.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from tests.running import PATIENCE
from tests.servers import Reply, Request, http_server

CLIENT_ID = "made-up-client"
CLIENT_SECRET = "made-up-client-secret"
TEAM, KEY_ID = "TEAM123456", "KEY1234567"
KEYS = "/keys"
CONFIGURATION = "/.well-known/openid-configuration"


@cache
def spare_key(number: int) -> RSAKey:
    """Return one of a few RSA keys: each takes a tenth of a second to make."""
    return RSAKey.generate_key(2048, {"kid": f"rsa-{number}"}, private=True)


class Provider:
    """The provider. `keys` are those that it publishes; the first signs."""

    def __init__(self) -> None:
        self.url = ""
        self.keys: list[Key] = [spare_key(0)]
        # paths in the order they were asked for
        self.requests: list[str] = []
        # an answer in the place of its own, by path: status and body
        self.replies: dict[str, tuple[int, bytes]] = {}
        # what it publishes beside or in place of its own
        self.published: dict[str, Any] = {}
        # set while requests wait
        self.waits = threading.Event()
        self.release = threading.Event()
        # what a code stands for, and what was sent for it
        self.codes: dict[str, dict[str, Any]] = {}
        self.exchanges: list[dict[str, str]] = []
        # with whose key a client secret must be signed, if any, as at Apple
        self.secret_key: ECKey | None = None
        # who has an access token
        self.people: dict[str, dict[str, Any]] = {}

    def rotate(self, number: int) -> None:
        """Publish another key alone."""
        self.keys = [spare_key(number)]

    def token(self, key: Key | None = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a signed token; a claim that is None is left out."""
        now = int(time.time())
        key = key or self.keys[0]
        values = {
            "iss": self.url, "sub": "person-1", "aud": CLIENT_ID, "iat": now, "exp": now + 600,
            "jti": str(time.time_ns()),
            **claims,
        }  # fmt: skip
        algorithms = {RSAKey: "RS256", ECKey: "ES256", OKPKey: "EdDSA"}
        head = {"alg": algorithms.get(type(key), "HS256"), "kid": key.kid, **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return signed(head, {name: value for name, value in values.items() if value is not None}, key)

    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}{KEYS}",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            **self.published,
        }

    def answer(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, bytes]:
        if path in self.replies:
            return self.replies[path]
        if path == CONFIGURATION:
            return 200, json.dumps(self.configuration()).encode()
        if path == KEYS:
            return 200, json.dumps({"keys": [key.as_dict(private=False) for key in self.keys]}).encode()
        if path == "/token":
            return self.exchange(form, authorization)
        person = self.people.get(authorization.removeprefix("Bearer ")) if path == "/userinfo" else None
        return (200, json.dumps(person).encode()) if person else (401, b"{}")

    def exchange(self, form: dict[str, str], authorization: str) -> tuple[int, bytes]:
        """Exchange a code once, for the client with the secret who shows the verifier of its challenge."""
        self.exchanges.append({**form, "authorization": authorization})
        code = self.codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        secret = form.get("client_secret", "")
        is_client = authorization == f"Basic {basic}" or secret == CLIENT_SECRET
        if self.secret_key is not None:
            is_client = self.is_signed(secret, self.secret_key)
        if code is None or not is_client or challenge != code["code_challenge"]:
            return 400, b'{"error": "invalid_grant"}'
        if form.get("redirect_uri") != code["redirect_uri"]:
            return 400, b'{"error": "invalid_grant"}'
        return 200, json.dumps(code["answer"]).encode()

    def is_signed(self, secret: str, key: ECKey) -> bool:
        """Return whether a client secret is what Apple documents: a token of a team, for a client and this issuer."""
        try:
            token = jwt.decode(secret, key, algorithms=["ES256"])
        except (JoseError, ValueError):
            return False
        claims, now = token.claims, time.time()
        is_right = (claims["iss"], claims["sub"], claims["aud"]) == (TEAM, CLIENT_ID, self.url)
        half_a_year = 15_777_000
        is_now = claims["iat"] <= now + 1 and now < claims["exp"] <= now + half_a_year
        return is_right and is_now and token.header["kid"] == KEY_ID

    def authorize(self, url: str, **claims: Any) -> tuple[str, str]:
        """Be the login page: return the code and the state for what a browser was sent with."""
        query = dict(parse_qsl(urlsplit(url).query))
        code = f"code-{time.time_ns()}"
        claims = {"nonce": query.get("nonce"), **claims}
        token = f"access-{code}"
        self.people[token] = {"id": claims.get("sub", "person-1")}
        self.codes[code] = {
            "code_challenge": query["code_challenge"],
            "redirect_uri": query["redirect_uri"],
            "answer": {"access_token": token, "token_type": "Bearer", "id_token": self.token(**claims)},
        }
        return code, query["state"]


def signed(header: dict[str, Any], claims: dict[str, Any], key: Key) -> str:
    """Return a token with exactly this header, which need not be a right one."""
    plain = {name: value for name, value in header.items() if name in ("alg", "kid", "typ")}
    token = jwt.encode(plain, claims, key, algorithms=[header["alg"]], default_type=None)
    if plain == header:
        return token
    # The library refuses to write some headers: sign what they look like by the key itself.
    from joserfc.jws import JWSRegistry  # noqa: PLC0415 - its algorithms only here

    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=")
    text = head + b"." + token.split(".")[1].encode()
    signature = JWSRegistry.algorithms[header["alg"]].sign(text, key)
    return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


@contextmanager
def identity_provider() -> Iterator[Provider]:
    """Run a provider."""
    provider = Provider()

    def respond(request: Request) -> Reply:
        path = request.path.removeprefix(urlsplit(provider.url).path)
        provider.requests.append(path)
        if provider.waits.is_set():
            provider.release.wait(PATIENCE)
        form = dict(parse_qsl(request.body.decode()))
        status, body = provider.answer(path, form, request.headers.get("authorization", ""))
        return Reply(body, status)

    with http_server(respond) as url:
        # The port may be that of an earlier provider of the same account.
        provider.url = f"{url}/{secrets.token_hex(8)}"
        try:
            yield provider
        finally:
            provider.release.set()
