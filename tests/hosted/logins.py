"""A fan at the login page of a site."""

from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from fanfare.hosted.actions.password_resets import answer_request
from fanfare.kernel.data.db import Db
from fanfare.messages.actions.delivery import deliver
from tests.api import Answer, Api
from tests.hosted.pages import terms_in, token_in
from tests.messages.gateways import Mailbox

SITE = "https://www.northside.example/login"


async def register_site(api: Api, url: str = SITE, **values: Any) -> int:
    """Let the login page lead back to a site."""
    saved = await api.ok(await api.post("/api/v1/manage/redirect_urls", redirect_url=url, **values))
    redirect_url_id: int = saved["redirect_url_id"]
    return redirect_url_id


def login_url(api: Api, path: str = "/crm/oauth", **query: Any) -> str:
    """Return the address of the login page, as the site links it."""
    return f"{path}?{urlencode({'account_id': api.account_id, 'redirect_url': SITE, **query})}"


async def submit(client: httpx.AsyncClient, url: str, path: str | None = None, **fields: Any) -> httpx.Response:
    """Open a page and send its form, to the page itself or to another path with the same query."""
    page = await client.get(url)
    target = url if path is None else f"{path}?{urlsplit(url).query}"
    return await client.post(target, data={"form_token": token_in(page), **terms_in(page), **fields})


def code_in(answer: httpx.Response) -> str:
    """Return the code with which the page leads back to the site."""
    assert answer.status_code == 303, answer.text
    (code,) = parse_qs(urlsplit(answer.headers["location"]).query)["code"]
    return code


async def exchange(api: Api, code: str, **values: Any) -> Answer:
    """Exchange a code as a site does: with the secret alone."""
    fields = {"account_id": api.account_id, "redirect_url": SITE, "code": code, **values}
    return await api.client.post("/crm/access_token", json={"api_secret": api.keys["Api-Secret"], **fields})


async def mails(db: Db, api: Api, mailbox: Mailbox, now: datetime | None = None) -> list[EmailMessage]:
    """Let links that were asked for be sent and the messages of an account leave, and return the mails among them."""
    requests = await db.rows("select reset_request_uid from reset_requests where account_id = $1", api.account_id)
    now = now or datetime.now(UTC)
    for row in requests:
        await answer_request(db.for_account(api.account_id), api.account_id, row["reset_request_uid"], now)
    rows = await db.rows(
        "select message_id from messages where account_id = $1 and message_state = 'queued' order by message_id",
        api.account_id,
    )
    mailbox.raw.clear()
    for row in rows:
        await deliver(db.for_account(api.account_id), api.account_id, row["message_id"], now)
    return mailbox.mails
