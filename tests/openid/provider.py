"""A client of an account's provider, and a fan in front of its pages, without a browser."""

import base64
import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.api import Api
from tests.hosted.pages import token_in, visitor
from tests.sessions.logins import registered

CALLBACK = "https://shop.example/callback"
CLIENTS = "/api/v1/manage/openid_clients"
REFRESH = re.compile(r'<meta http-equiv="refresh" content="0; url=([^"]+)">')
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
# What the fields of a form begin with, those to type into and the hidden ones.
INPUT = re.compile(r'<input (?!type="checkbox")[^>]*name="(\w+)"[^>]* value="([^"]*)"')
ACTION = re.compile(r'<form [^>]*action="([^"]+)"')


@dataclass
class Client:
    """What a program knows after it was registered."""

    base: str
    client_id: str
    secret: str | None
    redirect_uri: str = CALLBACK
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def basic(self) -> httpx.Auth:
        return httpx.BasicAuth(self.client_id, self.secret) if self.secret else httpx.Auth()

    def request(self, **changes: Any) -> dict[str, str]:
        """Return the parameters of a request to log in; None leaves one out."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        values = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": "openid profile email",
            "state": "st/ate &?",
            "nonce": "n-1",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in {**values, **changes}.items() if value is not None}

    def exchange(self, code: str, /, **changes: Any) -> dict[str, str]:
        """Return the parameters with which a code is exchanged."""
        values = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            **({} if self.secret else {"client_id": self.client_id}),
        }
        return {name: value for name, value in {**values, **changes}.items() if value is not None}


async def new_client(api: Api, **values: Any) -> Client:
    """Register a client of an account."""
    fields = {"client_name": "Fan shop", "redirect_uris": [CALLBACK], **values}
    client = await api.ok(await api.post(CLIENTS, **fields))
    return Client(
        f"/openid/{api.account_id}", str(client["client_id"]), client["client_secret"], fields["redirect_uris"][0]
    )


def cookie_of(api: Api) -> str:
    return f"fanfare-session-{api.account_id}"


@asynccontextmanager
async def fan_browser(api: Api, session_uid: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Give a browser, in which a fan is logged in if there is a session."""
    cookies = {cookie_of(api): session_uid} if session_uid else {}
    async with visitor(str(api.client.base_url), cookies=cookies) as browser:
        yield browser


async def new_fan(api: Api, **values: Any) -> dict[str, Any]:
    """Return the session of a new fan with a password."""
    email = f"{secrets.token_hex(6)}@example.com"
    return {"email": email, **await registered(api, email, **values)}


def query_of(url: str) -> dict[str, str]:
    """Return the parameters of a URL, each of which is there once."""
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}


def target_of(answer: httpx.Response) -> str:
    """Return where an answer leads: by a redirect, or by a page that leads on by itself."""
    if answer.status_code == 303:
        return answer.headers["location"]
    match = REFRESH.search(answer.text)
    assert match, (answer.status_code, answer.text)
    return unescape(match[1])


async def authorize(browser: httpx.AsyncClient, client: Client, **changes: Any) -> httpx.Response:
    return await browser.get(f"{client.base}/authorize", params=client.request(**changes))


async def send_form(browser: httpx.AsyncClient, page: httpx.Response, **fields: str) -> httpx.Response:
    """Send the form of a page as a browser without JavaScript does, with what is typed, and the button."""
    match = ACTION.search(page.text)
    assert match, page.text
    assert all(f'name="{name}"' in page.text for name in fields), page.text
    first = {name: unescape(value) for name, value in INPUT.findall(page.text)}
    assert first["form_token"] == token_in(page)
    return await browser.post(unescape(match[1]), data={**first, **fields})


async def decide(browser: httpx.AsyncClient, page: httpx.Response, decision: str = "allow") -> httpx.Response:
    """Press a button of the page on which a fan agrees."""
    return await send_form(browser, page, decision=decision)


async def come_back(browser: httpx.AsyncClient, client: Client, **changes: Any) -> dict[str, str]:
    """Log in at a client, agreeing if asked, and return the parameters with which the fan comes back."""
    answer = await authorize(browser, client, **changes)
    location = target_of(answer)
    if urlsplit(location).path.endswith("/continue"):
        page = await browser.get(location)
        assert page.status_code == 200, page.text
        location = target_of(await decide(browser, page))
    assert location.startswith(client.redirect_uri), location
    return query_of(location)


async def get_code(browser: httpx.AsyncClient, client: Client, **changes: Any) -> str:
    return (await come_back(browser, client, **changes))["code"]


async def post_token(api: Api, client: Client, fields: Mapping[str, str], **extra: Any) -> httpx.Response:
    options = {"auth": client.basic, **extra}
    return await api.client.post(f"{client.base}/token", data=fields, **options)


async def get_tokens(api: Api, browser: httpx.AsyncClient, client: Client, **changes: Any) -> dict[str, Any]:
    """Log in at a client, agreeing if asked, and return its tokens."""
    code = await get_code(browser, client, **changes)
    answer = await post_token(api, client, client.exchange(code))
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def userinfo(api: Api, client: Client, access_token: str) -> httpx.Response:
    return await api.client.get(f"{client.base}/userinfo", headers={"Authorization": f"Bearer {access_token}"})


async def refresh(api: Api, client: Client, refresh_token: str, **changes: Any) -> httpx.Response:
    fields = {"grant_type": "refresh_token", "refresh_token": refresh_token, **changes}
    if client.secret is None:
        fields["client_id"] = client.client_id
    return await post_token(api, client, fields)
