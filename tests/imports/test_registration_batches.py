"""Registrations of imports are written in batches, with the result of one row after the other, and of the calls."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.imports.actions.kinds import registrations as kind
from fanfare.imports.actions.running import work
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.registrations.actions import importing
from fanfare.registrations.actions.registrations import write_registration
from tests.api import Api, new_api
from tests.imports.files import PATH, imported, run, state_of, statements_of, upload, work_all
from tests.performances.quests import some_performance, some_quest
from tests.seeds import run_seed
from tests.statements import noted_statements
from tests.waits import until

FANS = "/api/v1/crm/fans"
SEED = run_seed(47)
DAY = "2026-03-01"
YEAR = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = [f"2026-03-01T1{number}:00:00Z" for number in range(4)]
COLUMNS = (
    "fan_id", "email", "registration_key", "network", "registration_timestamp", "event_name", "event_date",
    "event_key", "first_name", "last_name", "phone", "city", "birth_date", "barcode", "order_key", "is_minor",
    "is_preferred", "is_subscribed", "is_phone_subscribed", "activity_id",
)  # fmt: skip
UPLOAD = "timestamptz '2026-04-01'"
REGISTRATIONS = """
    select f.email as fan, r.* from registrations r left join fans f using (account_id, fan_id)
    where r.account_id = $1 order by network, registration_key
"""
FLAGS = f"""
    select email, first_name, last_name, phone, is_subscribed, is_phone_subscribed,
           least(email_word_at, {UPLOAD}), least(phone_word_at, {UPLOAD})
    from fans where account_id = $1 order by email
"""
LEDGER = """
    select f.email, c.channel, c.is_granted, c.given_at from consents c join fans f using (account_id, fan_id)
    where c.account_id = $1 order by 1, 2, 4, 3
"""
PROGRESS = """
    select f.email, p.completed_at is not null, q.quest_type
    from quest_progresses p join fans f using (account_id, fan_id) join quests q using (account_id, page_tab_id)
    where p.account_id = $1 order by 1, 3
"""
AWARDS = """
    select f.email, p.point_count from fan_points p join fans f using (account_id, fan_id)
    where p.account_id = $1 order by 1, 2
"""
ANNOUNCED = """
    select topic, subject_id, count(*) from changes
    where account_id = $1 and (topic like 'registration.%' or topic like 'quest.%' and subject_id = '')
    group by 1, 2 order by 1, 2
"""
# Ids and times of this run.
UNCOMPARED = {"account_id", "registration_id", "fan_id", "activity_id", "created_at", "updated_at"}
COUNTS = ("row_count", "created_count", "matched_count", "error_count", "refused_optin_count")

Row = dict[str, Any]
Way = Callable[[Api, Db, Sequence[Row]], Any]


def random_rows(chance: random.Random, *, has_consents: bool = True, is_shared: bool = True) -> list[Row]:
    """Return rows of a few people and registrations, many of them twice, some of them wrong.

    Unless `is_shared`, each registration is always of the same person, who has no other.
    """
    rows: list[Row] = []
    for _ in range(40):
        if len(rows) >= len(WRONG) and chance.random() < 0.2:
            rows.append(chance.choice(rows))
            continue
        row = dict.fromkeys(COLUMNS)
        number, network = chance.randrange(8), chance.choice(["gate", "web"])
        person = chance.randrange(6) if is_shared else 2 * number + (network == "web")
        row |= {
            "email": f"p{person}@example.com", "registration_key": f"k{number}",
            "network": network, "registration_timestamp": chance.choice(TIMES),
            "event_name": chance.choice(["Tide", "tide", "Other"]), "event_date": DAY,
            "first_name": f"First{person}", "last_name": "Last",
        }  # fmt: skip
        optional: dict[str, Sequence[Any]] = {
            "phone": [f"+16045550{person + 100}"], "city": ["Graz", "Linz"], "birth_date": ["1990-01-02"],
            "barcode": [f"b{number}"], "order_key": ["o1", "o2"], "is_minor": ["yes", "no"],
            "is_preferred": ["yes", "no"],
        }  # fmt: skip
        if has_consents:
            optional |= {"is_subscribed": ["yes", "yes", "no"], "is_phone_subscribed": ["yes", "no"]}
        row |= {name: chance.choice(values) for name, values in optional.items() if chance.random() < 0.5}
        row |= WRONG[len(rows)] if len(rows) < len(WRONG) else {}
        if person < 3 and chance.random() < 0.5:
            row["fan_id"] = row["fan_id"] or f"p{person}"
        rows.append(row)
    return rows


# Nobody, an address that is none, an activity that is not there, and one that is.
WRONG: Sequence[Row] = (
    {"fan_id": "9999999"}, {"email": "nobody"}, {"activity_id": "99999999"}, {"activity_id": "seen"},
    {"event_date": "soon"},
)  # fmt: skip


async def begin(api: Api, db: Db, seed: float) -> dict[str, str]:
    """Make fans, an activity, quests, scans, and some registrations by calls; return the ids by their names here."""
    chance = random.Random(seed)
    names: dict[str, str] = {}
    for number in range(3):
        fan = await api.ok(await api.post(FANS, email=f"p{number}@example.com"))
        names[f"p{number}"] = str(fan["fan_id"])
        if number:
            flag = chance.choice(["is_subscribed", "is_phone_subscribed"])
            word = {flag: chance.choice(["yes", "no"]), "consent_timestamp": chance.choice(TIMES)}
            await api.ok(await api.post(f"{FANS}/{fan['fan_id']}", **word))
    await api.ok(await api.post(f"{FANS}/{names['p0']}/activities", campaign_title="Seen"))
    page = await api.ok(await api.get(f"{FANS}/{names['p0']}/activities"))
    names["seen"] = str(page[0]["activity_id"])
    await begin_quests(api, db)
    for row in random_rows(chance)[:6]:
        await call(api, row, names)
    return names


async def begin_quests(api: Api, db: Db) -> None:
    """Make quests of registrations and of scans, and scans that wait for their registrations."""
    point_uid = (await api.ok(await api.post("/api/v1/manage/points", point_name="Loyal")))["point_uid"]
    uid = await some_performance(api, performance_name="Tide", performance_date=DAY)
    paid = {"fan_points_reward": 5, "point_uid": point_uid}
    await some_quest(api, uid, "registration", **paid)
    await some_quest(api, uid, "scan", scan_group_names=["Pier"], **paid)
    # What happens before a quest is created does not count.
    await db.execute("update quests set starts_at = $2 where account_id = $1", api.account_id, YEAR)
    scans = [
        {"source_key": f"s{number}", "network": "gate", "scan_group_name": "Pier", "event_date": DAY,
         "scan_timestamp": f"{DAY}T20:00:00Z", **code}
        for number, code in enumerate([{"registration_key": "k1"}, {"registration_key": "k2"}, {"barcode": "b3"}])
    ]  # fmt: skip
    assert (await api.ok(await api.post("/api/v1/manage/registrations/scans", scans=scans)))["errors"] == []


def values_of(row: Row, names: dict[str, str]) -> dict[str, str]:
    return {name: str(names.get(value, value)) for name, value in row.items() if value is not None}


async def call(api: Api, row: Row, names: dict[str, str]) -> None:
    """Say by a call what a row says; what is wrong is refused."""
    answer = await api.post("/api/v1/crm/registrations", **values_of(row, names))
    assert answer.status_code in (200, 404, 422), answer.text + repr(row)


def content_of(rows: Sequence[Row], names: dict[str, str]) -> bytes:
    lines = [",".join(COLUMNS)]
    for row in rows:
        values = values_of(row, names)
        lines.append(",".join(values.get(name, "") for name in COLUMNS))
    return "\n".join(lines).encode()


async def in_a_batch(api: Api, db: Db, rows: Sequence[Row], names: dict[str, str]) -> list[int]:
    done = await imported(api, db, content_of(rows, names), "registrations")
    assert done["state"] == "completed"
    return [done[name] for name in COUNTS]


async def one_by_one(api: Api, db: Db, rows: Sequence[Row], names: dict[str, str]) -> list[int]:
    """Import a file as if each row were a batch of its own.

    A code has one holder all along: otherwise it counts for whoever is the only one in the meantime.
    """
    with pytest.MonkeyPatch.context() as patch:
        write = importing.import_registrations

        async def alone(tx: Db, some: Sequence[Any], context: Any) -> Any:
            return [each for line in some for each in await write(tx, [line], context)]

        patch.setattr(kind, "import_registrations", alone)
        return await in_a_batch(api, db, rows, names)


async def as_calls_write(api: Api, db: Db, rows: Sequence[Row], names: dict[str, str]) -> list[int]:
    """Import a file whose registrations are written by what writes that of a call, one after the other."""
    with pytest.MonkeyPatch.context() as patch:

        async def write(tx: Db, account: Any, lines: Sequence[Any], now: datetime) -> Any:
            return [await write_registration(tx, account, line, fan_id, now) for line, fan_id in lines]

        patch.setattr(importing, "write_registrations", write)
        return await in_a_batch(api, db, rows, names)


async def result_of(api: Api, db: Db) -> dict[str, list[Any]]:
    """Return what an account has by registrations: these, their fans, consents, quests, points, announcements."""
    rows = [
        {name: value for name, value in row.items() if name not in UNCOMPARED} | {"is_of_seen": row["activity_id"]}
        for row in await db.rows(REGISTRATIONS, api.account_id)
    ]
    for row in rows:
        row["is_of_seen"] = row["is_of_seen"] is not None
    statements = {"fans": FLAGS, "ledger": LEDGER, "progress": PROGRESS, "awards": AWARDS, "announced": ANNOUNCED}
    others = {name: [tuple(row) for row in await db.rows(sql, api.account_id)] for name, sql in statements.items()}
    return {"registrations": rows, **others}


# Whoever has several registrations in a batch is one person to the fans, so alone they are compared for others.
WAYS = {"one by one": (one_by_one, False), "as calls": (as_calls_write, True)}


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("name", WAYS)
async def test_a_batch_leaves_what_one_row_after_the_other_does(base_url: str, db: Db, name: str, number: int) -> None:
    other, is_shared = WAYS[name]
    chance = random.Random(f"{SEED} {number}")
    rows, seed = random_rows(chance, is_shared=is_shared), chance.random()
    results = []
    for way in (in_a_batch, other):
        async with new_api(base_url, db) as api:
            counts = await way(api, db, rows, await begin(api, db, seed))
            results.append({"counts": counts, **await result_of(api, db)})
    for part, values in results[0].items():
        assert values == results[1][part], (part, SEED)
        assert values, part
    assert results[0]["counts"][3] > 0


async def test_a_batch_leaves_what_the_calls_do(base_url: str, db: Db) -> None:
    """Calls may say a yes that a file may not, so these rows say nothing about messages."""
    chance = random.Random(f"{SEED} calls")
    rows, seed = random_rows(chance, has_consents=False), chance.random()
    results = []
    for is_file in (True, False):
        async with new_api(base_url, db) as api:
            names = await begin(api, db, seed)
            if is_file:
                await in_a_batch(api, db, rows, names)
            else:
                for row in rows:
                    await call(api, row, names)
            results.append(await result_of(api, db))
    assert results[0] == results[1], SEED


async def test_a_file_that_is_imported_again_says_nothing_new(base_url: str, db: Db) -> None:
    chance = random.Random(f"{SEED} again")
    rows = list({(row["network"], row["registration_key"]): row for row in random_rows(chance)}.values())
    async with new_api(base_url, db) as api:
        names = await begin(api, db, chance.random())
        await in_a_batch(api, db, rows, names)
        first = await result_of(api, db)
        counts = await in_a_batch(api, db, rows, names)
        assert counts[1] == 0
        again = await result_of(api, db)
        first.pop("announced"), again.pop("announced")
        assert again == first


async def test_many_registrations_take_as_many_statements_as_one(
    base_url: str, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with new_api(base_url, db) as api:
        names = await begin(api, db, 0.5)
        statements = noted_statements(monkeypatch)

        async def count(size: int) -> Counter[str]:
            rows = [
                {**dict.fromkeys(COLUMNS), "email": f"m{size}-{n}@example.com", "registration_key": f"m{size}-{n}",
                 "network": "gate", "registration_timestamp": TIMES[0], "event_name": "Elsewhere",
                 "event_date": "2025-01-01", "first_name": "A", "last_name": "B", "is_subscribed": "yes",
                 "activity_id": "seen"}
                for n in range(size)
            ]  # fmt: skip
            uid = await upload(api, content_of(rows, names), "registrations")
            return await statements_of(api, db, uid, statements, size)

        await count(2)
        assert await count(20) == await count(1)


WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


async def work_at_once(api: Api, db: Db, settings: Settings, key: str) -> None:
    """Let two workers get as far as to registrations of which somebody else has one, then end what they do."""
    workers = [(await Db.connect(settings.database_url, size=2)).for_account(api.account_id) for _ in range(2)]
    lock = "select from registrations where account_id = $1 and registration_key = $2 for update"
    async with db.transaction() as tx:
        await tx.execute(lock, api.account_id, key)
        tasks = [asyncio.create_task(work(each, api.account_id, datetime.now(UTC))) for each in workers]

        async def are_waiting() -> bool:
            return int(await db.value(WAITING)) >= len(tasks)

        await until(are_waiting)
    await asyncio.gather(*tasks)
    for each in workers:
        await each.close()


async def test_two_imports_of_the_same_registrations_at_once_write_each_once(
    api: Api, db: Db, settings: Settings
) -> None:
    """In another order, and while somebody else has one of them in the middle: neither ends the other."""
    keys = [f"at-once-{number}" for number in range(6)]
    head = "registration_key,network,registration_timestamp,event_name,event_date,first_name,last_name,email"
    rows = [f"{key},gate,{TIMES[0]},Tide,{DAY},A,B,{key}@example.com" for key in keys]
    uids = [await upload(api, "\n".join([head, *some]).encode(), "registrations") for some in (rows, rows[::-1])]
    for uid in uids:
        await api.ok(await api.post(f"{PATH}/{uid}/run"))
    await api.ok(
        await api.post(
            "/api/v1/crm/registrations", registration_key=keys[3], network="gate", registration_timestamp=TIMES[1],
            event_name="Tide", event_date=DAY, first_name="A", last_name="B", email=f"{keys[3]}@example.com",
        )
    )  # fmt: skip
    await work_at_once(api, db, settings, keys[3])
    failures = "select sum(failure_count) from imports where account_id = $1 and import_uid = any($2::uuid[])"
    assert await db.value(failures, api.account_id, uids) == 0
    await work_all(api, db)
    done = [await state_of(api, uid) for uid in uids]
    assert sorted(each["created_count"] for each in done) == [0, 5]
    assert sum(each["matched_count"] for each in done) == 7
    sql = "select count(*) from registrations where account_id = $1 and registration_key = any($2)"
    assert await db.value(sql, api.account_id, keys) == len(keys)


async def test_an_undo_takes_out_what_a_batch_created_and_nothing_else(base_url: str, db: Db) -> None:
    chance = random.Random(f"{SEED} undo")
    async with new_api(base_url, db) as api:
        names = await begin(api, db, chance.random())
        before = await result_of(api, db)
        ids = "select array_agg(registration_id order by registration_id) from registrations where account_id = $1"
        present = await db.value(ids, api.account_id)
        new = [
            {**dict.fromkeys(COLUMNS), "email": f"undo{n}@example.com", "registration_key": f"undo{n}",
             "network": "gate", "registration_timestamp": TIMES[0], "event_name": "Elsewhere",
             "event_date": "2025-01-01", "first_name": "A", "last_name": "B"}
            for n in range(5)
        ]  # fmt: skip
        uid = await upload(api, content_of(new, names), "registrations")
        assert (await run(api, db, uid))["created_count"] == len(new)
        await call(api, {**new[2], "city": "Graz"}, names)
        await api.ok(await api.post(f"{PATH}/{uid}/undo"))
        await work_all(api, db)
        done = await state_of(api, uid)
        assert (done["undone_count"], done["kept_count"]) == (4, 1)
        await db.execute(
            "delete from registrations where account_id = $1 and registration_key = 'undo2'", api.account_id
        )
        assert await db.value(ids, api.account_id) == present
        after = await result_of(api, db)
        assert [row for row in after["fans"] if row[0] != "undo2@example.com"] == before["fans"]
        assert (after["ledger"], after["awards"]) == (before["ledger"], before["awards"])
