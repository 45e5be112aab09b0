"""A person of staff in front of the Manage Centre: a browser's cookies and headers, without the browser."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import httpx
import pyotp

from fanfare.kernel.data.db import Db
from fanfare.staff.actions.invitations import invite
from fanfare.staff.actions.sessions import Browser, open_session
from fanfare.staff.schemas.invitations import NewInvitation
from tests.hosted.pages import relative, token_in, visitor

PASSWORD = "correct horse battery staple"
KEY = re.compile(r'id="app-secret"[^>]*>([A-Z2-7]+)<')
COPY = re.compile(r'name="form_copy" value="([^"]+)"')
SEALED = re.compile(r'name="secret" value="([^"]+)"')
COOKIE = "fanfare-staff"


async def invitation_path(db: Db, account_id: int, email: str, role: str = "full", **values: Any) -> str:
    """Return the path of a new invitation."""
    new = NewInvitation(email=email, role=role, **values)
    invitation = await invite(
        db.for_account(account_id), account_id, new, datetime.now(UTC), shows_link=True, is_by_operator=True
    )
    assert invitation.invitation_url
    return relative(invitation.invitation_url)


async def send(client: httpx.AsyncClient, page: str, path: str | None = None, **fields: Any) -> httpx.Response:
    """Open a page and send a form of it, to the page itself or to another path."""
    token = token_in(await client.get(page))
    return await client.post(path or page, data={"form_token": token, **fields})


async def add_person(db: Db, account_id: int, email: str, role: str = "full", **values: Any) -> int:
    """Make a person with a password that is never checked, as a member of an account, and return their id."""
    staff_id = await db.value(
        "insert into staff (email, email_key, staff_name, created_at) values ($1, $1, $1, now())"
        " on conflict (email_key) do update set email = excluded.email returning staff_id",
        email,
    )
    await db.execute(
        "insert into staff_memberships (account_id, staff_id, role, custom_rights, business_ids, created_at)"
        " values ($1, $2, $3, $4, $5, now())",
        account_id,
        staff_id,
        role,
        values.get("custom_rights", {}),
        values.get("business_ids"),
    )
    return int(staff_id)


async def session_cookie(db: Db, staff_id: int, now: datetime | None = None) -> str:
    """Begin a session as a link would, and return the value of its cookie."""
    return await open_session(db, staff_id, "link", Browser("127.0.0.1", "test"), now or datetime.now(UTC))


@asynccontextmanager
async def signed_in(
    base_url: str, db: Db, account_id: int, role: str = "full", email: str = "", **values: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Give the browser of a new person who is signed in."""
    email = email or f"{role}-{account_id}-{datetime.now(UTC).timestamp()}@example.com"
    staff_id = await add_person(db, account_id, email, role, **values)
    async with visitor(base_url) as client:
        client.cookies.set(COOKIE, await session_cookie(db, staff_id), domain=urlsplit(base_url).hostname or "")
        yield client


async def accept(client: httpx.AsyncClient, path: str, name: str = "Jo Castle") -> httpx.Response:
    """Accept an invitation as somebody new."""
    return await send(client, path, name=name, password=PASSWORD)


def copy_in(page: httpx.Response) -> str:
    """Return the form that waits, sealed, in a page that asks who somebody is, or that sends it on."""
    match = COPY.search(page.text)
    assert match, page.text
    return unescape(match[1])


def code_at(app: pyotp.TOTP, now: datetime, step: int = 0) -> str:
    """Return the code of a moment, or of so many steps later."""
    return app.generate_otp(int(now.timestamp()) // 30 + step)


async def set_up_app(client: httpx.AsyncClient, now: datetime | None = None) -> tuple[pyotp.TOTP, list[str]]:
    """Set up an authenticator app, and return it with the recovery codes."""
    page = await client.get("/manage/me/app")
    secret, sealed = KEY.search(page.text), SEALED.search(page.text)
    assert secret, page.text
    assert sealed
    app = pyotp.TOTP(secret[1])
    # The step before: the current code stays for the sign-in.
    fields = {
        "form_token": token_in(page),
        "secret": unescape(sealed[1]),
        "code": code_at(app, now or datetime.now(UTC), -1),
    }
    answer = await client.post("/manage/me/app", data=fields)
    codes = re.findall(r"<li><code>([^<]+)</code>", answer.text)
    assert len(codes) == 10, answer.text
    return app, codes
