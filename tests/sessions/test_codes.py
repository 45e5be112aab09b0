"""S6: codes by mail and SMS are valid for minutes, once, for five tries, for whoever asked; messages are rationed."""

import asyncio
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.messages.actions.delivery import deliver
from fanfare.sessions.actions import budgets
from fanfare.sessions.actions.budgets import Attempt
from tests.api import Answer, Api, new_api
from tests.conftest import serving
from tests.messages.gateways import HttpInbox, Mailbox
from tests.passkeys.authenticator import Authenticator
from tests.passkeys.logins import add, fan_with_passkey, log_in, try_log_in, with_origin
from tests.running import PATIENCE
from tests.sessions.logins import CONNECT, PASSWORD, connect, fan_of, registered, try_connect, writes_held
from tests.sessions.test_sessions import Watch

Gateways = tuple[Mailbox, HttpInbox]


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="module")
def base_url(settings: Settings, watch: Watch) -> Iterator[str]:
    with serving(settings, watch) as url:
        yield url


@pytest.fixture(scope="module")
def second_url(settings: Settings, watch: Watch) -> Iterator[str]:
    with serving(settings, watch) as url:
        yield url


async def code_to(db: Db, api: Api, gateways: Gateways, watch: Watch) -> str:
    """Let the messages leave and return the code in the last one."""
    rows = await db.rows(
        "select message_id from messages where account_id = $1 and message_state = 'queued' order by message_id",
        api.account_id,
    )
    for row in rows:
        await deliver(db.for_account(api.account_id), api.account_id, row["message_id"], watch.now)
    mailbox, inbox = gateways
    texts = [str(each["subject"]) for each in mailbox.mails] + [body["text"] for _, _, body in inbox.requests]
    mailbox.raw.clear()
    inbox.requests.clear()
    match = re.search(r"\b\d{6}\b", texts[-1])
    assert match, texts
    return match[0]


async def submit(api: Api, request: Any, code: str, **values: Any) -> Answer:
    return await try_connect(
        api, "submit_verification_code", request_uid=request["request_uid"], verification_code=code, **values
    )


def other(code: str, number: int = 1) -> str:
    return f"{(int(code) + number) % 10**6:06}"


async def test_a_code_by_mail_logs_in(api: Api, db: Db, gateways: Gateways, watch: Watch) -> None:
    session = await registered(api, "Ada@example.com")
    request = await connect(api, "verify_email", email="ada@example.com")
    assert set(request) == {"request_uid"}
    code = await code_to(db, api, gateways, watch)
    login = await api.ok(await submit(api, request, code, session_uid=session["session_uid"]))
    assert login["fan_id"] == session["fan_id"]
    fan = await api.ok(await api.get(f"/api/v1/crm/fans/{session['fan_id']}"))
    assert (fan["is_confirmed"], fan["is_phone_confirmed"]) == (True, False)
    # Who was in keeps the password.
    assert (await connect(api, "email", email="ada@example.com", password=PASSWORD))["session_uid"]


async def test_whoever_registered_an_address_before_its_owner_has_no_passkey_left(
    api: Api, db: Db, gateways: Gateways, watch: Watch
) -> None:
    await with_origin(api)
    session, device = await fan_with_passkey(api, "stolen@example.com")
    mine = Authenticator()
    for number in range(2):
        watch.now += timedelta(minutes=1)
        request = await connect(api, "verify_email", email="stolen@example.com")
        entered = await api.ok(await submit(api, request, await code_to(db, api, gateways, watch)))
        assert entered["fan_id"] == session["fan_id"]
        assert (await try_log_in(api, device)).status_code == 422
        if number == 0:
            await add(api, entered["session_uid"], mine)
    # The second code ends nothing: the address was confirmed before the passkey was added.
    assert (await log_in(api, mine))["fan_id"] == session["fan_id"]


async def test_a_code_by_sms_makes_a_fan(api: Api, db: Db, gateways: Gateways, watch: Watch) -> None:
    request = await connect(api, "verify_sms", phone="604 555 0123")
    code = await code_to(db, api, gateways, watch)
    login = await api.ok(await submit(api, request, f"{code[:3]} {code[3:]}", first_name="Bo"))
    fan = await api.ok(await fan_of(api, login["session_uid"]))
    assert (fan["phone"], fan["first_name"]) == ("+16045550123", "Bo")
    fan = await api.ok(await api.get(f"/api/v1/crm/fans/{login['fan_id']}"))
    assert (fan["is_confirmed"], fan["is_phone_confirmed"]) == (False, True)


async def test_asking_tells_nothing_of_who_is_a_fan(api: Api, gateways: Gateways) -> None:
    await registered(api, "known@example.com")
    answers = [await try_connect(api, "verify_email", email=f"{name}@example.com") for name in ("known", "unknown")]
    assert [each.status_code for each in answers] == [200, 200]
    assert {tuple(each.json()) for each in answers} == {("request_uid",)}
    assert gateways[0].raw == []


async def test_a_code_works_once(api: Api, db: Db, gateways: Gateways, watch: Watch) -> None:
    request = await connect(api, "verify_email", email="once@example.com")
    code = await code_to(db, api, gateways, watch)
    # Each is counted as a try, and then waits before the code is used up.
    async with writes_held(db, "attempts", 4):
        tasks = [asyncio.create_task(submit(api, request, code)) for _ in range(4)]
    answers = await asyncio.gather(*tasks)
    assert sorted(each.status_code for each in answers) == [200, 422, 422, 422]
    assert {each.json()["code"] for each in answers if each.status_code == 422} == {"wrong_code"}
    assert (await submit(api, request, code)).status_code == 422
    count = "select count(*) from fans where account_id = $1 and email = 'once@example.com'"
    assert await db.value(count, api.account_id) == 1


async def test_the_sixth_try_fails_even_when_it_is_right(
    api: Api, db: Db, gateways: Gateways, watch: Watch, second_url: str
) -> None:
    """Five tries are five, however many are made at once and at whichever server."""
    request = await connect(api, "verify_email", email="tries@example.com")
    code = await code_to(db, api, gateways, watch)
    async with httpx.AsyncClient(base_url=second_url, timeout=PATIENCE) as second:

        async def guess(number: int) -> Answer:
            values = {
                "network": "submit_verification_code", "request_uid": request["request_uid"],
                "verification_code": other(code, number + 1),
            }  # fmt: skip
            client = (api.client, second)[number % 2]
            return await client.post(CONNECT, json=values, headers={"Api-Key": api.keys["Api-Key"]})

        answers = await asyncio.gather(*(guess(number) for number in range(40)))
    fields = [each.json()["errors"][0]["field"] for each in answers]
    assert {each.json()["code"] for each in answers} == {"wrong_code"}
    assert (fields.count("verification_code"), fields.count("request_uid")) == (5, 35)
    assert (await submit(api, request, code)).json()["errors"][0]["field"] == "request_uid"
    assert await db.value("select count(*) from fans where email = 'tries@example.com'") == 0
    attempt = Attempt(budgets.CODES, "email tries@example.com")
    used = "select used from attempts where budget = 'codes' and subject_hash = $1"
    assert await db.value(used, attempt.subject_hash) == 5


async def test_a_code_expires(api: Api, db: Db, gateways: Gateways, watch: Watch) -> None:
    early = await connect(api, "verify_email", email="early@example.com")
    code = await code_to(db, api, gateways, watch)
    watch.now += timedelta(minutes=9, seconds=59)
    assert (await submit(api, early, code)).status_code == 200
    late = await connect(api, "verify_email", email="late@example.com")
    code = await code_to(db, api, gateways, watch)
    watch.now += timedelta(minutes=10)
    assert (await submit(api, late, code)).json()["errors"][0]["field"] == "request_uid"


async def test_a_code_is_bound_to_its_request_and_account(
    base_url: str, api: Api, db: Db, gateways: Gateways, watch: Watch
) -> None:
    request = await connect(api, "verify_email", email="bound@example.com")
    code = await code_to(db, api, gateways, watch)
    second = await connect(api, "verify_email", email="second@example.com")
    second_code = await code_to(db, api, gateways, watch)
    if second_code != code:
        assert (await submit(api, second, code)).json()["errors"][0]["field"] == "verification_code"
    async with new_api(base_url, db, "Southside") as foreign:
        theirs = await submit(foreign, request, code)
        nobodys = await submit(foreign, {"request_uid": str(uuid.uuid4())}, code)
        assert theirs.json()["errors"] == nobodys.json()["errors"]
    assert (await submit(api, request, code)).status_code == 200


async def test_messages_are_rationed(
    other_api: Api, gateways: Gateways, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(email: str, **headers: str) -> Answer:
        values = {"network": "verify_email", "email": email}
        return await other_api.client.post(CONNECT, json=values, headers={**other_api.keys, **headers})

    assert [(await ask("pause@example.com")).status_code for _ in range(2)] == [200, 429]
    assert (await ask("PAUSE@example.com")).headers["Retry-After"] in {str(seconds) for seconds in range(1, 32)}
    statuses = []
    for _ in range(12):
        watch.now += timedelta(seconds=31)
        statuses.append((await ask("pause@example.com")).status_code)
    assert statuses == [200] * 9 + [429] * 3
    watch.now += timedelta(days=1)
    assert (await ask("pause@example.com")).status_code == 200
    answers = await asyncio.gather(
        *(ask(f"many{number}@example.com", **{"X-Forwarded-For": "192.0.2.9"}) for number in range(105))
    )
    assert sorted(each.status_code for each in answers) == [200] * 100 + [429] * 5
    assert (await ask("many105@example.com", **{"X-Forwarded-For": "192.0.2.10"})).status_code == 200
    assert len(gateways[0].raw) == 0
    account = budgets.Budget(budgets.ACCOUNT_MESSAGES.name, 1, timedelta(days=1))
    monkeypatch.setattr("fanfare.sessions.actions.codes.ACCOUNT_MESSAGES", account)
    assert (await ask("one.more@example.com")).status_code == 429


async def test_what_is_refused_sends_nothing(api: Api, db: Db) -> None:
    count = "select count(*) from messages where account_id = $1"
    before = await db.value(count, api.account_id)
    wrong = [
        await try_connect(api, "verify_email", email="nonsense"),
        await try_connect(api, "verify_email"),
        await try_connect(api, "verify_sms", phone="12"),
        await try_connect(api, "submit_verification_code"),
        await try_connect(api, "submit_verification_code", request_uid="1", verification_code="1"),
    ]
    named = [{each["field"] for each in answer.json()["errors"]} for answer in wrong]
    assert named == [{"email"}, {"email"}, {"phone"}, {"request_uid", "verification_code"}, {"request_uid"}]
    assert await db.value(count, api.account_id) == before


async def test_who_registered_anothers_address_is_out_when_its_owner_comes(
    api: Api, db: Db, gateways: Gateways, watch: Watch
) -> None:
    squatter = await registered(api, "victim@example.com", first_name="Eve")
    request = await connect(api, "verify_email", email="victim@example.com")
    code = await code_to(db, api, gateways, watch)
    owner = await api.ok(await submit(api, request, code))
    assert owner["fan_id"] == squatter["fan_id"]
    assert (await fan_of(api, squatter["session_uid"])).status_code == 404
    assert (await try_connect(api, "email", email="victim@example.com", password=PASSWORD)).status_code == 422
    # Once it is confirmed, a code more ends nothing.
    watch.now += timedelta(minutes=1)
    request = await connect(api, "verify_email", email="victim@example.com")
    again = await api.ok(await submit(api, request, await code_to(db, api, gateways, watch)))
    assert [(await fan_of(api, each["session_uid"])).status_code for each in (owner, again)] == [200, 200]


async def test_terms_leave_the_code_usable(base_url: str, db: Db, gateways: Gateways, watch: Watch) -> None:
    async with new_api(base_url, db) as api:
        await api.ok(await api.post("/api/v1/manage/businesses", business_name="One", legal_terms="Be kind."))
        request = await connect(api, "verify_email", email="terms@example.com")
        code = await code_to(db, api, gateways, watch)
        for _ in range(7):
            assert (await api.ok(await submit(api, request, code)))["status"] == "terms_required"
        assert (await api.ok(await submit(api, request, code, is_accepted=True)))["session_uid"]


async def test_a_guest_becomes_the_fan_of_the_code(api: Api, db: Db, gateways: Gateways, watch: Watch) -> None:
    guest = await connect(api)
    request = await connect(api, "verify_email", email="guest@example.com")
    code = await code_to(db, api, gateways, watch)
    login = await api.ok(await submit(api, request, code, session_uid=guest["session_uid"]))
    assert login["fan_id"] == guest["fan_id"]


async def test_neither_code_nor_request_is_stored(api: Api, db: Db, gateways: Gateways, watch: Watch) -> None:
    request = await connect(api, "verify_email", email="stored@example.com")
    code = await code_to(db, api, gateways, watch)
    assert (await submit(api, request, other(code))).status_code == 422
    tables = await db.rows("select table_name from information_schema.tables where table_schema = 'public'")
    for name in (row["table_name"] for row in tables):
        rows = await db.rows(
            f"select t::text as row from {name} t where t::text like $1", f"%{request['request_uid']}%"
        )
        assert rows == [], name
    texts = [
        str(dict(row))
        for name in ("messages", "verifications", "changes")
        for row in await db.rows(f"select * from {name}")
    ]
    matches = [text for text in texts if re.search(rf"(?<!\d){code}(?!\d)", text)]
    assert matches == []


async def test_an_erasure_deletes_codes_on_their_way(api: Api, db: Db, gateways: Gateways, watch: Watch) -> None:
    session = await registered(api, "gone@example.com")
    request = await connect(api, "verify_email", email="gone@example.com")
    code = await code_to(db, api, gateways, watch)
    await api.ok(await api.delete(f"/api/v1/crm/fans/{session['fan_id']}"))
    assert (await submit(api, request, code)).status_code == 422
    count = "select count(*) from verifications where account_id = $1 and identifier_value = 'gone@example.com'"
    assert await db.value(count, api.account_id) == 0
