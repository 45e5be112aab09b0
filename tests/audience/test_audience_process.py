"""Index processes: what they answer, what SQL answers, and how they divide the accounts."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fanfare.audience import client
from fanfare.audience.index.account import AccountIndex
from fanfare.audience.process import server
from fanfare.audience.process.updater import IndexUnavailable, IndexUpdater
from fanfare.audience.protocol import Answer, FansQuery, MembersQuery
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.criterion import Context
from fanfare.search.criteria.uses import declarations, plan_of
from tests.api import new_api
from tests.audience.indexing import has, running
from tests.search.crowd import fan, many_fans

COUNT, STATS = "/api/v1/manage/filters/count", "/api/v1/manage/filters/stats"
NOWHERE = Context("UTC", None, date(2026, 1, 1))


@pytest.fixture
def query_of(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A list that gets for each count and statistics of the server whether the index answered."""
    result: list[bool] = []
    ask = client.ask

    async def noted(db: Db, question: FansQuery | MembersQuery, patience: float | None = None) -> Answer | None:
        answer = await ask(db, question, patience)
        result.append(answer not in (None, Answer()))
        return answer

    monkeypatch.setattr(client, "ask", noted)
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 20.0)
    return result


async def test_a_count_includes_every_write_acknowledged_before(
    base_url: str, db: Db, settings: Settings, tmp_path: Path, query_of: list[bool]
) -> None:
    async with new_api(base_url, db) as api, running(settings.replace(data_dir=tmp_path)) as process:
        await many_fans(db, api.account_id, 30)
        accounts = await db.value("select count(*) from accounts")
        await has(process, accounts)
        assert (await api.ok(await api.get(COUNT, fan_provinces="BC")))["fan_count"] == 30
        query_of.clear()

        async def write_and_count(city: int) -> None:
            for created in range(1, 9):
                values = {
                    "email": f"{city}.{created}@example.com",
                    "country_code": "CA",
                    "postal_code": f"V{city}A 1A1",
                }
                await api.ok(await api.post("/api/v1/crm/fans", **values))
                counted = await api.ok(await api.get(COUNT, fan_postal_codes=f"v{city}a1a1"))
                assert counted["fan_count"] == created
            figures = await api.ok(await api.get(STATS, fan_postal_codes=f"v{city}a1a1"))
            assert (figures["fans"]["fan_count"], figures["top_countries"]) == (
                8,
                [{"country_code": "CA", "fan_count": 8}],
            )

        await asyncio.gather(*(write_and_count(city) for city in range(1, 7)))
        assert query_of == [True] * 54


async def test_the_index_counts_segments_as_sql_does(
    base_url: str, db: Db, settings: Settings, tmp_path: Path, query_of: list[bool]
) -> None:
    async with new_api(base_url, db) as api:
        fan_ids = (await many_fans(db, api.account_id, 30))[:20]
        await api.ok(await api.post("/api/v1/manage/tags", tag_name="counted"))
        await api.ok(await api.post("/api/v1/manage/tags/fans", tag_name="counted", fan_ids=fan_ids))
        (tag,) = await api.ok(await api.get("/api/v1/manage/tags"))
        await api.ok(await api.post("/api/v1/manage/filters", filter_name="of BC", fan_provinces="BC"))

        async def counted(report_uid: str) -> list[Any]:
            answers = [
                await api.get(f"/api/v1/segments/tag/{tag['tag_id']}"),
                await api.get(f"/api/v1/reports/{report_uid}"),
                await api.get("/api/v1/crm/filters/stats", filter_name="of BC"),
            ]
            return [{**(await api.ok(each)), "last_access_timestamp": None} for each in answers]

        async with running(settings.replace(data_dir=tmp_path)) as process:
            await has(process, await db.value("select count(*) from accounts"))
            options = {"segment_type": "tag", "segment_id": str(tag["tag_id"])}
            report = {"report_name": "R", "report_type": "segment", "options": options}
            report_uid = (await api.ok(await api.post("/api/v1/manage/reports", **report)))["report_uid"]
            query_of.clear()
            by_index = await counted(report_uid)
            assert query_of == [True] * 3
        assert by_index == await counted(report_uid)
        assert query_of == [True] * 3 + [False] * 3
        assert by_index[0]["fan_count"] == len(fan_ids) > 0


async def test_sql_answers_what_the_index_does_not_support(
    base_url: str, db: Db, settings: Settings, tmp_path: Path, query_of: list[bool]
) -> None:
    async with new_api(base_url, db) as api, running(settings.replace(data_dir=tmp_path)) as process:
        await fan(db, api.account_id, first_name="Zoë", province="BC")
        await has(process, await db.value("select count(*) from accounts"))
        day = "2020-01-01"
        for expected in ({"name": "zoe"}, {"crm_start_active_date": day, "crm_end_active_date": day}):
            counted = await api.ok(await api.get(COUNT, **expected))
            assert counted["fan_count"] == ("name" in expected)
        assert query_of == []
        inner = await api.ok(await api.post("/api/v1/manage/filters", filter_name="named", name="zoe"))
        segment = f"filter:{inner['filter_uid']}"
        for expected in ({"fan_incl_segments": segment}, {"fan_excl_segments": segment}):
            counted = await api.ok(await api.get(COUNT, **expected))
            assert counted["fan_count"] == ("fan_incl_segments" in expected)
        assert query_of == []


def test_criteria_have_no_plan_if_one_of_them_has_none() -> None:
    without = [name for each in declarations(Criteria) if each.criterion.plan is None for name in each.parameters]
    assert without
    for name in without:
        values: dict[str, Any] = {name: "x", "fan_is_optout": False}
        assert plan_of(Criteria(**values), NOWHERE) is None, name
    assert plan_of(Criteria(fan_is_optout=False), NOWHERE) is not None


async def test_a_failed_build_is_retried(
    db: Db, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[int] = []
    start = IndexUpdater.start

    async def fails_once(self: IndexUpdater, zone: str) -> None:
        attempts.append(self.account_id)
        if attempts.count(self.account_id) == 1:
            raise IndexUnavailable
        await start(self, zone)

    monkeypatch.setattr(IndexUpdater, "start", fails_once)
    monkeypatch.setattr(server, "RETRY_SECONDS", 0.0)
    accounts = await db.value("select count(*) from accounts")
    async with running(settings.replace(data_dir=tmp_path)) as process:
        await has(process, accounts)
    assert len(attempts) == 2 * accounts


async def test_many_queries_of_one_account_delay_another_by_one(
    base_url: str, db: Db, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[int] = []

    async def refresh(self: IndexUpdater) -> AccountIndex:
        return self.index

    def noted(audience: AccountIndex, question: FansQuery | MembersQuery) -> Answer:
        answered.append(question.account_id)
        return Answer(count=len(audience.fans))

    async with new_api(base_url, db) as one, new_api(base_url, db) as second:
        async with running(settings.replace(data_dir=tmp_path)) as process:
            await has(process, await db.value("select count(*) from accounts"))
            monkeypatch.setattr(IndexUpdater, "refresh", refresh)
            monkeypatch.setattr(server, "evaluate", noted)
            query_of = [one.account_id] * 30 + [second.account_id]
            zone = process.updaters[one.account_id].index.zone
            everybody = plan_of(Criteria(), NOWHERE)
            assert everybody is not None
            await asyncio.gather(*(process.answer(FansQuery(each, zone, everybody, None)) for each in query_of))
        assert sorted(answered) == sorted(query_of)
        assert answered.index(second.account_id) < 3


async def test_an_account_that_cannot_be_indexed_affects_no_other(
    base_url: str, db: Db, settings: Settings, tmp_path: Path, query_of: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(server, "TICK_SECONDS", 0.05)
    async with new_api(base_url, db) as bad, new_api(base_url, db) as good:
        fan_id = await fan(db, bad.account_id)
        accounts = await db.value("select count(*) from accounts")
        async with running(settings.replace(data_dir=tmp_path)) as process:
            await has(process, accounts)
            # No number of degrees; told as a program tells it.
            await db.execute(NOWHERE_ON_EARTH, bad.account_id, fan_id, float("nan"))
            await has(process, accounts - 1)
            query_of.clear()
            await good.ok(await good.post("/api/v1/crm/fans", email="a@example.com"))
            for api in (good, bad):
                assert (await api.ok(await api.get(COUNT)))["fan_count"] == 1
            assert query_of[0]
            job = await db.value("select job_name from faults where account_id = $1", bad.account_id)
            assert job == server.JOB
            await db.execute(NOWHERE_ON_EARTH, bad.account_id, fan_id, 49.0)
            await has(process, accounts)
        assert await db.value("select count(*) from faults") == 0


NOWHERE_ON_EARTH = """
    with hold as materialized (select hold_position($1) as held),
    made as (update fans set latitude = $3 where account_id = $1 and fan_id = $2 returning fan_id)
    insert into changes (account_id, position, topic, subject_id, fan_id, occurred_at, data)
    select $1, nextval('positions'), 'fan.updated', made.fan_id::text, made.fan_id, now(), '{"fields": ["latitude"]}'
    from hold cross join made
"""


async def test_processes_divide_the_accounts_and_take_over(
    base_url: str, db: Db, settings: Settings, tmp_path: Path, query_of: list[bool]
) -> None:
    async with new_api(base_url, db, "One") as one, new_api(base_url, db, "Two") as two:
        accounts = await db.value("select count(*) from accounts")
        own_db = settings.replace(data_dir=tmp_path)
        async with running(own_db) as first:
            await has(first, accounts)
            async with running(own_db) as second:
                await has(second, accounts // 2)
                await has(first, accounts - accounts // 2)
                for api in (one, two):
                    await api.ok(await api.post("/api/v1/crm/fans", email="a@example.com"))
                    assert (await api.ok(await api.get(COUNT)))["fan_count"] == 1
            await has(first, accounts)
        query_of.clear()
        for api in (one, two):
            await api.ok(await api.post("/api/v1/crm/fans", email="b@example.com"))
            assert (await api.ok(await api.get(COUNT)))["fan_count"] == 2
        assert True not in query_of
