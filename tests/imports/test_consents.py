"""An import never turns a no of a fan into a yes: whenever the no was said, whatever the order, whatever the path."""

from typing import Any
from uuid import uuid4

import pytest

from fanfare.fans.actions import importing
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.exports.test_exports import exported
from tests.imports.files import PATH, imported, inspected, run, state_of, upload, work_all

FANS = "/api/v1/crm/fans"
# Rows with a word about a business are written one by one, the others together.
by_path = pytest.mark.parametrize("path", ["together", "proved", "separately"])


async def values_of(api: Api, path: str) -> dict[str, Any]:
    """Return the changes of an import by which its rows take a path."""
    if path == "proved":
        return {"values": {"consent_wording": "Mail me"}}
    if path == "together":
        return {}
    business = await api.ok(await api.post("/api/v1/manage/businesses", business_name=f"Hall {uuid4()}"))
    return {"values": {f"business_{business['business_id']}": "no"}}


async def fan_of(api: Api, **contact: str) -> dict[str, Any]:
    """Return the fan of an address or number."""
    fan_id = (await api.ok(await api.post(FANS, **contact)))["fan_id"]
    result: dict[str, Any] = await api.ok(await api.get(f"{FANS}/{fan_id}"))
    return result


async def erase(api: Api, **contact: str) -> None:
    fan_id = (await fan_of(api, **contact))["fan_id"]
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))


@by_path
async def test_a_yes_for_an_erased_person_is_refused(api: Api, db: Db, path: str) -> None:
    number = f"+160455501{len(path):02}"
    await erase(api, email=f"gone@{path}.example")
    await erase(api, phone=number)
    shared = number[:-1] + "9"
    await api.ok(await api.post(FANS, phone=shared))
    await erase(api, email=f"late@{path}.example")
    head = "email,phone,is_subscribed,is_phone_subscribed\n"
    rows = f"gone@{path}.example,,yes,\n,{number},,yes\nlate@{path}.example,{shared},yes,\n"
    done = await imported(api, db, (head + rows).encode(), **await values_of(api, path))
    assert (done["error_count"], done["refused_optin_count"]) == (0, 3), done
    fans = [await fan_of(api, email=f"gone@{path}.example"), await fan_of(api, phone=number)]
    fans.append(await fan_of(api, email=f"late@{path}.example"))
    assert [each["is_subscribed"] or each["is_phone_subscribed"] for each in fans] == [False] * 3


@by_path
async def test_no_yes_ends_an_opt_out(api: Api, db: Db, path: str) -> None:
    out = await fan_of(api, email=f"out@{path}.example")
    for words in (
        {"is_optout": True, "consent_timestamp": "2023-01-01"},
        {"is_subscribed": False, "consent_timestamp": "2025-01-01"},
    ):
        await api.ok(await api.post(f"{FANS}/{out['fan_id']}", **words))
    content = f"email,is_subscribed,consent_timestamp\nout@{path}.example,yes,2024-01-01\n".encode()
    done = await imported(api, db, content, **await values_of(api, path))
    assert (await fan_of(api, email=f"out@{path}.example"))["is_optout"] is True
    assert done["refused_optin_count"] == 1


@by_path
async def test_a_yes_without_a_time_loses_against_every_no(api: Api, db: Db, path: str) -> None:
    # The list of opt-outs was uploaded first and runs last.
    noes = await inspected(api, db, f"email,is_subscribed\nboth@{path}.example,no\n".encode())
    await imported(
        api,
        db,
        f"email,is_subscribed\nboth@{path}.example,yes\nnever@{path}.example,yes\n".encode(),
        **await values_of(api, path),
    )
    late = await fan_of(api, email=f"never@{path}.example")
    assert late["is_subscribed"] is True
    await run(api, db, noes["import_uid"])
    assert (await fan_of(api, email=f"both@{path}.example"))["is_subscribed"] is False
    # A no of the past that arrives later.
    await api.ok(await api.post(f"{FANS}/{late['fan_id']}", is_subscribed=False, consent_timestamp="2020-01-01"))
    assert (await fan_of(api, email=f"never@{path}.example"))["is_subscribed"] is False


async def test_a_file_of_an_export_invents_no_consent(api: Api, db: Db) -> None:
    await fan_of(api, email="asked@example.com")
    await api.ok(await api.post(FANS, email="said@example.com", is_subscribed=True))
    _, content = await exported(api, db, table="fans")
    result = await inspected(api, db, content)
    chosen = ("is_optout", "is_confirmed", "is_phone_confirmed")
    assert [result["mapping"][name] for name in chosen] == [None] * 3
    await run(api, db, result["import_uid"])
    sql = """
        select f.email, c.channel, c.is_granted from consents c join fans f using (account_id, fan_id)
        where account_id = $1 and f.email in ('asked@example.com', 'said@example.com') group by 1, 2, 3
    """
    rows = await db.rows(sql, api.account_id)
    assert [tuple(row.values()) for row in rows] == [("said@example.com", "email", True)]


async def test_a_field_is_a_column_or_a_value(api: Api, db: Db) -> None:
    result = await inspected(api, db, b"email,is_subscribed\na@example.com,\n")
    refused = await api.post(f"{PATH}/{result['import_uid']}", values={"is_subscribed": "yes"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "values")


async def test_an_undo_keeps_fans_who_said_no(api: Api, db: Db) -> None:
    done = await imported(api, db, b"email,is_subscribed\nno@example.com,no\nyes@example.com,yes\n")
    await api.ok(await api.post(f"{PATH}/{done['import_uid']}/undo"))
    await work_all(api, db)
    undone = await state_of(api, done["import_uid"])
    assert (undone["undone_count"], undone["kept_count"]) == (1, 1)
    await imported(api, db, b"email,is_subscribed\nno@example.com,yes\n")
    assert (await fan_of(api, email="no@example.com"))["is_subscribed"] is False


async def test_members_that_occur_late_are_not_lost(api: Api, db: Db) -> None:
    lines = [b'{"email":"m%d@example.com"}' % number for number in range(1001)]
    lines.append(b'{"email":"late@example.com","is_optout":true}')
    uid = await upload(api, b"\n".join(lines), file_format="ndjson")
    checked = await run(api, db, uid, dry_run=True)
    assert checked["error_count"] == 1
    await api.ok(await api.post(f"{PATH}/{uid}", mapping={"is_optout": "is_optout"}))
    done = await run(api, db, uid)
    assert done["error_count"] == 0
    assert (await fan_of(api, email="late@example.com"))["is_optout"] is True


async def test_dates_that_occur_late_are_asked_for(api: Api, db: Db) -> None:
    rows = "".join(f"d{number}@example.com,\n" for number in range(1001)) + "late@example.com,03/04/1990\n"
    done = await imported(api, db, ("email,birth_date\n" + rows).encode())
    assert (done["created_count"], done["error_count"]) == (1001, 1)


async def test_a_business_without_a_word_is_no_consent(api: Api, db: Db) -> None:
    business = (await api.ok(await api.post("/api/v1/manage/businesses", business_name="Shop")))["business_id"]
    await api.ok(await api.post(FANS, **{"email": "a@example.com", f"business_{business}": "none"}))
    done = await imported(api, db, f"email,business_{business}\nb@example.com,none\nc@example.com,yes\n".encode())
    assert (done["state"], done["created_count"], done["error_count"]) == ("completed", 2, 0), done


NEW_NO = {
    "email": ({"is_subscribed": False}, {"is_subscribed": True}, "is_subscribed", False),
    "everything": ({"is_optout": True}, {"is_subscribed": True}, "is_optout", True),
}


@pytest.mark.parametrize("channel", NEW_NO)
async def test_a_no_without_a_time_is_heard_although_an_older_no_is_there(api: Api, db: Db, channel: str) -> None:
    no, yes, field, expected = NEW_NO[channel]
    address = f"again@{channel}.example"
    fan = await fan_of(api, email=address)
    for words, day in ((no, "2020-01-01"), (yes, "2024-01-01")):
        await api.ok(await api.post(f"{FANS}/{fan['fan_id']}", **words, consent_timestamp=day))
    content = f"email,channel,is_granted\n{address},{channel},no\n".encode()
    done = await imported(api, db, content, "consents")
    assert (done["created_count"], (await fan_of(api, email=address))[field]) == (1, expected)
    # It is one of the ledger then, and is not added again.
    repeated = await imported(api, db, content, "consents")
    assert (repeated["created_count"], repeated["matched_count"]) == (0, 1)


LEDGER = """
    select c.channel, c.is_granted, c.wording, c.consent_source, c.ip_address, c.given_at::date::text as day,
           c.is_undated
    from consents c join fans f using (account_id, fan_id)
    where c.account_id = $1 and f.email = $2 and c.channel <> 'business' order by c.consent_id
"""


@pytest.mark.parametrize("path", ["together", "separately"])
async def test_each_consent_has_its_own_proof(api: Api, db: Db, path: str) -> None:
    mail = f"proof@{path}.proof.example"
    head = "email,is_subscribed,is_phone_subscribed,consent_wording,consent_source,consent_timestamp,ip_address"
    rows = (
        f"{mail},yes,,Mail me,Stand A,2024-01-01,203.0.113.7",
        # The same person: other words are another consent, no words no consent.
        f"{mail},yes,yes,Mail and call me,,2024-01-02,203.0.113.7",
        f"{mail},,,A wording alone,Nowhere,2024-01-03,",
        f"{mail},yes,,Mail me,Stand B,,203.0.113.7",
    )
    changes = await values_of(api, path)
    done = await imported(api, db, "\n".join([head, *rows]).encode(), **changes)
    assert (done["row_count"], done["created_count"], done["error_count"]) == (4, 1, 0), done
    ledger = [tuple(row.values()) for row in await db.rows(LEDGER, api.account_id, mail)]
    name, address = f"import {done['import_uid']}", "203.0.113.7"
    assert ledger[:3] == [
        ("email", True, "Mail me", "Stand A", address, "2024-01-01", False),
        ("email", True, "Mail and call me", name, address, "2024-01-02", False),
        ("phone", True, "Mail and call me", name, address, "2024-01-02", False),
    ]
    ((*words, _, is_undated),) = ledger[3:]
    assert (words, is_undated) == (["email", True, "Mail me", "Stand B", address], True)
    fan = await fan_of(api, email=mail)
    assert (fan["is_subscribed"], fan["is_phone_subscribed"]) == (True, True)


async def test_rows_with_proofs_are_written_together(api: Api, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    alone = importing._import_one  # noqa: SLF001 - what is to be left out

    async def count(*args: Any) -> Any:
        calls.append(1)
        return await alone(*args)

    monkeypatch.setattr(importing, "_import_one", count)
    rows = [f"many{number}@proofs.example,yes,Words,2024-01-01" for number in range(50)]
    content = "\n".join(["email,is_subscribed,consent_wording,consent_timestamp", *rows]).encode()
    done = await imported(api, db, content, values={"consent_source": "A stand"})
    assert (done["created_count"], calls) == (50, [])
    sql = "select count(*) from consents where account_id = $1 and wording = 'Words' and consent_source = 'A stand'"
    assert await db.value(sql, api.account_id) == 50
