"""S8 for logins: no password, code, session, request, token or link reaches a log, an error or a table.

One `fanfare up` with a server and a worker, which log at debug level, and with a PostgreSQL that logs every statement
with its parameters, goes through each step with secrets that occur nowhere else.
"""

import asyncio
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from fanfare.accounts.actions import create_account
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.hosted.logins import SITE, code_in, submit
from tests.hosted.pages import relative, visitor
from tests.kernel.running.test_up import Up, running_up
from tests.messages.gateways import HttpInbox, Mailbox, http_gateway, mail_server
from tests.messages.sending import FROM, login_code, queue
from tests.messages.test_workers import rows_of, until
from tests.openid.provider import (
    authorize,
    get_code,
    get_tokens,
    new_client,
    post_token,
    refresh,
    send_form,
    target_of,
    userinfo,
)
from tests.running import PATIENCE
from tests.sessions.logins import CONNECT

# As curious as PostgreSQL can be: an operator's own server may be.
CURIOUS = {
    "log_statement": "all",
    "log_min_messages": "debug1",
    "log_min_error_statement": "debug1",
    "log_error_verbosity": "verbose",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "-1",
}
PASSWORDS = ("plantedFirst-7Q", "plantedSecond-7Q", "plantedWrong-7Q", "plantedMistaken\0-7Q", "planted7")
RESET_LINK = "https://fans.example.com/reset?token=planted-reset-token"
# What the mail server accepts, as it is and as a URL has it.
MAIL_PASSWORDS = ("pa/ss", "pa%2Fss")
CODE = re.compile(r"\b\d{6}\b")


class Fan:
    """A site with the public key alone, and every secret it has sent or been told."""

    def __init__(self, client: httpx.AsyncClient, keys: dict[str, str]) -> None:
        self.client = client
        self.keys = keys
        self.secrets: set[str] = {keys["Api-Secret"], *MAIL_PASSWORDS, "planted-reset-token"}
        self.secrets |= {part for each in PASSWORDS for part in each.split("\0") if part.startswith("planted")}
        self.refusals: list[str] = []

    async def call(self, method: str, path: str, *, with_secret: bool = False, **options: Any) -> Any:
        """Make a call; keep what it tells that is secret, and a refusal to be looked through."""
        headers = self.keys if with_secret else {"Api-Key": self.keys["Api-Key"]}
        headers = {**headers, **options.pop("headers", {})}
        answer = await self.client.request(method, path, headers=headers, **options)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            self.refusals.append(answer.text)
            return None
        values = answer.json()
        if isinstance(values, dict):
            self.keep(*(values[name] for name in ("session_uid", "request_uid") if values.get(name)))
        return values

    def keep(self, *secrets: str) -> None:
        for each in secrets:
            # A uid in each way it may be written.
            is_uid = re.fullmatch(r"[0-9a-f-]{36}", each) is not None
            self.secrets |= {each, uuid.UUID(each).hex} if is_uid else {each}

    async def connect(self, network: str, **values: Any) -> Any:
        headers = {"Idempotency-Key": str(uuid.uuid4())} if values.pop("is_keyed", False) else {}
        return await self.call("POST", CONNECT, json={"network": network, **values}, headers=headers)


@contextmanager
def curious_up(data_dir: Path, box: Mailbox, inbox: HttpInbox) -> Iterator[Up]:
    environment = {
        "FANFARE_LOG_LEVEL": "debug",
        "FANFARE_SMTP_URL": box.url.replace("127", f"mailer:{MAIL_PASSWORDS[1]}@127", 1),
        "FANFARE_MAIL_FROM": FROM,
        "FANFARE_SMS_URL": f"{inbox.url}/send",
        "FANFARE_OUTGOING_ALLOWED": "127.0.0.0/8",
    }
    with running_up(data_dir, **environment) as up:
        yield up


async def make_curious(db: Db, data_dir: Path) -> None:
    """Let PostgreSQL log everything from now on."""
    await asyncio.to_thread(_write_operator_conf, data_dir)
    await db.value("select pg_reload_conf()")
    log = data_dir / "postgres.log"

    async def is_curious() -> bool:
        # A connection reads the file between two statements, some time after it was told to.
        await db.value("select 'curious'")
        return "select 'curious'" in await asyncio.to_thread(log.read_text)

    await until(is_curious)


def _write_operator_conf(data_dir: Path) -> None:
    (cluster,) = [each.parent for each in data_dir.rglob("postgresql.conf")]
    (cluster / "operator.conf").write_text("".join(f"{name} = '{value}'\n" for name, value in CURIOUS.items()))


async def code_of(box: Mailbox, inbox: HttpInbox, fan: Fan) -> str:
    """Wait for the code that the worker sends, by mail or by SMS."""
    texts: list[str] = []

    async def has_come() -> bool:
        texts[:] = [str(each["subject"]) for each in box.mails] + [body["text"] for _, _, body in inbox.requests]
        return bool(texts)

    await until(has_come)
    box.raw.clear()
    inbox.requests.clear()
    match = CODE.search(texts[-1])
    assert match, texts
    fan.keep(match[0])
    return match[0]


async def log_in(fan: Fan, box: Mailbox, inbox: HttpInbox) -> None:
    """Go through each step, by password and by code, right and wrong."""
    guest = await fan.connect("", is_keyed=True)
    first = await fan.connect(
        "register", email="ada@example.com", password=PASSWORDS[0], session_uid=guest["session_uid"], is_keyed=True
    )
    await fan.connect("register", email="ada@example.com", password=PASSWORDS[0])
    for password in PASSWORDS[2:]:
        for network in ("email", "register"):
            await fan.connect(network, email="ada@example.com", password=password)
    await fan.connect("email", email="ada@example.com", password=[PASSWORDS[2], {"deep": PASSWORDS[1]}])
    second = await fan.connect("email", email="ada@example.com", password=PASSWORDS[0], is_keyed=True)
    for network, contact in (("verify_email", {"email": "ada@example.com"}), ("verify_sms", {"phone": "+16045550155"})):
        request = await fan.connect(network, **contact)
        code = await code_of(box, inbox, fan)
        wrong = f"{(int(code) + 1) % 10**6:06}"
        fan.keep(wrong)
        for attempt in (wrong, f"{code} planted", code):
            answer = {"request_uid": request["request_uid"], "verification_code": attempt}
            await fan.connect("submit_verification_code", **answer, is_keyed=True)
    again = await fan.connect("email", email="ada@example.com", password=PASSWORDS[0])
    await use_sessions(fan, [each["session_uid"] for each in (guest, first, second, again) if each])


async def use_sessions(fan: Fan, uids: list[str]) -> None:
    """Read, change and end sessions, some of which have ended; and name them in places where nobody expects it."""
    for uid in uids:
        await fan.call("GET", f"/api/v1/sessions/{uid}")
        await fan.call("POST", f"/api/v1/sessions/{uid}/fan", json={"password": PASSWORDS[1]})
        await fan.call("GET", f"/api/v1/sessions/{uid}/fan")
        await fan.call("GET", f"/api/v1/sessions/{uid}/points")
        await fan.call("GET", f"/api/v1/sessions/{uid}/nothing")
        await fan.call("GET", f"/api/v1/sessions/{uid}planted/fan")
        await fan.call("GET", "/api/v1/crm/fans/1", with_secret=True, params={"fan_id": uid, "session_uid": uid})
        await fan.call("POST", CONNECT, content=f'{{"session_uid": "{uid}", "password": "{PASSWORDS[0]}"')
        await fan.call("DELETE", f"/api/v1/sessions/{uid}")


async def use_pages(fan: Fan, account_id: int, base_url: str, box: Mailbox) -> None:
    """Log in on our page, exchange its code, and set a password by the link in a mail."""
    await fan.connect("register", email="kim@example.com", password=PASSWORDS[0])
    await fan.call("POST", "/api/v1/manage/redirect_urls", with_secret=True, json={"redirect_url": SITE})
    login = f"/crm/oauth?{urlencode({'account_id': account_id, 'redirect_url': SITE})}"
    async with visitor(base_url) as browser:
        await submit(browser, login, contact="kim@example.com", password=PASSWORDS[2])
        answer = await submit(browser, login, contact="kim@example.com", password=PASSWORDS[0])
        code = code_in(answer)
        fan.keep(code, *browser.cookies.values())
        for attempt in (f"{code}x", code, code):
            body = {"api_secret": fan.keys["Api-Secret"], "account_id": account_id, "redirect_url": SITE}
            await fan.call("POST", "/crm/access_token", with_secret=True, json={**body, "code": attempt})
        await submit(browser, login.replace("/oauth?", "/oauth/forgotten?"), contact="kim@example.com")
        link = await link_of(box)
        fan.keep(parse_qs(urlsplit(link).query)["reset_uid"][0])
        fan.keep("plntd-7")
        for password in ("plntd-7", PASSWORDS[1]):
            await submit(browser, relative(link), password=password)
        assert (await browser.get(relative(link))).status_code == 404
        await submit(browser, login.replace("/oauth?", "/oauth/code?"), contact="+16045550156")
        fan.keep(*browser.cookies.values())
    await use_openid(fan, account_id, base_url)


async def link_of(box: Mailbox) -> str:
    """Wait for the link in a mail."""

    async def has_come() -> bool:
        return bool(box.mails)

    await until(has_come)
    body = box.mails[-1].get_body(("plain",))
    assert body
    box.raw.clear()
    return str(re.findall(r"\S+/crm/reset\?\S+", body.get_content())[0])


async def use_openid(fan: Fan, account_id: int, base_url: str) -> None:
    """Log in at a client, agree, and use, refresh, revoke and misuse what it is issued."""
    api = Api(fan.client, account_id, uuid.UUID(fan.keys["Api-Key"]), fan.keys["Api-Secret"])
    client = await new_client(api, scopes=["openid", "email", "offline_access"])
    scope = {"scope": "openid email offline_access"}
    assert client.secret
    fan.keep(client.secret, client.verifier)
    async with visitor(base_url) as browser:
        login = await browser.get(target_of(await authorize(browser, client, **scope)))
        answer = await send_form(browser, login, contact="kim@example.com", password=PASSWORDS[1])
        assert answer.status_code == 303, answer.text
        tokens = await get_tokens(api, browser, client, **scope)
        fan.keep(*browser.cookies.values())
        code = await get_code(browser, client, **scope)
        fan.keep(code)
        for fields in (client.exchange(code, code_verifier="x" * 43), client.exchange(code), client.exchange(code)):
            await post_token(api, client, fields)
        for token in (tokens["access_token"], f"{tokens['access_token']}x", tokens["refresh_token"]):
            await userinfo(api, client, token)
        renewed = (await refresh(api, client, tokens["refresh_token"])).json()
        await refresh(api, client, tokens["refresh_token"])
        await post_token(api, client, {"token": renewed["access_token"]}, auth=(client.client_id, "planted-client"))
        await api.client.post(f"{client.base}/revoke", data={"token": renewed["access_token"]}, auth=client.basic)
        hint = {"id_token_hint": tokens["id_token"]}
        await browser.get(f"{client.base}/end_session", params=hint)
    for issued in (tokens, renewed):
        fan.keep(*(issued[name] for name in ("access_token", "refresh_token", "id_token")))
    fan.keep("planted-client")


async def send_links(db: Db, account_id: int, box: Mailbox) -> None:
    """Send a link that the mail server refuses while quoting it, and one that leaves."""
    box.replies = {"data": [f"554 I do not like {RESET_LINK}"]}
    for number in range(2):
        values = {"template": "password_reset", "values": {"minutes": 60}, "secrets": {"link": RESET_LINK}}
        await queue(db, account_id, login_code(recipient=f"reset{number}@example.com", **values))

    async def are_done() -> bool:
        statement = "select count(*) from messages where account_id = $1 and message_state in ('queued', 'sending')"
        return not await db.value(statement, account_id)

    await until(are_done)


async def test_no_secret_of_a_login_is_written_anywhere(tmp_path: Path) -> None:
    with (
        mail_server(needs_password=True) as box,
        http_gateway() as inbox,
        curious_up(tmp_path / "data", box, inbox) as up,
    ):
        db = await Db.connect(up.facts["database_url"], size=4)
        await make_curious(db, tmp_path / "data")
        account = await create_account(db, "Northside", datetime.now(UTC), country_code="CA")
        keys = {"Api-Key": str(account.api_key), "Api-Secret": account.api_secret}
        async with httpx.AsyncClient(base_url=up.facts["url"], timeout=PATIENCE) as client:
            fan = Fan(client, keys)
            await log_in(fan, box, inbox)
            await use_pages(fan, account.account_id, up.facts["url"], box)
            await send_links(db, account.account_id, box)
        tables = await rows_of(db)
        answer_count = await db.value("select count(*) from idempotency_keys")
        await db.close()
    assert up.process.poll() is not None
    statements = (tmp_path / "data" / "postgres.log").read_text()
    assert answer_count > 0
    assert "insert into sessions" in statements
    assert '"event": "answered"' in up.errors
    assert len(fan.secrets) > 40
    assert len(fan.refusals) > 15
    places = {"log": up.output + up.errors, "postgres.log": statements}
    places |= {f"refusal {number}": text for number, text in enumerate(fan.refusals)}
    places |= {f"table {number}": text for number, text in enumerate(tables)}
    assert places_of(fan.secrets, places) == []


def places_of(secrets: set[str], places: dict[str, str]) -> list[str]:
    """Return where a secret stands, with what stands before it; a code of six digits only by itself."""
    results = []
    for name, text in places.items():
        for secret in sorted(secrets):
            pattern = rf"(?<![0-9a-fA-F.]){secret}(?![0-9a-fA-F])" if secret.isdigit() else re.escape(secret)
            if match := re.search(pattern, text):
                results.append(f"{secret} in {name}: {text[max(0, match.start() - 120) : match.end() + 20]}")
    return results


def test_a_secret_is_seen() -> None:
    places = {"log": '{"event": "x", "y": "123456"}', "other": "0123456 0.123456"}
    assert [each.split(":")[0] for each in places_of({"123456"}, places)] == ["123456 in log"]
