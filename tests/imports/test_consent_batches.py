"""Consents of imports are written in batches, with the result of one row after the other, and of the calls."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fanfare.fans.actions import consent_batches
from fanfare.fans.actions.importing import FanLine, ImportContext, import_changes, import_fans
from fanfare.fans.schemas.fans import FanChanges
from fanfare.imports.actions.running import work
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from tests.api import Api, new_api
from tests.imports.files import PATH, imported, inspected, state_of, statements_of, work_all
from tests.seeds import run_seed
from tests.statements import noted_statements
from tests.waits import until

FANS = "/api/v1/crm/fans"
SEED = run_seed(31)
DAYS = [(datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=number)).isoformat() for number in range(5)]
CHANNELS = ("is_subscribed", "is_phone_subscribed", "is_optout", "Hall", "Shop")
WORDINGS = ("Mail me", "Call me", "")
# A no without a time has that of its upload.
UPLOAD = "timestamptz '2025-01-01'"
STATES = f"""
    select email, is_subscribed, is_phone_subscribed, is_optout, least(email_word_at, {UPLOAD}),
           least(phone_word_at, {UPLOAD}), least(optout_word_at, {UPLOAD}),
           array(select row(b.business_name, o.is_opted_in, least(o.updated_at, {UPLOAD}))::text
                 from fan_businesses o join businesses b using (account_id, business_id)
                 where o.account_id = $1 and o.fan_id = f.fan_id order by 1) as opt_ins
    from fans f where account_id = $1 order by email
"""
LEDGER = f"""
    select f.email, c.channel, b.business_name, c.is_granted, c.wording, c.ip_address,
           least(c.given_at, {UPLOAD}), c.is_undated
    from consents c join fans f using (account_id, fan_id) left join businesses b using (account_id, business_id)
    where c.account_id = $1 order by c.consent_id
"""
ANNOUNCED = """
    select f.email, c.topic, c.data ->> 'channel' as channel from changes c join fans f using (account_id, fan_id)
    where c.account_id = $1 and c.topic like 'consent.%' order by c.position
"""
# What a fan's row does not say, since several changes of a batch are one announcement.
FIELDS_OF_CHANGES = """
    select distinct f.email, regexp_replace(field, '[0-9]+', '') as field
    from changes c join fans f using (account_id, fan_id)
    cross join lateral jsonb_array_elements_text(c.data -> 'fields') as field
    where c.account_id = $1 and c.topic = 'fan.updated' order by 1, 2
"""


Row = dict[str, str]


def moment_of(chance: random.Random, *, is_dated: bool) -> str:
    return chance.choice(DAYS) if is_dated or chance.random() < 0.7 else ""


def rows_of_fans(chance: random.Random, *, is_dated: bool) -> list[Row]:
    """Return rows of a few people, each with something about a business or everything."""
    rows = []
    for _ in range(30):
        row = {name: chance.choice(["yes", "no", ""]) for name in CHANNELS if chance.random() < 0.6}
        if not any(row.get(name) for name in ("is_optout", "Hall", "Shop")):
            row["Hall"] = "yes"
        row |= {"email": f"p{chance.randrange(5)}@example.com", "consent_wording": chance.choice(WORDINGS)}
        rows.append(row | {"consent_timestamp": moment_of(chance, is_dated=is_dated)})
    return rows


def rows_of_consents(chance: random.Random, *, is_dated: bool) -> list[Row]:
    """Return rows that are a consent each, many of them twice."""
    rows = []
    for _ in range(40):
        channel = chance.choice(["email", "phone", "everything", "Hall", "Shop"])
        row = {"email": f"p{chance.randrange(4)}@example.com", "is_granted": chance.choice(["yes", "no"])}
        row["channel"] = "business" if channel in ("Hall", "Shop") else channel
        row |= {"business_id": channel if row["channel"] == "business" else ""}
        row |= {"consent_wording": chance.choice(WORDINGS)}
        rows.append(row | {"consent_timestamp": moment_of(chance, is_dated=is_dated)})
    return rows


KINDS = {"fans": rows_of_fans, "consents": rows_of_consents}


async def businesses_of(api: Api) -> dict[str, str]:
    path = "/api/v1/manage/businesses"
    return {
        name: str((await api.ok(await api.post(path, business_name=name)))["business_id"]) for name in ("Hall", "Shop")
    }


async def begin(api: Api, seed: float, businesses: dict[str, str]) -> None:
    """Let the people say something by calls, before there is a file."""
    chance = random.Random(seed)
    for number in range(5):
        path = f"{FANS}/{(await api.ok(await api.post(FANS, email=f'p{number}@example.com')))['fan_id']}"
        for _ in range(chance.randrange(3)):
            name, value = chance.choice(CHANNELS), chance.choice(["yes", "no"])
            await call(api, path, name, businesses, value, chance.choice(DAYS))


async def call(api: Api, path: str, name: str, businesses: dict[str, str], value: str, day: str, **more: str) -> None:
    field = f"business_{businesses[name]}" if name in businesses else name
    await api.ok(await api.post(path, **{field: value}, consent_timestamp=day, **more))


def lines(rows: Sequence[Row], businesses: dict[str, str]) -> bytes:
    """Return rows as a file, whose businesses have their ids."""
    names = list(dict.fromkeys(itertools.chain.from_iterable(rows)))
    head = ",".join(f"business_{businesses[name]}" if name in businesses else name for name in names)
    cells = [[businesses.get(row.get(name, ""), row.get(name, "")) for name in names] for row in rows]
    return "\n".join([head, *(",".join(each) for each in cells)]).encode()


async def result_of(api: Api, db: Db) -> list[list[Any]]:
    """Return what an account has of consents: flags and times, ledger, announcements."""
    statements = (STATES, LEDGER, ANNOUNCED, FIELDS_OF_CHANGES)
    return [[tuple(row) for row in await db.rows(sql, api.account_id)] for sql in statements]


COUNTS = ("row_count", "created_count", "matched_count", "error_count", "refused_optin_count")


async def in_a_batch(api: Api, db: Db, kind: str, content: bytes) -> list[int]:
    # Of opting out a file tells only who says so.
    changes: dict[str, Any] = {"mapping": {"is_optout": "is_optout"}} if kind == "fans" else {}
    done = await imported(api, db, content, kind, **changes)
    return [done[name] for name in COUNTS]


async def one_by_one(api: Api, db: Db, kind: str, content: bytes) -> list[int]:
    """Import a file row by row: each is found by what the rows before it left in the tables."""
    with pytest.MonkeyPatch.context() as patch:
        write = consent_batches.write_words

        async def alone(tx: Db, account_id: int, rows: Sequence[Any], *times: datetime) -> Any:
            results = [await write(tx, account_id, [row], *times) for row in rows]
            return [each for outcomes, _ in results for each in outcomes], [n for _, each in results for n in each]

        patch.setattr("fanfare.fans.actions.importing.write_words", alone)
        return await in_a_batch(api, db, kind, content)


async def by_changes(api: Api, db: Db, kind: str, content: bytes) -> list[int]:
    """Import fans as the change of a single one does it."""
    assert kind == "fans"

    async def alone(tx: Db, some: Sequence[FanLine], context: ImportContext) -> Any:
        outcomes = await import_fans(tx, [FanLine(each.profile, None) for each in some], context)
        for place, line in enumerate(some):
            words, fan_id = line.words, outcomes[place].fan_id
            assert words
            assert fan_id
            flags: dict[str, Any] = {"businesses": {}}
            names = {"email": "is_subscribed", "phone": "is_phone_subscribed"}
            for each in words.entries:
                if each.channel == "business":
                    flags["businesses"][str(each.business_id)] = each.is_granted
                elif each.channel == "everything":
                    flags["is_optout"] = not each.is_granted
                else:
                    flags[names[each.channel]] = each.is_granted
            request = FanChanges(
                fan_id=fan_id,
                consent_timestamp=words.context.moment,
                consent_wording=words.context.wording,
                **flags,
            )
            count = await import_changes(tx, request, context, is_undated=words.context.is_undated)
            outcomes[place] = type(outcomes[place])(fan_id, outcomes[place].is_created, count)
        return outcomes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fanfare.imports.actions.kinds.people.import_fans", alone)
        return await in_a_batch(api, db, kind, content)


Way = Callable[[Api, Db, str, bytes], Any]


@pytest.mark.parametrize(("kind", "way"), [("fans", by_changes), ("fans", one_by_one), ("consents", one_by_one)])
async def test_a_batch_leaves_what_one_row_after_the_other_does(base_url: str, db: Db, kind: str, way: Way) -> None:
    chance = random.Random(SEED)
    for _ in range(4):
        rows, seed = KINDS[kind](chance, is_dated=False), chance.random()
        results = []
        for each in (in_a_batch, way):
            async with new_api(base_url, db) as api:
                businesses = await businesses_of(api)
                await begin(api, seed, businesses)
                counts = await each(api, db, kind, lines(rows, businesses))
                *result, fields = await result_of(api, db)
                results.append((counts, result, set(fields)))
        batch, alone = results
        assert batch[:2] == alone[:2], SEED
        # What changed and changed back within a batch is no change.
        assert batch[2] <= alone[2], SEED
        assert batch[0][-2] == 0


async def test_a_batch_leaves_what_the_calls_do(base_url: str, db: Db) -> None:
    """Yeses that a file may not say are left out of the calls."""
    chance = random.Random(SEED)
    for _ in range(2):
        rows, seed = rows_of_consents(chance, is_dated=True), chance.random()
        async with new_api(base_url, db) as api, new_api(base_url, db) as other:
            businesses, others = await businesses_of(api), await businesses_of(other)
            await begin(api, seed, businesses)
            await begin(other, seed, others)
            for row in rows:
                done = await imported(api, db, lines([row], businesses), "consents")
                if done["created_count"]:
                    fan = await other.ok(await other.post(FANS, email=row["email"]))
                    await call_for(other, fan["fan_id"], row, others)
            expected = await result_of(other, db)
            async with new_api(base_url, db) as third:
                businesses = await businesses_of(third)
                await begin(third, seed, businesses)
                await imported(third, db, lines(rows, businesses), "consents")
                assert (await result_of(third, db))[:3] == expected[:3], SEED


async def call_for(api: Api, fan_id: int, row: Row, businesses: dict[str, str]) -> None:
    """Say by a call what a row says."""
    names = {"email": "is_subscribed", "phone": "is_phone_subscribed", "everything": "is_optout"}
    is_yes = (row["is_granted"] == "yes") != (row["channel"] == "everything")
    name, value = names.get(row["channel"], row["business_id"]), "yes" if is_yes else "no"
    more = {"consent_wording": row["consent_wording"]} if row["consent_wording"] else {}
    await call(api, f"{FANS}/{fan_id}", name, businesses, value, row["consent_timestamp"], **more)


WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("granted", ["yes", "no"])
async def test_two_imports_at_once_write_a_consent_once(
    api: Api, db: Db, settings: Settings, granted: str, step: int
) -> None:
    addresses = [f"at-once{number}{step}@{granted}.example" for number in range(3)]
    for address in addresses:
        await api.ok(await api.post(FANS, email=address))
    rows = [f"{address},email,{granted},Mail me,2024-01-01" for address in addresses]
    uids = []
    for some in (rows, rows[::step]):
        content = "\n".join(["email,channel,is_granted,consent_wording,consent_timestamp", *some])
        uids.append((await inspected(api, db, content.encode(), "consents"))["import_uid"])
        await api.ok(await api.post(f"{PATH}/{uids[-1]}/run"))
    workers = [(await Db.connect(settings.database_url, size=2)).for_account(api.account_id) for _ in uids]
    async with db.transaction() as tx:
        # Both get as far as to the fans, whom somebody else has.
        await tx.execute("select from fans where account_id = $1 for no key update", api.account_id)
        tasks = [asyncio.create_task(work(each, api.account_id, datetime.now(UTC))) for each in workers]

        async def is_waiting() -> bool:
            return int(await db.value(WAITING)) >= len(tasks)

        await until(is_waiting)
    await asyncio.gather(*tasks)
    await work_all(api, db)
    for each in workers:
        await each.close()
    done = [await state_of(api, uid) for uid in uids]
    assert sorted(each["created_count"] for each in done) == [0, 3]
    assert sorted(each["matched_count"] for each in done) == [0, 3]
    sql = "select count(*) from consents join fans using (account_id, fan_id) where account_id = $1 and email = any($2)"
    assert await db.value(sql, api.account_id, addresses) == len(addresses)


ONE_BY_ONE = {
    "fans": ("email,business_{business}", "many{size}-{number}@example.com,yes"),
    "consents": ("email,channel,business_id,is_granted", "many{size}-{number}@example.com,business,{business},no"),
    "activities": ("fan_id,campaign_title,activity_timestamp,is_subscribed", "{fan},Quiz,2024-01-{number},yes"),
}


@pytest.mark.parametrize("kind", ONE_BY_ONE)
async def test_many_rows_take_as_many_statements_as_one(
    api: Api, db: Db, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    new_business = await api.post("/api/v1/manage/businesses", business_name=f"Hall of {kind}")
    business = (await api.ok(new_business))["business_id"]
    head, line = ONE_BY_ONE[kind]
    statements = noted_statements(monkeypatch)

    async def count(size: int) -> Counter[str]:
        new = [await api.post(FANS, email=f"{kind}{size}-{number}@example.com") for number in range(size)]
        fans = [(await api.ok(each))["fan_id"] for each in new]
        names = [{"business": business, "size": size, "number": n + 10, "fan": fans[n]} for n in range(size)]
        content = "\n".join([head.format(business=business), *(line.format(**each) for each in names)])
        uid = (await inspected(api, db, content.encode(), kind))["import_uid"]
        return await statements_of(api, db, uid, statements, size)

    # The first one creates what all share.
    await count(2)
    assert await count(20) == await count(1)


async def test_a_registration_that_is_sent_again_says_only_what_is_new(api: Api, db: Db) -> None:
    fan_id = (await api.ok(await api.post(FANS, email="again@registered.example")))["fan_id"]
    head = (
        "fan_id,email,registration_key,network,registration_timestamp,event_name,event_date,first_name,last_name,"
        "is_subscribed,is_phone_subscribed"
    )
    row = f"{fan_id},again@registered.example,again,fest,2024-01-01T10:00:00Z,Tide,2024-02-01,A,A,yes,"
    for last in ("", "", "yes"):
        done = await imported(api, db, f"{head}\n{row}{last}\n".encode(), "registrations")
        assert done["error_count"] == 0
    sql = "select channel, count(*) from consents where account_id = $1 and fan_id = $2 group by 1 order by 1"
    rows = [tuple(row) for row in await db.rows(sql, api.account_id, fan_id)]
    assert rows == [("email", 1), ("phone", 1)]
