"""Fans log in: as guests, by registering, by password; what is refused, and what nobody learns."""

import asyncio
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from argon2 import PasswordHasher

from fanfare.fans.actions import passwords
from fanfare.kernel.data.db import Db
from fanfare.sessions.actions import password_checks
from tests.api import Api, new_api
from tests.sessions.logins import CONNECT, PASSWORD, change, connect, fan_of, registered, try_connect

SESSION_FIELDS = {"session_uid", "fan_id", "account_id", "props", "expiration_timestamp"}


async def test_a_guest_has_a_session_and_a_fan(api: Api) -> None:
    session = await connect(api)
    assert set(session) == SESSION_FIELDS
    assert session["account_id"] == api.account_id
    assert session["expiration_timestamp"] > datetime.now(UTC).timestamp()
    fan = await api.ok(await fan_of(api, session["session_uid"]))
    assert fan["fan_id"] == session["fan_id"]
    assert "email" not in fan
    assert await api.ok(await api.public_get(f"/api/v1/sessions/{session['session_uid']}")) == session


async def test_a_fan_registers_and_logs_in_by_either_network(api: Api) -> None:
    session = await registered(api, "Ada@Example.com", first_name="Ada", phone="604 555 0123")
    assert set(session) == SESSION_FIELDS
    for values in (
        {"network": "email", "email": "ada@example.com"},
        {"network": "password", "email": "ADA@EXAMPLE.COM"},
        {"network": "password", "phone": "+1 604 555 0123"},
        {"network": "phone", "phone": "(604) 555-0123"},
    ):
        login = await connect(api, password=PASSWORD, **values)
        assert login["fan_id"] == session["fan_id"], values
        assert login["session_uid"] != session["session_uid"]
    fan = await api.ok(await fan_of(api, session["session_uid"]))
    assert (fan["email"], fan["first_name"], fan["phone"]) == ("Ada@example.com", "Ada", "+16045550123")


async def test_the_secret_alone_may_log_in(api: Api) -> None:
    session = await registered(api, "server@example.com")
    login = await api.ok(await api.post(CONNECT, network="email", email="server@example.com", password=PASSWORD))
    assert login["fan_id"] == session["fan_id"]


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"network": "email", "email": "known@example.com"}, "login"),
        ({"network": "email", "email": "KNOWN@example.com"}, "login"),
        ({"network": "phone", "phone": "+16045550177"}, "login"),
        ({"network": "email", "email": "nobody@example.com"}, "register"),
        ({"network": "phone", "phone": "+16045550178"}, "register"),
    ],
)
async def test_an_existence_check_says_what_is_next(api: Api, values: dict[str, str], status: str) -> None:
    await api.ok(await api.post("/api/v1/crm/fans", email="known@example.com", phone="+16045550177"))
    assert await connect(api, **values) == {"status": status}


async def test_a_step_is_about_the_contact_that_its_network_names(api: Api) -> None:
    """A form may send both fields; the other one can be anybody's."""
    by_email = await registered(api, "both-fields@example.com")
    by_phone = await connect(api, "register", phone="+16045550165", password=PASSWORD)
    both = {"email": "both-fields@example.com", "phone": "+16045550165", "password": PASSWORD}
    for network, session in (("email", by_email), ("phone", by_phone), ("password", by_email)):
        assert (await connect(api, network, **both))["fan_id"] == session["fan_id"], network
    new = {"email": "both-fields@example.com", "phone": "+16045550166"}
    assert await connect(api, "phone", **new) == {"status": "register"}


async def test_nobody_takes_over_a_fan_by_registering(api: Api, db: Db) -> None:
    """The box office knows her; whoever types her address into a form gets nothing of hers."""
    fields = {"email": "bea@example.com", "phone": "+16045550188", "first_name": "Bea"}
    bea = (await api.ok(await api.post("/api/v1/crm/fans", **fields)))["fan_id"]
    before = await api.ok(await api.get(f"/api/v1/crm/fans/{bea}"))
    for values in ({"email": "bea@example.com"}, {"phone": "+16045550188"}, {"email": "BEA@example.com"}):
        assert await connect(api, "register", password="mine instead", first_name="Eve", **values) == {
            "status": "login"
        }
    refused = await try_connect(api, "register", email="eve@example.com", phone="+16045550188", password=PASSWORD)
    assert (refused.status_code, refused.json()["code"]) == (409, "phone_taken")
    assert await api.ok(await api.get(f"/api/v1/crm/fans/{bea}")) == before
    assert (
        await db.value("select count(*) from sessions where account_id = $1 and fan_id = $2", api.account_id, bea) == 0
    )
    wrong = await try_connect(api, "email", email="bea@example.com", password="mine instead")
    assert wrong.json()["code"] == "wrong_login"


async def test_a_wrong_login_does_not_say_what_is_wrong(api: Api) -> None:
    await registered(api, "cleo@example.com")
    await api.ok(await api.post("/api/v1/crm/fans", email="imported@example.com"))
    answers = [
        await try_connect(api, "email", email=email, password="not the right one")
        for email in ("cleo@example.com", "nobody-at-all@example.com", "imported@example.com")
    ]
    assert {answer.status_code for answer in answers} == {422}
    bodies = [{name: value for name, value in answer.json().items() if name != "request_id"} for answer in answers]
    assert bodies[0] == bodies[1] == bodies[2]
    assert [each["field"] for each in bodies[0]["errors"]] == ["password"]


async def test_who_has_no_password_is_refused_by_as_much_work(monkeypatch: pytest.MonkeyPatch, api: Api) -> None:
    """S7: the time of a refusal does not tell who is a fan: the password is hashed for nobody too."""
    hashes: list[str] = []
    hasher = PasswordHasher()

    class Counting:
        def verify(self, password_hash: str, password: str) -> bool:
            hashes.append(password_hash)
            return hasher.verify(password_hash, password)

    monkeypatch.setattr(passwords, "_hasher", Counting)
    await try_connect(api, "email", email="nobody-here@example.com", password="whatever it is")
    assert hashes == [passwords.NOBODYS]
    assert f"m={passwords.MEMORY_KIB},t={passwords.PASSES}" in passwords.NOBODYS


async def test_a_password_replaced_while_it_is_verified_opens_no_session(
    monkeypatch: pytest.MonkeyPatch, api: Api
) -> None:
    """Who sets a new password ends the sessions of the old one, also that of a login under way."""
    first = await registered(api, "under-way@example.com")
    verified, replaced = threading.Event(), threading.Event()

    async def slow(account_id: int, password_hash: str | None, password: str) -> bool:
        is_right = await passwords.is_password(account_id, password_hash, password)
        verified.set()
        await asyncio.to_thread(replaced.wait, 30)
        return is_right

    monkeypatch.setattr(password_checks, "is_password", slow)
    login = asyncio.create_task(try_connect(api, "email", email="under-way@example.com", password=PASSWORD))
    assert await asyncio.to_thread(verified.wait, 30)
    await api.ok(await change(api, first["session_uid"], password="another password"))
    replaced.set()
    assert (await login).json()["code"] == "wrong_login"
    sessions = await api.ok(await api.get(f"/api/v1/manage/fans/{first['fan_id']}/sessions"))
    assert [row["login_method"] for row in sessions] == ["register"]


async def test_every_wrong_field_is_named(api: Api) -> None:
    await api.ok(await api.post("/api/v1/manage/businesses", business_name="One"))
    answer = await try_connect(
        api, "register", email="nonsense", phone="12", password="short", business_id=10**12, page_tab_id=10**12,
        device_network="nokia",
    )  # fmt: skip
    assert answer.status_code == 422
    named = {each["field"] for each in answer.json()["errors"]}
    assert named == {"email", "phone", "password", "business_id", "page_tab_id", "device_network"}


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"network": "carrier pigeon"}, {"network"}),
        ({"network": "register"}, {"email"}),
        ({"network": "email"}, {"email"}),
        ({"network": "phone"}, {"phone"}),
        ({"network": "password"}, {"email", "password"}),
        ({"network": "register", "email": "a@example.com", "password": "a@example.com"}, {"password"}),
    ],
)
async def test_a_step_names_what_it_lacks(api: Api, db: Db, values: dict[str, Any], fields: set[str]) -> None:
    before = await db.value("select count(*) from fans where account_id = $1", api.account_id)
    answer = await try_connect(api, **values)
    assert answer.status_code == 422
    assert {each["field"] for each in answer.json()["errors"]} == fields
    assert await db.value("select count(*) from fans where account_id = $1", api.account_id) == before


async def test_a_business_must_be_named_where_there_are_several(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api:
        assert (await connect(api))["session_uid"]
        first = await api.ok(await api.post("/api/v1/manage/businesses", business_name="First"))
        assert (await connect(api))["session_uid"]
        await api.ok(await api.post("/api/v1/manage/businesses", business_name="Second"))
        assert [each["field"] for each in (await try_connect(api)).json()["errors"]] == ["business_id"]
        assert (await connect(api, business_id=first["business_id"]))["session_uid"]


async def test_terms_are_accepted_once_for_each_wording(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api:
        session = await registered(api, "dora@example.com")
        business = await api.ok(
            await api.post("/api/v1/manage/businesses", business_name="Northside", legal_terms="Be kind.")
        )
        needed = {"status": "terms_required", "legal_terms": "Be kind.", "legal_privacy": None, **business}
        login = {"network": "email", "email": "dora@example.com", "password": PASSWORD}
        assert await connect(api, "register", email="emil@example.com", password=PASSWORD) == needed
        assert await connect(api, "email", email="emil@example.com") == {"status": "register"}
        assert (await registered(api, "emil@example.com", is_accepted=True))["session_uid"]
        # Who is not logged in learns nothing of it by guessing.
        assert (await try_connect(api, **{**login, "password": "wrong password"})).status_code == 422
        assert await connect(api, **login) == needed
        assert (await connect(api, **login, is_accepted="on"))["fan_id"] == session["fan_id"]
        assert (await connect(api, **login))["session_uid"]
        await api.ok(
            await api.post(f"/api/v1/manage/businesses/{business['business_id']}", legal_terms="Be kind, always.")
        )
        assert (await connect(api, **login))["status"] == "terms_required"
        assert (await connect(api, **login, is_accepted=True))["session_uid"]
        rows = await db.rows(
            "select terms_hash from accepted_terms where account_id = $1 and fan_id = $2",
            api.account_id,
            session["fan_id"],
        )
        assert len(rows) == 2


async def test_one_of_many_who_register_an_address_gets_it(api: Api, db: Db) -> None:
    answers = await asyncio.gather(*(try_connect(api, "register", email="race@example.com") for _ in range(16)))
    bodies = [await api.ok(each) for each in answers]
    assert sum("session_uid" in each for each in bodies) == 1
    assert sum(each == {"status": "login"} for each in bodies) == 15
    fans = await db.value(
        "select count(*) from fans where account_id = $1 and email = 'race@example.com'", api.account_id
    )
    assert fans == 1


async def test_another_accounts_session_is_unknown(api: Api, other_api: Api) -> None:
    session = await connect(api)
    foreign = await fan_of(other_api, session["session_uid"])
    nobodys = await fan_of(other_api, "6f1c5c3a-5f3b-4c55-9a55-0d9df4a7c001")
    assert foreign.status_code == nobodys.status_code == 404
    assert foreign.json()["detail"] == nobodys.json()["detail"] == "The session is unknown or has ended"


async def test_a_site_reads_its_texts(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api:
        empty = dict.fromkeys(("legal_terms", "legal_privacy", "header_text", "image_url"))
        assert await api.ok(await api.public_get("/api/v1/status")) == empty
        await api.ok(
            await api.post(
                "/api/v1/manage/businesses",
                business_name="Northside",
                legal_terms="https://northside.example/terms",
                locale_props={"header_text": "Welcome"},
                media_map={"logo": "https://northside.example/logo.png"},
            )
        )
        site = await api.ok(await api.public_post("/api/v1/status"))
        assert site == await api.ok(await api.public_get("/api/v1/status"))
        assert site == {
            "legal_terms": "https://northside.example/terms",
            "legal_privacy": None,
            "header_text": "Welcome",
            "image_url": "https://northside.example/logo.png",
        }
