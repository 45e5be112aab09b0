"""Passkeys of fans: added by who is logged in, a login by them, and what becomes of them with the fan."""

import asyncio
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.passkeys.actions import keeping
from tests.api import Api
from tests.passkeys.authenticator import EDDSA, ES256, RP_ID, RS256, Authenticator, b64
from tests.passkeys.logins import (
    add,
    creation_options,
    fan_with_passkey,
    log_in,
    login_options,
    path,
    try_add,
    try_log_in,
    with_origin,
)
from tests.sessions.logins import PASSWORD, change, connect, fan_of, registered, try_connect


@pytest.fixture(scope="module", autouse=True)
async def _origin(api: Api) -> None:
    await with_origin(api)


async def topics_of(api: Api, db: Db, fan_id: int) -> list[str]:
    rows = await db.rows(
        "select topic from changes where account_id = $1 and fan_id = $2 order by position", api.account_id, fan_id
    )
    return [row["topic"] for row in rows]


async def passkeys_of(api: Api, fan_id: int) -> Any:
    return await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/passkeys"))


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
@pytest.mark.parametrize("is_synced", [True, False])
async def test_ada_adds_a_passkey_and_logs_in(api: Api, db: Db, algorithm: int, *, is_synced: bool) -> None:
    session, device = await fan_with_passkey(
        api, f"ada{algorithm}{is_synced}@example.org", Authenticator(algorithm, is_synced=is_synced)
    )
    for _ in range(2):
        entered = await log_in(api, device)
        assert entered["fan_id"] == session["fan_id"]
        assert (await fan_of(api, entered["session_uid"])).status_code == 200
    (passkey,) = await passkeys_of(api, session["fan_id"])
    assert passkey["use_timestamp"] >= passkey["creation_timestamp"]
    assert (passkey["passkey_name"], passkey["rp_id"], passkey["is_synced"]) == ("Phone", RP_ID, is_synced)
    assert (await topics_of(api, db, session["fan_id"])).count("passkey.created") == 1
    sessions = await api.ok(await api.get(f"/api/v1/manage/fans/{session['fan_id']}/sessions"))
    assert [each["login_method"] for each in sessions] == ["passkey", "passkey", "register"]


async def test_options_are_what_browsers_take(api: Api) -> None:
    session, device = await fan_with_passkey(api, "options@example.org")
    new = await creation_options(api, session["session_uid"])
    assert new["rp"] == {"name": "Northside", "id": RP_ID}
    assert (new["user"]["name"], new["attestation"], new["timeout"]) == ("options@example.org", "none", 300_000)
    assert new["user"]["id"] == b64(device.handle), "all passkeys of a fan have one handle"
    assert [each["id"] for each in new["excludeCredentials"]] == [b64(device.credential_id)]
    assert [each["alg"] for each in new["pubKeyCredParams"]] == [ES256, EDDSA, RS256]
    selection = new["authenticatorSelection"]
    assert (selection["residentKey"], selection["userVerification"]) == ("required", "required")
    options = await login_options(api)
    assert (options["rpId"], options["userVerification"], options["allowCredentials"]) == (RP_ID, "required", [])
    assert options["challenge"] != (await login_options(api))["challenge"]


async def test_the_answer_is_the_same_whether_there_is_a_fan(api: Api) -> None:
    session, device = await fan_with_passkey(api, "alma@example.org")
    await registered(api, "otto@example.org")
    shapes = []
    for email in ("alma@example.org", "otto@example.org", "none@example.org"):
        options = await login_options(api, email=email)
        shapes.append({**options, "challenge": len(options["challenge"])})
    assert shapes[0] == shapes[1]
    # The challenge is as long as the address makes it.
    assert {**shapes[2], "challenge": 0} == {**shapes[0], "challenge": 0}
    entered = await connect(
        api, "passkey", credential=device.log_in(await login_options(api, email="ALMA@example.org"))
    )
    assert entered["fan_id"] == session["fan_id"]
    for other in ("otto@example.org", "none@example.org"):
        answer = await try_connect(api, "passkey", credential=device.log_in(await login_options(api, email=other)))
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_passkey")


async def test_renamed_and_removed_by_the_fan(api: Api, db: Db) -> None:
    session, device = await fan_with_passkey(api, "rena@example.org")
    other, _ = await fan_with_passkey(api, "other@example.org")
    uid, other_uid = session["session_uid"], other["session_uid"]
    (passkey,) = await api.ok(await api.public_get(path(uid)))
    one = path(uid, f"/{passkey['passkey_id']}")
    by_other = path(other_uid, f"/{passkey['passkey_id']}")
    assert (await api.public_post(by_other, passkey_name="Mine")).status_code == 404
    assert (await api.client.delete(by_other, headers={"Api-Key": api.keys["Api-Key"]})).status_code == 404
    await api.ok(await api.public_post(one, passkey_name="Old phone"))
    (passkey,) = await api.ok(await api.public_get(path(uid)))
    assert passkey["passkey_name"] == "Old phone"
    entered = await log_in(api, device)
    assert (await api.client.delete(one, headers={"Api-Key": api.keys["Api-Key"]})).status_code == 200
    assert await api.ok(await api.public_get(path(uid))) == []
    # What it opened has ended; the session in which it was removed goes on.
    assert (await fan_of(api, entered["session_uid"])).status_code == 404
    assert (await fan_of(api, uid)).status_code == 200
    assert (await try_log_in(api, device)).status_code == 422
    topics = await topics_of(api, db, session["fan_id"])
    assert [name for name in topics if name.startswith("passkey.")] == [
        "passkey.created", "passkey.updated", "passkey.deleted",
    ]  # fmt: skip


async def test_who_removes_the_passkey_of_the_own_session_stays(api: Api) -> None:
    _, device = await fan_with_passkey(api, "stay@example.org")
    first, second = await log_in(api, device), await log_in(api, device)
    (passkey,) = await api.ok(await api.public_get(path(first["session_uid"])))
    one = path(first["session_uid"], f"/{passkey['passkey_id']}")
    assert (await api.client.delete(one, headers={"Api-Key": api.keys["Api-Key"]})).status_code == 200
    assert (await fan_of(api, first["session_uid"])).status_code == 200
    assert (await fan_of(api, second["session_uid"])).status_code == 404


async def test_removed_by_the_account(api: Api, other_api: Api) -> None:
    session, device = await fan_with_passkey(api, "lost@example.org")
    entered = await log_in(api, device)
    (passkey,) = await passkeys_of(api, session["fan_id"])
    one = f"/api/v1/manage/passkeys/{passkey['passkey_id']}"
    assert (await other_api.delete(one)).status_code == 404
    await api.ok(await api.delete(one))
    assert (await api.delete(one)).status_code == 404
    assert (await fan_of(api, entered["session_uid"])).status_code == 404
    assert (await try_log_in(api, device)).status_code == 422
    assert (await api.get("/api/v1/manage/fans/999999999/passkeys")).status_code == 404


async def test_a_guest_has_no_passkeys(api: Api) -> None:
    guest = await connect(api)
    for answer in (
        await api.public_post(path(guest["session_uid"], "/options")),
        await api.public_get(path(guest["session_uid"])),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "guest_session")


async def test_a_login_ends_the_devices_session_and_merges_its_guest(api: Api) -> None:
    session, device = await fan_with_passkey(api, "merge@example.org")
    guest = await connect(api)
    entered = await log_in(api, device, session_uid=guest["session_uid"])
    assert entered["fan_id"] == session["fan_id"]
    assert (await fan_of(api, guest["session_uid"])).status_code == 404
    merges = await api.ok(await api.get(f"/api/v1/crm/fans/{guest['fan_id']}"))
    assert merges["fan_id"] == session["fan_id"]


async def test_terms_are_asked_for_before_the_challenge_is_used(other_api: Api) -> None:
    api = await with_origin(other_api)
    answer = await api.post("/api/v1/manage/businesses", business_name="Terms", legal_terms="Be kind.")
    business_id = (await api.ok(answer))["business_id"]
    session, device = await registered(api, "terms@example.org", is_accepted="true"), Authenticator(is_synced=False)
    await add(api, session["session_uid"], device)
    await api.ok(await api.post(f"/api/v1/manage/businesses/{business_id}", legal_terms="Be kinder."))
    credential = device.log_in(await login_options(api))
    answer = await connect(api, "passkey", credential=credential)
    assert (answer["status"], answer["legal_terms"]) == ("terms_required", "Be kinder.")
    entered = await connect(api, "passkey", credential=credential, is_accepted="true")
    assert entered["fan_id"] == session["fan_id"]
    assert (await try_connect(api, "passkey", credential=credential)).status_code == 422
    assert (await log_in(api, device))["session_uid"]


async def test_a_merge_moves_passkeys_and_an_erasure_deletes_them(api: Api, db: Db) -> None:
    (old, old_device), (new, new_device) = [
        await fan_with_passkey(api, f"{name}@example.org") for name in ("before", "after")
    ]
    await api.ok(await api.post(f"/api/v1/manage/fans/{new['fan_id']}/merge", merged_fan_id=old["fan_id"]))
    assert {(await log_in(api, device))["fan_id"] for device in (old_device, new_device)} == {new["fan_id"]}
    assert len(await passkeys_of(api, new["fan_id"])) == 2
    await api.ok(await api.post(f"/api/v1/manage/fans/{new['fan_id']}/unmerge", merged_fan_id=old["fan_id"]))
    assert (await log_in(api, old_device))["fan_id"] == old["fan_id"]
    await api.ok(await api.post(f"/api/v1/manage/fans/{old['fan_id']}/erase"))
    assert (await try_log_in(api, old_device)).status_code == 422
    assert await db.value("select count(*) from passkeys where fan_id = $1", old["fan_id"]) == 0


async def test_the_export_lists_passkeys_without_keys(api: Api) -> None:
    session, device = await fan_with_passkey(api, "export@example.org")
    export = await api.ok(await api.get(f"/api/v1/manage/fans/{session['fan_id']}/export"))
    (row,) = export["tables"]["passkeys"]
    assert (row["passkey_name"], row["rp_id"]) == ("Phone", RP_ID)
    assert not {"public_key", "credential_id", "user_handle"} & set(row)
    assert device.credential_id.hex() not in str(export)


async def test_a_new_password_leaves_passkeys(api: Api) -> None:
    session, device = await fan_with_passkey(api, "word@example.org")
    entered = await log_in(api, device)
    await api.ok(await change(api, session["session_uid"], password=f"{PASSWORD} again"))
    assert (await fan_of(api, entered["session_uid"])).status_code == 404
    assert (await log_in(api, device))["fan_id"] == session["fan_id"]


async def test_at_most_twenty_even_at_once(api: Api) -> None:
    session = await registered(api, "many@example.org")
    options = [await creation_options(api, session["session_uid"]) for _ in range(24)]
    credentials = [Authenticator().register(each) for each in options]
    answers = await asyncio.gather(
        *(api.public_post(path(session["session_uid"]), credential=credential) for credential in credentials)
    )
    codes = [each.json().get("code") for each in answers]
    assert (codes.count(None), codes.count("too_many_passkeys")) == (keeping.MAX_PASSKEYS, 4)
    answer = await api.public_post(path(session["session_uid"], "/options"))
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_passkeys")


async def test_a_credential_is_registered_once(api: Api) -> None:
    _, device = await fan_with_passkey(api, "first@example.org")
    second = await registered(api, "second@example.org")
    answer = await try_add(api, second["session_uid"], device)
    assert (answer.status_code, answer.json()["code"]) == (409, "passkey_taken")
    assert await passkeys_of(api, second["fan_id"]) == []
