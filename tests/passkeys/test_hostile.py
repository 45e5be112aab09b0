"""What is not a passkey's own answer opens nothing and adds nothing, whatever is wrong with it."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import cbor2
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.passkeys.actions import ceremonies
from fanfare.passkeys.actions.challenges import LIFETIME, WrongPasskey
from fanfare.passkeys.queries import RelyingParty
from fanfare.passkeys.schemas.credentials import NewCredentialForm, UsedCredentialForm
from fanfare.sessions.actions import passkeys
from fanfare.sessions.actions.budgets import Budget
from fanfare.sessions.jobs import forget_old_sessions
from tests.api import Api
from tests.conftest import serving
from tests.passkeys.authenticator import (
    ORIGIN,
    PRESENT,
    RP_ID,
    Authenticator,
    b64,
    cose,
    unb64,
)
from tests.passkeys.logins import (
    creation_options,
    fan_with_passkey,
    log_in,
    login_options,
    path,
    try_add,
    try_log_in,
    with_origin,
)
from tests.passkeys.wrong import WRONG_FORMS, WRONG_LOGINS, WRONG_PASSKEY_FORMS, WRONG_PASSKEYS
from tests.sessions.logins import CONNECT, connect, registered, try_connect
from tests.sessions.test_sessions import Watch
from tests.yardstick import cpu_seconds, takes_longer

PARTY = RelyingParty(RP_ID, (ORIGIN,))


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


@pytest.fixture(scope="module", autouse=True)
async def _origins(api: Api, other_api: Api) -> None:
    for each in (api, other_api):
        await with_origin(each)


@pytest.fixture(scope="module")
async def device(api: Api) -> Authenticator:
    return (await fan_with_passkey(api, "target@example.org", Authenticator(is_synced=False)))[1]


@pytest.fixture(scope="module")
async def member(api: Api) -> Any:
    """The session of a fan who gets no passkey."""
    return await registered(api, "member@example.org")


@pytest.fixture
async def both(api: Api, second_url: str) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Clients of two servers on one database."""
    async with httpx.AsyncClient(base_url=second_url, timeout=60) as second:
        yield [api.client, second]


@pytest.mark.parametrize("case", WRONG_LOGINS)
async def test_a_wrong_answer_opens_nothing(api: Api, db: Db, device: Authenticator, case: str) -> None:
    sessions = "select count(*) from sessions where account_id = $1"
    before = await db.value(sessions, api.account_id)
    answer = await try_log_in(api, device, **WRONG_LOGINS[case])
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_passkey"), answer.text
    assert [each["field"] for each in answer.json()["errors"]] == ["credential"]
    assert await db.value(sessions, api.account_id) == before
    # The same device gets in when nothing is wrong.
    assert (await log_in(api, device))["session_uid"]


@pytest.mark.parametrize("case", WRONG_FORMS)
async def test_an_answer_of_another_form_is_not_read(api: Api, device: Authenticator, case: str) -> None:
    answer = await try_log_in(api, device, **WRONG_FORMS[case])
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_parameters"), answer.text
    assert [each["field"] for each in answer.json()["errors"]] == ["credential"]


async def test_a_credential_that_is_none(api: Api) -> None:
    wrong: tuple[Any, ...] = ({}, [], "x", "{}", {"a": 1}, "[" * 5000, 5)
    for credential in wrong:
        answer = await try_connect(api, "passkey", credential=credential)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_parameters"), credential
    assert (await try_connect(api, "passkey")).json()["errors"][0]["field"] == "credential"


async def test_a_challenge_is_of_an_account_and_a_purpose(api: Api, other_api: Api, device: Authenticator) -> None:
    session, other = await fan_with_passkey(api, "purpose@example.org")
    for options in (await login_options(other_api), await creation_options(api, session["session_uid"])):
        credential = device.log_in({"rpId": RP_ID, "challenge": options["challenge"]})
        answer = await try_connect(api, "passkey", credential=credential)
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_passkey")
    creation = await creation_options(api, session["session_uid"])
    for challenge in ((await login_options(api))["challenge"], await _of_another_session(api)):
        credential = Authenticator().register({**creation, "challenge": challenge})
        answer = await api.public_post(path(session["session_uid"]), credential=credential)
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_passkey")
    assert (await log_in(api, other))["fan_id"] == session["fan_id"]


async def _of_another_session(api: Api) -> str:
    session = await registered(api, f"{uuid.uuid4()}@example.org")
    challenge: str = (await creation_options(api, session["session_uid"]))["challenge"]
    return challenge


async def test_a_passkey_of_another_account_is_unknown(other_api: Api, device: Authenticator) -> None:
    answer = await try_connect(other_api, "passkey", credential=device.log_in(await login_options(other_api)))
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_passkey")


async def test_the_passkey_of_another_fan_opens_only_its_own(api: Api, device: Authenticator) -> None:
    """An id of one and the signature of another."""
    session, other = await fan_with_passkey(api, "someone@example.org")
    answer = await try_log_in(api, device, credential_id=other.credential_id, handle=other.handle)
    assert answer.status_code == 422
    assert (await log_in(api, other))["fan_id"] == session["fan_id"]


async def test_an_answer_works_once(api: Api, device: Authenticator) -> None:
    credential = device.log_in(await login_options(api))
    assert (await connect(api, "passkey", credential=credential))["session_uid"]
    answer = await try_connect(api, "passkey", credential=credential)
    assert "answered already" in answer.json()["detail"]
    # Nor does its challenge, with the next count.
    options = {"rpId": RP_ID, "challenge": _challenge(credential)}
    assert (await try_connect(api, "passkey", credential=device.log_in(options))).status_code == 422


def _challenge(credential: dict[str, Any]) -> str:
    challenge: str = json.loads(unb64(credential["response"]["clientDataJSON"]))["challenge"]
    return challenge


async def test_a_failed_answer_uses_its_challenge_up(api: Api, device: Authenticator) -> None:
    options = await login_options(api)
    assert (await try_connect(api, "passkey", credential=device.log_in(options, flags=PRESENT))).status_code == 422
    answer = await try_connect(api, "passkey", credential=device.log_in(options))
    assert "answered already" in answer.json()["detail"]
    session = await registered(api, "spent@example.org")
    creation = await creation_options(api, session["session_uid"])
    for wrong in ({"flags": PRESENT}, {}):
        credential = Authenticator().register(creation, **wrong)
        assert (await api.public_post(path(session["session_uid"]), credential=credential)).status_code == 422


async def test_of_many_answers_to_one_challenge_one_wins(
    api: Api, both: list[httpx.AsyncClient], device: Authenticator
) -> None:
    """At once, at two servers; each with a count of its own, so that the challenge alone decides."""
    options, key = await login_options(api), {"Api-Key": api.keys["Api-Key"]}
    credentials = [device.log_in(options) for _ in range(12)]
    answers = await asyncio.gather(
        *(
            both[number % 2].post(CONNECT, json={"network": "passkey", "credential": credential}, headers=key)
            for number, credential in enumerate(credentials)
        )
    )
    assert sorted(each.status_code for each in answers) == [200] + [422] * 11
    session = await registered(api, "race@example.org")
    creation = await creation_options(api, session["session_uid"])
    new = [Authenticator().register(creation) for _ in range(12)]
    answers = await asyncio.gather(
        *(
            both[number % 2].post(path(session["session_uid"]), json={"credential": credential}, headers=key)
            for number, credential in enumerate(new)
        )
    )
    assert sorted(each.status_code for each in answers) == [200] + [422] * 11


async def test_a_copied_device_is_refused(api: Api, device: Authenticator) -> None:
    await log_in(api, device)
    for count in (device.sign_count, device.sign_count - 1, 0):
        answer = await try_log_in(api, device, sign_count=count)
        assert answer.status_code == 422, count
        assert "counter went back" in answer.json()["detail"]
    assert (await log_in(api, device))["session_uid"]


async def test_of_two_copies_that_answer_at_once_one_gets_in(
    api: Api, both: list[httpx.AsyncClient], device: Authenticator
) -> None:
    await log_in(api, device)
    count = device.sign_count + 1
    credentials = [device.log_in(await login_options(api), sign_count=count) for _ in range(8)]
    key = {"Api-Key": api.keys["Api-Key"]}
    answers = await asyncio.gather(
        *(
            both[number % 2].post(CONNECT, json={"network": "passkey", "credential": credential}, headers=key)
            for number, credential in enumerate(credentials)
        )
    )
    assert sorted(each.status_code for each in answers) == [200] + [422] * 7


async def test_a_challenge_lasts_five_minutes(api: Api, db: Db, device: Authenticator, watch: Watch) -> None:
    session = await registered(api, "late@example.org")
    creation = [await creation_options(api, session["session_uid"]) for _ in range(2)]
    options = [await login_options(api) for _ in range(2)]
    new = Authenticator()
    watch.now += LIFETIME - timedelta(seconds=1)
    assert (await try_connect(api, "passkey", credential=device.log_in(options[0]))).status_code == 200
    added = await api.public_post(path(session["session_uid"]), credential=new.register(creation[0]))
    assert added.status_code == 200
    watch.now += timedelta(seconds=1)
    for answer in (
        await try_connect(api, "passkey", credential=device.log_in(options[1])),
        await api.public_post(path(session["session_uid"]), credential=Authenticator().register(creation[1])),
    ):
        assert answer.status_code == 422
        assert "expired" in answer.json()["detail"]
    # What is kept of answered ones goes when they would have expired.
    rows = "select count(*) from answered_challenges where account_id = $1 and expires_at <= $2"
    assert await db.value(rows, api.account_id, watch.now) > 0
    await forget_old_sessions(db, api.account_id, watch.now)
    assert await db.value(rows, api.account_id, watch.now) == 0


@pytest.mark.parametrize("case", WRONG_PASSKEYS)
async def test_a_wrong_passkey_is_not_added(api: Api, db: Db, member: Any, case: str) -> None:
    answer = await try_add(api, member["session_uid"], Authenticator(), **WRONG_PASSKEYS[case])
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_passkey"), answer.text
    assert await db.value("select count(*) from passkeys where fan_id = $1", member["fan_id"]) == 0


@pytest.mark.parametrize("case", WRONG_PASSKEY_FORMS)
async def test_a_passkey_of_another_form_is_not_read(api: Api, member: Any, case: str) -> None:
    answer = await try_add(api, member["session_uid"], Authenticator(), **WRONG_PASSKEY_FORMS[case])
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_parameters"), answer.text


async def test_unknown_ways_of_reaching_a_device_are_left_out(api: Api, db: Db) -> None:
    session = await registered(api, "ways@example.org")
    response = {"response": {"transports": ["usb", "telepathy"]}}
    assert (await try_add(api, session["session_uid"], Authenticator(), **response)).status_code == 200
    assert await db.value("select transports from passkeys where fan_id = $1", session["fan_id"]) == ["usb"]


@pytest.mark.parametrize("case", ["a key that refers to itself", "extensions that refer to themselves", "a deep key"])
def test_what_is_made_up_is_refused_at_once(case: str) -> None:
    """A few hundred bytes that refer to themselves would be unfolded to gigabytes."""
    options = {"user": {"id": "AA"}, "challenge": "AA", "rp": {"id": RP_ID}}
    credential = Authenticator().register(options, **WRONG_PASSKEYS[case])

    def verify() -> None:
        with pytest.raises(WrongPasskey):
            ceremonies.verify_new(NewCredentialForm().decode(credential), PARTY)

    assert not takes_longer(5, lambda: cpu_seconds(verify))


def test_the_largest_key_takes_no_time_to_verify() -> None:
    key = rsa.generate_private_key(65537, 4096)
    device = Authenticator()
    device.key = key
    options = {"rpId": RP_ID, "challenge": b64(b"x" * 300)}
    device.handle = b"x" * 32
    credential = device.log_in(options)

    def verify() -> None:
        ceremonies.verify_used(UsedCredentialForm().decode(credential), PARTY, cbor2.dumps(cose(key)))

    verify()
    assert not takes_longer(5, lambda: cpu_seconds(verify))


async def test_failures_end_and_right_answers_use_nothing_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passkeys, "PASSKEYS", Budget("few passkeys", 5, timedelta(days=1)))
    monkeypatch.setattr(passkeys, "FAILURES", Budget("few failures", 8, timedelta(hours=1)))
    session, device = await fan_with_passkey(api, "budget@example.org")
    for _ in range(8):
        assert (await log_in(api, device))["fan_id"] == session["fan_id"]
    options = [await login_options(api) for _ in range(12)]
    credentials = [device.log_in(each, flags=PRESENT) for each in options]
    answers = await asyncio.gather(*(try_connect(api, "passkey", credential=each) for each in credentials))
    assert sorted(each.status_code for each in answers) == [422] * 5 + [429] * 7
    assert (await try_log_in(api, device)).status_code == 429
    # Another passkey from the same address has the rest.
    _, other = await fan_with_passkey(api, "budget2@example.org")
    statuses = [(await try_log_in(api, other, flags=PRESENT)).status_code for _ in range(4)]
    assert statuses == [422] * 3 + [429]
