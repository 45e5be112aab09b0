"""Imports of every kind: rows are checked, written once, counted, and undone; no yes of theirs overrides a no."""

from typing import Any, NamedTuple

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.exports.test_exports import exported
from tests.imports.files import PATH, imported, inspected, run, state_of, work_all


class Case(NamedTuple):
    """A file with a new row for each of two fans, one of them again, and a wrong row; and where its rows are stored."""

    content: str
    table: str
    batch_error: str = "email"
    # Rows that an undo keeps.
    kept_count: int = 0
    # Whether a row of a fan owner is new creates the fan.
    makes_fans: bool = True


CASES: dict[str, Case] = {
    "consents": Case(
        "email,channel,is_granted,wording,timestamp\n"
        "{a}@example.com,email,yes,Mail me,2024-01-01T10:00:00Z\n"
        "{b}@example.com,everything,no,,2024-01-02T10:00:00Z\n"
        "{a}@example.com,email,yes,Mail me,2024-01-01T10:00:00Z\n"
        "wrong,email,yes,,\n",
        "consents",
        kept_count=1,
    ),
    "activities": Case(
        "email,campaign,creation_timestamp,field_team\n"
        "{a}@example.com,Quiz {a},2024-01-01T10:00:00Z,blue\n"
        "{b}@example.com,quiz {a},2024-01-02T10:00:00Z,red\n"
        "{a}@example.com,Quiz {a},2024-01-01T10:00:00Z,blue\n"
        "wrong,Quiz {a},2024-01-01T10:00:00Z,blue\n",
        "activities",
    ),
    "tickets": Case(
        "email,first_name,last_name,purchase_date,amount,seats,event_date,event,ticket_key,customer_key,network\n"
        "{a}@example.com,A,A,2024-01-01T10:00:00Z,10,2,2024-02-01,Match,{a}1,c{a},box\n"
        "{b}@example.com,B,B,2024-01-01T10:00:00Z,20,1,2024-02-01,match,{b}1,c{b},box\n"
        "{a}@example.com,A,A,2024-01-01T10:00:00Z,10,2,2024-02-01,Match,{a}1,c{a},box\n"
        "wrong,A,A,2024-01-01T10:00:00Z,10,2,2024-02-01,Match,x1,,box\n",
        "tickets",
    ),
    "purchases": Case(
        "purchase_key,network,order_key,merchant_key,date,gross,net,email,customer_key\n"
        "{a}1,shop,o1,m,2024-01-01T10:00:00Z,10,9,{a}@example.com,p{a}\n"
        "{b}1,shop,o2,m,2024-01-01T10:00:00Z,10,9,{b}@example.com,p{b}\n"
        "{a}1,shop,o1,m,2024-01-01T10:00:00Z,10,9,{a}@example.com,p{a}\n"
        "x1,shop,o3,m,2024-01-01T10:00:00Z,10,9,wrong,\n",
        "purchases",
    ),
    "points": Case(
        "email,category,points,award_key\n"
        "{a}@example.com,loyalty,50,{a}1\n"
        "{b}@example.com,Loyalty,70,{b}1\n"
        "{a}@example.com,Loyalty,50,{a}1\n"
        "wrong,Loyalty,50,x1\n",
        "fan_points",
    ),
    "registrations": Case(
        "registration_key,network,registration_timestamp,event_name,event_date,first_name,last_name,email\n"
        "{a}1,fest,2024-01-01T10:00:00Z,Tide,2024-02-01,A,A,{a}@example.com\n"
        "{b}1,fest,2024-01-01T10:00:00Z,Tide,2024-02-01,B,B,{b}@example.com\n"
        "{a}1,fest,2024-01-01T10:00:00Z,Tide,2024-02-01,A,A,{a}@example.com\n"
        "x1,fest,2024-01-01T10:00:00Z,Tide,2024-02-01,A,A,wrong\n",
        "registrations",
    ),
    "suppressions": Case(
        "address,reason\n{a}@example.com,bounce\n{b}@example.com,\n{A}@example.com,complaint\nwrong,bounce\n",
        "suppressions",
        makes_fans=False,
    ),
}  # fmt: skip
by_kind = pytest.mark.parametrize("kind", CASES)


def content_of(kind: str, name: str) -> bytes:
    """Return the file of a kind for fans of this name."""
    return CASES[kind].content.format(a=f"{name}a", b=f"{name}b", A=f"{name}A".upper()).encode()


async def rows_of(api: Api, db: Db, table: str) -> int:
    """Return the number of rows of a table."""
    count: int = await db.value(f"select count(*) from {table} where account_id = $1", api.account_id)
    return count


async def prepare(api: Api) -> None:
    await api.post("/api/v1/manage/points", point_name="Loyalty")


async def undo(api: Api, db: Db, uid: str) -> dict[str, Any]:
    await api.ok(await api.post(f"{PATH}/{uid}/undo"))
    await work_all(api, db)
    return await state_of(api, uid)


async def has_run(api: Api, db: Db, kind: str, uid: str, before: list[int]) -> None:
    """Check and run an import, and compare its counts with the rows."""
    case = CASES[kind]
    for is_dry in (True, False):
        done = await run(api, db, uid, dry_run=is_dry)
        counts = [done[f"{each}_count"] for each in ("row", "created", "matched", "error")]
        assert counts == [4, 2, 1, 1], (is_dry, done, (await api.get(f"{PATH}/{uid}/errors")).text)
        added = [0, 0] if is_dry else [2, 2 * case.makes_fans]
        expected = [old + new for old, new in zip(before, added, strict=True)]
        assert [await rows_of(api, db, each) for each in (case.table, "fans")] == expected
        assert done["state"] == ("ready" if is_dry else "completed")


@by_kind
async def test_rows_are_written_once_and_undone(api: Api, db: Db, kind: str) -> None:
    await prepare(api)
    case, content = CASES[kind], content_of(kind, kind)
    tables = (case.table, "fans")
    before = [await rows_of(api, db, each) for each in tables]
    result = await inspected(api, db, content, kind)
    assert result["state"] == "ready", result
    uid = result["import_uid"]
    await has_run(api, db, kind, uid, before)
    assert case.batch_error in (await api.get(f"{PATH}/{uid}/errors")).text.splitlines()[1]
    undone = await undo(api, db, uid)
    assert (undone["state"], undone["undone_count"], undone["kept_count"]) == (
        "undone",
        2 - case.kept_count,
        case.kept_count,
    )
    new_fans = case.kept_count if case.makes_fans else 0
    assert [await rows_of(api, db, each) for each in tables] == [before[0] + case.kept_count, before[1] + new_fans]
    repeated = await imported(api, db, content, kind)
    assert repeated["created_count"] == 2 - case.kept_count, repeated
    again = await imported(api, db, content, kind)
    assert [again["created_count"], again["matched_count"], again["error_count"]] == [0, 3, 1], again
    # The no was there before. What was sent again is changed since, where a later row replaces an earlier one, and
    # whoever is on two suppression lists stays suppressed.
    kept_count = 2 if kind in ("purchases", "registrations", "suppressions") else 0
    undone = await undo(api, db, repeated["import_uid"])
    assert undone["kept_count"] == kept_count, undone


async def fan_of(api: Api, email: str) -> dict[str, Any]:
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email=email)))["fan_id"]
    result: dict[str, Any] = await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}"))
    return result


CONSENTING = {
    "consents": "{owner},channel,is_granted,timestamp\n{value},email,yes,{day}\n",
    "activities": "{owner},campaign,creation_timestamp,is_subscribed\n{value},Quiz,{day},yes\n",
    "tickets": "{owner},first_name,last_name,purchase_date,amount,seats,event_date,event,is_subscribed\n"
    "{value},A,A,{day},10,2,2024-02-01,Match,yes\n",
    "registrations": "{owner},registration_key,network,registration_timestamp,event_name,event_date,first_name,"
    "last_name,is_subscribed{more}\n{value},{key},fest,{day},Tide,2024-02-01,A,A,yes{last}\n",
}


@pytest.mark.parametrize("owner", ["email", "fan_id"])
@pytest.mark.parametrize("kind", CONSENTING)
async def test_no_yes_of_any_kind_overrides_a_no(api: Api, db: Db, kind: str, owner: str) -> None:
    if (kind, owner) == ("tickets", "fan_id"):
        return
    noes, fans = {}, {}
    for name in ("out", "never"):
        fans[name] = await fan_of(api, f"{name}-{owner}@{kind}.example")
    path = f"/api/v1/crm/fans/{fans['out']['fan_id']}"
    await api.ok(await api.post(path, is_subscribed=False, consent_timestamp="2023-01-01"))
    for name, fan in fans.items():
        mail = {"more": ",email", "last": f",{fan['email']}"} if owner == "fan_id" else {"more": "", "last": ""}
        day, key = "2024-01-01T10:00:00Z", f"{name}{owner}"
        content = CONSENTING[kind].format(owner=owner, value=fan[owner], day=day, key=key, **mail)
        noes[name] = await imported(api, db, content.encode(), kind)
        assert noes[name]["error_count"] == 0, (await api.get(f"{PATH}/{noes[name]['import_uid']}/errors")).text
    assert [noes[name]["refused_optin_count"] for name in fans] == [1, 0], noes
    flags = [(await fan_of(api, fan["email"]))["is_subscribed"] for fan in fans.values()]
    assert flags == [False, True]


async def test_proofs_are_in_the_ledger_and_a_wrong_yes_is_taken_out_of_it(api: Api, db: Db) -> None:
    business = (await api.ok(await api.post("/api/v1/manage/businesses", business_name="Shop")))["business_id"]
    content = (
        "email,channel,business_id,is_granted,consent_wording,consent_source,consent_timestamp,ip_address\n"
        f"proof@example.com,business,{business},yes,Mail me,a form,2024-01-01T10:00:00Z,192.0.2.7\n"
        "proof@example.com,phone,,no,,,,\n"
        "proof@example.com,email,,yes,,,,\n"
        "proof@example.com,business,,yes,,,,\n"
        "proof@example.com,business,999999,yes,,,,\n"
    )
    done = await imported(api, db, content.encode(), "consents")
    assert (done["created_count"], done["error_count"]) == (3, 2), done
    fan = await fan_of(api, "proof@example.com")
    assert (fan["is_subscribed"], fan["is_phone_subscribed"]) == (True, False)
    ledger = """
        select wording, consent_source, ip_address, given_at::date::text as day, is_undated
        from consents where account_id = $1 and fan_id = $2 and is_granted order by consent_id
    """
    rows = await db.rows(ledger, api.account_id, fan["fan_id"])
    assert list(rows[0].values()) == ["Mail me", "a form", "192.0.2.7", "2024-01-01", False]
    assert rows[1]["is_undated"] is True
    undone = await undo(api, db, done["import_uid"])
    assert (undone["undone_count"], undone["kept_count"]) == (2, 1)
    opted_in = "select count(*) from fan_businesses where account_id = $1 and fan_id = $2"
    assert await db.value(opted_in, api.account_id, fan["fan_id"]) == 0
    assert (await fan_of(api, "proof@example.com"))["is_subscribed"] is False
    # The no is still there.
    assert (
        await db.value(
            "select count(*) from consents where account_id = $1 and fan_id = $2", api.account_id, fan["fan_id"]
        )
        == 1
    )


UNKNOWN = {
    "activities": ("fan_id,creation_timestamp\n999999999,2024-01-01T10:00:00Z\n", "No fan has the id"),
    "consents": ("fan_id,channel,is_granted\n999999999,email,no\n", "No fan has the id"),
    "points": ("email,point_name,point_count,award_key\nu@example.com,Nothing,1,u1\n", "No point category is named"),
    "campaigns": (
        "email,page_tab_id,creation_timestamp\nu@example.com,99999999,2024-01-01T10:00:00Z\n",
        "page_tab_id: is not a campaign",
    ),
    "keys": ("email,point_name,point_count\nu@example.com,Loyalty,1\n", "so that no award counts twice"),
    "future": ("email,creation_timestamp\nu@example.com,2124-01-01T10:00:00Z\n", "activity_timestamp"),
}


@pytest.mark.parametrize("name", UNKNOWN)
async def test_what_a_row_names_must_be_there(api: Api, db: Db, name: str) -> None:
    await prepare(api)
    content, words = UNKNOWN[name]
    fans = await rows_of(api, db, "fans")
    kind = {"campaigns": "activities", "keys": "points", "future": "activities"}.get(name, name)
    done = await imported(api, db, content.encode(), kind)
    assert (done["created_count"], done["error_count"]) == (0, 1), done
    assert words in (await api.get(f"{PATH}/{done['import_uid']}/errors")).text
    assert await rows_of(api, db, "fans") == fans


async def test_a_kind_that_is_none_is_refused(api: Api) -> None:
    refused = await api.post(PATH, kind="cars")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "kind")


async def test_an_undo_keeps_what_is_used(api: Api, db: Db) -> None:
    await prepare(api)
    fan = await fan_of(api, "spender@example.com")
    awarded = await imported(
        api, db, b"email,point_name,point_count,award_key\nspender@example.com,Loyalty,100,s1\n", "points"
    )
    spent = {"point_name": "Loyalty", "point_count": -60}
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan['fan_id']}/points", **spent))
    undone = await undo(api, db, awarded["import_uid"])
    assert (undone["undone_count"], undone["kept_count"]) == (0, 1)
    done = await imported(
        api, db, b"email,creation_timestamp\nspender@example.com,2024-01-01T10:00:00Z\n", "activities"
    )
    newest = "select max(activity_id) from activities where account_id = $1"
    registration = {
        "registration_key": "used", "network": "fest", "registration_timestamp": "2024-01-02T10:00:00Z",
        "event_name": "Tide", "event_date": "2024-02-01", "first_name": "S", "last_name": "S",
        "email": "spender@example.com", "activity_id": await db.value(newest, api.account_id),
    }  # fmt: skip
    await api.ok(await api.post("/api/v1/crm/registrations", **registration))
    undone = await undo(api, db, done["import_uid"])
    assert (undone["undone_count"], undone["kept_count"]) == (0, 1)


async def test_an_address_of_an_erased_person_is_suppressed_without_being_stored(api: Api, db: Db) -> None:
    fan = await fan_of(api, "erased@example.com")
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan['fan_id']}/erase"))
    content = b"email,phone,reason\nerased@example.com,+16045550177,complaint\n"
    done = await imported(api, db, content, "suppressions")
    assert done["created_count"] == 1
    rows = await api.ok(await api.get("/api/v1/manage/suppressions"))
    assert [(row["channel"], row["address"], row["reason"]) for row in rows[-2:]] == [
        ("email", None, "complaint"), ("sms", "+16045550177", "complaint"),
    ]  # fmt: skip


async def test_the_file_of_an_export_is_the_file_of_an_import(api: Api, db: Db) -> None:
    fan = await fan_of(api, "round@example.com")
    activity = {"campaign_title": "Round", "field_team": "blue"}
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan['fan_id']}/activities", **activity))
    _, content = await exported(api, db, table="activities")
    result = await inspected(api, db, content, "activities")
    assert result["mapping"]["creation_timestamp"] == "activity_timestamp"
    done = await run(api, db, result["import_uid"])
    assert (done["created_count"], done["error_count"]) == (0, 0), done
    assert done["matched_count"] == done["row_count"] > 0


@pytest.mark.parametrize("kind", [kind for kind, case in CASES.items() if case.makes_fans])
async def test_a_row_that_is_there_twice_does_not_bring_an_erased_person_back(api: Api, db: Db, kind: str) -> None:
    await prepare(api)
    first, row, *_ = content_of(kind, f"back{kind}").decode().splitlines()
    await fan_of(api, f"other{kind}@example.com")
    fan = await fan_of(api, f"back{kind}a@example.com")
    result = await inspected(api, db, f"{first}\n{row}\n{row}".encode(), kind)
    await api.ok(await api.post(f"{PATH}/{result['import_uid']}/run"))
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan['fan_id']}/erase"))
    before = await rows_of(api, db, "fans")
    await work_all(api, db)
    done = await state_of(api, result["import_uid"])
    assert (done["error_count"], await rows_of(api, db, "fans")) == (2, before), done


async def test_a_registration_of_no_activity_makes_no_fan(api: Api, db: Db) -> None:
    fan = await fan_of(api, "active@example.com")
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan['fan_id']}/activities", campaign_title="Late"))
    activity_id = await db.value("select max(activity_id) from activities where account_id = $1", api.account_id)
    head = "registration_key,network,registration_timestamp,event_name,event_date,first_name,last_name,email"
    rows = [
        f"{name},fest,2024-01-01T10:00:00Z,Tide,2024-02-01,L,L,{name}@example.com,{number}"
        for name, number in {"seen": activity_id, "unseen": 10**9}.items()
    ]
    before = await rows_of(api, db, "fans")
    done = await imported(api, db, "\n".join([f"{head},activity_id", *rows]).encode(), "registrations")
    assert (done["created_count"], done["error_count"]) == (1, 1), done
    assert "activity_id: is not an activity" in (await api.get(f"{PATH}/{done['import_uid']}/errors")).text
    assert await rows_of(api, db, "fans") == before + 1
