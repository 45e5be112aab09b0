"""One account in which every write fails, or whose time zone nobody knows: every job serves the others."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from fanfare.app import modules
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import Job, jobs_of
from fanfare.kernel.data.sweeps import Sweep
from fanfare.kernel.data.worker import Worker
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.running.settings import Settings
from fanfare.purchases.actions.purchases import TOKEN_PURPOSE
from tests.api import Api, new_api
from tests.imports.files import upload
from tests.segments.live import saved
from tests.storages.due import OF_STORAGES
from tests.streams.due import a_deleted_stream, a_sealed_source, an_old_post, an_old_sender, an_unused_picture
from tests.trackers.links import click, new_tracker

# Rows are written without their totals.
FILLS_TABLES = True

# Of no account: what the queue itself remembers.
OF_NO_ACCOUNT = {"kernel.forget_done", "staff.forget_old_sign_ins", "staff.keep_secrets"}
# Reads an account and writes into the queue alone, where no write of an account can fail.
OF_THE_QUEUE = {"account_settings.queue_again", "messages.queue_again", "streams.queue_sources"}
POISON = """
    create function poison() returns trigger language plpgsql as $$
    begin
        if coalesce(new.account_id, old.account_id) in (select account_id from poisoned) then
            raise 'poisoned';
        end if;
        return coalesce(new, old);
    end
    $$
"""


class Work(msgspec.Struct, frozen=True):
    """What makes a job due for an account, and the statement that tells whether it was done."""

    makes_due: Callable[[Api, Db], Awaitable[None]]
    is_done: str


async def an_old_answer(api: Api, db: Db) -> None:
    await api.ok(await api.post("/api/v1/manage/tags", {"Idempotency-Key": "old"}, tag_name="old"))
    sql = "update idempotency_keys set created_at = created_at - interval '2 days' where account_id = $1"
    await db.execute(sql, api.account_id)


async def an_old_search(api: Api, db: Db) -> None:
    await api.ok(await api.get("/api/v1/crm/fans"))
    sql = "update searches set created_at = created_at - interval '2 days' where account_id = $1"
    await db.execute(sql, api.account_id)


async def an_old_change(api: Api, db: Db) -> None:
    sql = """
        with hold as materialized (select hold_position($1) as held)
        insert into changes (account_id, position, topic, subject_id, occurred_at, data)
        select $1, nextval('positions'), 'thing.old', '', now() - interval '200 days', '{}' from hold
    """
    await db.execute(sql, api.account_id)


async def a_filter(api: Api, _: Db) -> None:
    await saved(api, "kept live")


async def a_fan(api: Api, _: Db) -> None:
    await api.ok(await api.post("/api/v1/crm/fans", email="rated@example.com"))


async def a_purchase(api: Api, _: Db) -> None:
    """Buy as nobody, who is known by then."""
    values = {"network": "shop", "purchase_key": "p", "order_key": "o", "merchant_key": "m", "customer_key": "c",
             "gross_sale_amount": 5, "net_sale_amount": 4, "order_timestamp": "2025-05-01 17:30:00"}  # fmt: skip
    await api.ok(await api.post("/api/v1/crm/purchases", **values))
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="buyer@example.com")))["fan_id"]
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/identifiers", network="shop", identifier_value="c"))


async def a_due_erasure(api: Api, db: Db) -> None:
    fan = await api.ok(await api.post("/api/v1/crm/fans", email="leaves@example.com"))
    await api.ok(await api.post("/api/v1/manage/erasure_requests", **fan))
    await db.execute(
        "update erasure_requests set erase_at = now() - interval '1 day' where account_id = $1", api.account_id
    )


async def an_old_session(api: Api, db: Db) -> None:
    await api.ok(await api.public_post("/api/v1/sessions/connect", network="guest"))
    sql = "update sessions set expires_at = now() - interval '2 days' where account_id = $1"
    await db.execute(sql, api.account_id)


async def an_old_token(api: Api, db: Db) -> None:
    sql = "insert into used_tokens (account_id, token_hash, expires_at) values ($1, '', now() - interval '1 day')"
    await db.execute(sql, api.account_id)


async def an_old_invitation(api: Api, db: Db) -> None:
    sql = """
        insert into staff_invitations (account_id, invitation_id, email, email_key, role, token_hash, created_at,
                                       expires_at)
        select account_id, nextval('positions'), 'a', 'a', 'full', convert_to(account_id::text, 'UTF8'), now(),
               now() - interval '1 day'
        from accounts where account_id = $1
    """
    await db.execute(sql, api.account_id)


async def a_sealed_token(api: Api, db: Db) -> None:
    """Store the sealed token twice: one changes when it is sealed again."""
    sql = """
        insert into shopify_shops (account_id, shop_url, shop_name, sealed_token, created_at, updated_at)
        values ($1, '', $2, $2, now(), now())
    """
    await db.execute(sql, api.account_id, secret_keys.seal(TOKEN_PURPOSE, b"made-up"))


async def an_old_login_code(api: Api, db: Db) -> None:
    await api.ok(await api.public_post("/api/v1/sessions/connect", network="guest"))
    sql = """
        insert into login_codes (account_id, code_hash, session_id, redirect_url, created_at, expires_at)
        select account_id, 'old', session_id, '', now(), now() - interval '2 days' from sessions where account_id = $1
        limit 1
    """
    await db.execute(sql, api.account_id)


async def an_old_message(api: Api, db: Db) -> None:
    sql = """
        insert into messages (account_id, message_id, request_key, channel, template_name, message_language,
                              message_state, created_at, due_at)
        values ($1, nextval('positions'), 'old', 'email', 'login_code', 'en', 'sent', now() - interval '1 year', now())
    """
    await db.execute(sql, api.account_id)


async def an_old_grant(api: Api, db: Db) -> None:
    client = await api.ok(
        await api.post("/api/v1/manage/openid_clients", client_name="Shop", redirect_uris=["https://shop.example/"])
    )
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="buyer@example.com")))["fan_id"]
    sql = """
        insert into openid_grants (account_id, grant_id, client_id, fan_id, session_id, subject, scopes, redirect_uri,
                                   code_hash, authenticated_at, created_at, expires_at)
        values ($1, gen_random_uuid(), $2, $3, 0, '', '{}', '', '', now(), now(), now() - interval '1 day')
    """
    await db.execute(sql, api.account_id, client["client_id"], fan_id)


async def an_ended_key(api: Api, db: Db) -> None:
    sql = """
        insert into openid_keys (account_id, key_number, sealed_key, public_key, created_at, begins_at, ends_at)
        values ($1, 1, '', '{}', now(), now(), now() - interval '1 day')
    """
    await db.execute(sql, api.account_id)


async def a_click_by_old_rules(api: Api, _: Db) -> None:
    saved = await new_tracker(api)
    await click(str(api.client.base_url), saved["tracker_key"])


async def an_old_click(api: Api, db: Db) -> None:
    await a_click_by_old_rules(api, db)
    await db.execute(
        "update tracker_clicks set clicked_at = now() - interval '1 year' where account_id = $1", api.account_id
    )


async def a_webhook(api: Api, _: Db) -> None:
    # Nobody answers there.
    await api.ok(await api.post("/api/v1/manage/webhooks", url="http://127.0.0.1:1/", topics=["tag.*"]))
    await api.ok(await api.post("/api/v1/manage/tags", tag_name="delivered"))


async def a_due_webhook(api: Api, db: Db) -> None:
    await a_webhook(api, db)
    (hook,) = await api.ok(await api.get("/api/v1/manage/webhooks"))
    await api.ok(await api.post(f"/api/v1/manage/webhooks/{hook['webhook_uid']}/test"))
    await db.execute("update webhooks set due_at = due_at - interval '1 day' where account_id = $1", api.account_id)


async def an_old_delivery(api: Api, db: Db) -> None:
    await a_due_webhook(api, db)
    sql = "update webhook_deliveries set created_at = created_at - interval '1 year' where account_id = $1"
    await db.execute(sql, api.account_id)


async def an_export(api: Api, _: Db) -> None:
    await api.ok(await api.post("/api/v1/manage/exports", table="activities"))


async def an_old_export(api: Api, db: Db) -> None:
    await an_export(api, db)
    sql = (
        "update exports set export_state = 'failed', updated_at = updated_at - interval '1 year' where account_id = $1"
    )
    await db.execute(sql, api.account_id)


async def a_due_schedule(api: Api, db: Db) -> None:
    await api.ok(await api.post("/api/v1/manage/export_schedules", table="activities", frequency="daily", hour=3))
    sql = "update export_schedules set next_run_at = next_run_at - interval '2 days' where account_id = $1"
    await db.execute(sql, api.account_id)


async def a_fan_job(api: Api, _: Db) -> None:
    fan = await api.ok(await api.post("/api/v1/crm/fans", email="jobs@example.com"))
    job = {"action": "tag", "tag_name": "early bird", "fan_ids": [fan["fan_id"]]}
    await api.ok(await api.post("/api/v1/manage/fan_jobs", **job))


async def an_import(api: Api, _: Db) -> None:
    uid = await upload(api, b"email\nada@example.com\n")
    await api.ok(await api.post(f"/api/v1/manage/imports/{uid}/run"))


async def an_old_import(api: Api, db: Db) -> None:
    await an_import(api, db)
    sql = "update imports set import_state = 'ready', updated_at = updated_at - interval '1 year' where account_id = $1"
    await db.execute(sql, api.account_id)


async def a_due_quest(api: Api, db: Db) -> None:
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="quests@example.com")))["fan_id"]
    sql = "insert into quest_progresses values ($1, $2, 1, 1, true)"
    await db.execute(sql, api.account_id, fan_id)


WORK = {
    **{job: Work(makes_due, is_done) for job, (makes_due, is_done) in OF_STORAGES.items()},
    "accounts.forget_calls": Work(an_old_answer, "select count(*) = 0 from idempotency_keys where account_id = $1"),
    "search.forget_old_searches": Work(an_old_search, "select count(*) = 0 from searches where account_id = $1"),
    "kernel.trim": Work(
        an_old_change, "select count(*) = 0 from changes where account_id = $1 and topic = 'thing.old'"
    ),
    "segments.keep_members": Work(a_filter, "select built_at is not null from filter_states where account_id = $1"),
    "ratings.rate_fans": Work(a_fan, "select count(*) > 0 from rating_progress where account_id = $1"),
    "sessions.forget_old_sessions": Work(an_old_session, "select count(*) = 0 from sessions where account_id = $1"),
    "identities.keep_identities": Work(an_old_token, "select count(*) = 0 from used_tokens where account_id = $1"),
    "hosted.erase_as_requested": Work(
        a_due_erasure, "select bool_and(request_state = 'done') from erasure_requests where account_id = $1"
    ),
    "messages.forget_messages": Work(an_old_message, "select count(*) = 0 from messages where account_id = $1"),
    "hosted.forget_login_codes": Work(an_old_login_code, "select count(*) = 0 from login_codes where account_id = $1"),
    "openid.forget_grants": Work(an_old_grant, "select count(*) = 0 from openid_grants where account_id = $1"),
    "staff.forget_old_invitations": Work(
        an_old_invitation, "select count(*) = 0 from staff_invitations where account_id = $1"
    ),
    "openid.keep_keys": Work(an_ended_key, "select count(*) = 0 from openid_keys where account_id = $1"),
    "performances.settle_quests": Work(
        a_due_quest, "select bool_and(not is_due) from quest_progresses where account_id = $1"
    ),
    "streams.forget_records": Work(
        an_old_post,
        "select count(*) = 0 from stream_records where account_id = $1 and created_at < now() - interval '1 day'",
    ),
    "streams.forget_streams": Work(
        a_deleted_stream, "select count(*) = 0 from streams where account_id = $1 and deleted_at is not null"
    ),
    "streams.forget_senders": Work(
        an_old_sender, "select count(sender_key) = 0 from stream_records where account_id = $1"
    ),
    "streams.forget_pictures": Work(
        an_unused_picture, "select count(*) = 0 from stream_pictures where account_id = $1"
    ),
    "streams.seal_secrets": Work(
        a_sealed_source, "select bool_and(source_name <> sealed_secret) from stream_sources where account_id = $1"
    ),
    "purchases.keep_shop": Work(
        a_sealed_token, "select shop_name <> sealed_token from shopify_shops where account_id = $1"
    ),
    "trackers.follow_sales": Work(
        a_fan, "select coalesce(max(feed_position), 0) > 0 from tracker_settings where account_id = $1"
    ),
    "trackers.judge_clicks": Work(
        a_click_by_old_rules,
        "select coalesce(max(rules_version), '') <> '' from tracker_settings where account_id = $1",
    ),
    "trackers.clear_old_clicks": Work(
        an_old_click, "select bool_and(ip_address is null) from tracker_clicks where account_id = $1"
    ),
    "webhooks.follow_changes": Work(a_webhook, "select count(*) > 0 from webhook_deliveries where account_id = $1"),
    "webhooks.send_deliveries": Work(
        a_due_webhook,
        "select lease_ends_at > '-infinity' or failure_count > 0 from webhooks where account_id = $1",
    ),
    "webhooks.keep_webhooks": Work(
        an_old_delivery, "select count(*) = 0 from webhook_deliveries where account_id = $1"
    ),
    "exports.work_on_exports": Work(
        an_export, "select bool_and(export_state = 'completed') from exports where account_id = $1"
    ),
    "exports.run_schedules": Work(
        a_due_schedule, "select bool_and(last_run_at is not null) from export_schedules where account_id = $1"
    ),
    "fan_jobs.carry_out_fan_jobs": Work(
        a_fan_job, "select bool_and(job_state = 'completed') from fan_jobs where account_id = $1"
    ),
    "exports.forget_files": Work(an_old_export, "select bool_and(not has_file) from exports where account_id = $1"),
    "imports.work_on_imports": Work(
        an_import, "select bool_and(import_state = 'completed') from imports where account_id = $1"
    ),
    "imports.forget_files": Work(an_old_import, "select bool_and(not has_file) from imports where account_id = $1"),
    "purchases.match_purchases": Work(a_purchase, "select fan_id is not null from purchases where account_id = $1"),
}


def jobs(settings: Settings) -> dict[str, Job]:
    """Return every job of a worker that is not queued by somebody."""
    declared = [*jobs_of(modules("jobs")), *Worker(settings, []).own_jobs()]
    return {each.name: each for each in declared if each.crontab or each.is_endless}


def test_every_job_goes_over_accounts_in_the_one_way(settings: Settings) -> None:
    separate = {name for name, job in jobs(settings).items() if job.each is not None}
    assert separate == jobs(settings).keys() - OF_NO_ACCOUNT == WORK.keys() | OF_THE_QUEUE


@pytest.fixture(scope="module", autouse=True)
async def poison(db: Db) -> None:
    """Let every write of an account named in `poisoned` fail, but for the notes of its faults."""
    await db.execute("create table poisoned (account_id bigint)")
    await db.execute(POISON)
    for row in await db.rows(TABLES):
        await db.execute(
            f"create trigger poison before insert or update or delete on {row['name']}"
            " for each row execute function poison()"
        )


@pytest.fixture
async def poisoned(base_url: str, db: Db) -> AsyncIterator[Api]:
    """An account before all others."""
    async with new_api(base_url, db, "Poisoned") as client:
        yield client


TABLES = """
    select table_name as name from information_schema.columns
    where table_schema = 'public' and column_name = 'account_id' and table_name not in ('faults', 'poisoned')
"""


@pytest.mark.parametrize("name", WORK)
async def test_an_account_that_fails_keeps_no_other_from_its_turn(
    poisoned: Api, base_url: str, db: Db, settings: Settings, name: str
) -> None:
    job, work = jobs(settings)[name], WORK[name]
    now = datetime.now(UTC)
    sweep = Sweep(job, db, lambda: now)
    async with new_api(base_url, db) as second:
        for each in (poisoned, second):
            await work.makes_due(each, db)
        await db.execute("insert into poisoned values ($1)", poisoned.account_id)
        for _ in range(3):
            await sweep.run(asyncio.Semaphore())
        await db.execute("delete from poisoned")
        assert await db.value(work.is_done, second.account_id)
        assert not await db.value(work.is_done, poisoned.account_id)
        fault = "select fault, fail_count from faults where account_id = $1 and job_name = $2"
        noted = await db.row(fault, poisoned.account_id, name)
        assert noted is not None
        # One that rests is not tried again at once.
        assert (noted["fault"], noted["fail_count"]) == ("fails (RaiseError)", 1)
        now += timedelta(seconds=6)
        for _ in range(3):
            await sweep.run(asyncio.Semaphore())
        assert await db.value(work.is_done, poisoned.account_id)
        assert await db.row(fault, poisoned.account_id, name) is None


@pytest.mark.parametrize("name", WORK)
async def test_an_account_in_no_time_zone_keeps_no_other_from_its_turn(
    poisoned: Api, base_url: str, db: Db, settings: Settings, name: str
) -> None:
    job, work = jobs(settings)[name], WORK[name]
    async with new_api(base_url, db) as second:
        for each in (poisoned, second):
            await work.makes_due(each, db)
        zone = "update accounts set time_zone = $2 where account_id = $1"
        await db.execute(zone, poisoned.account_id, "Nowhere/At_all")
        for _ in range(3):
            await Sweep(job, db, lambda: datetime.now(UTC)).run(asyncio.Semaphore())
        await db.execute(zone, poisoned.account_id, "America/Los_Angeles")
        assert await db.value(work.is_done, second.account_id)
