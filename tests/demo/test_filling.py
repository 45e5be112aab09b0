"""The demo account is what the domains themselves would have written, one call at a time."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from fanfare.accounts.actions import create_account
from fanfare.demo import create_demo, fill
from fanfare.demo.filling import NotEmpty
from fanfare.fans.actions.consents import ConsentEntry, ConsentState
from fanfare.fans.actions.fields import TYPES
from fanfare.kernel.data.db import Db
from fanfare.trackers.verdicts.rules import COUNT_COLUMNS

NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
FANS = 1500


@pytest.fixture(scope="module")
async def account_id(db: Db) -> int:
    await create_demo(db, 40, NOW)
    return (await create_demo(db, FANS, NOW)).account_id


async def test_the_account_has_what_was_promised(db: Db, account_id: int) -> None:
    async def count(sql: str) -> int:
        result: int = await db.value(sql, account_id)
        return result

    assert await count("select count(*) from fans where account_id = $1") == FANS
    assert await count("select count(distinct role) from staff_memberships where account_id = $1") == 5
    assert await count("select count(*) from businesses where account_id = $1") == 5
    assert await count("select count(*) from campaigns where account_id = $1 and app_type <> 'quest'") == 31
    assert await count("select count(*) from crm_fields where account_id = $1") == 8
    assert 4 * FANS < await count("select count(*) from activities where account_id = $1") < 6 * FANS
    assert FANS < await count("select count(*) from fan_tags where account_id = $1") < 4 * FANS
    optouts = await count("select count(*) from fans where account_id = $1 and is_optout")
    assert 0.01 < optouts / FANS < 0.05
    maximum = await count(
        "select max(many) from (select count(*) as many from activities where account_id = $1 group by fan_id) as each"
    )
    assert maximum > 30
    assert await count("select count(distinct rating) from fans where account_id = $1") > 5
    assert await count("select count(*) from fans where account_id = $1 and rating is null") == 0


async def test_campaigns_span_two_years_and_what_is_over_is_closed(db: Db, account_id: int) -> None:
    rows = await db.rows(
        "select app_type, starts_at, ends_at, closed_at, is_active, winner_fan_id, created_at from campaigns"
        " where account_id = $1 and starts_at is not null and app_type <> 'quest' order by starts_at",
        account_id,
    )
    assert {row["app_type"] for row in rows} == {"sweepstakes", "quiz", "form", "custom", "registration"}
    assert NOW - timedelta(days=731) < rows[0]["starts_at"] < NOW - timedelta(days=700)
    assert rows[-1]["starts_at"] > NOW
    for row in rows:
        is_over = row["ends_at"] <= NOW
        assert row["is_active"] is not is_over
        assert (row["closed_at"] is not None) is is_over
        assert (row["winner_fan_id"] is not None) is (is_over and row["app_type"] == "sweepstakes")
        assert row["created_at"] <= min(row["starts_at"], NOW)


async def test_activities_lie_in_their_campaign_and_in_the_fans_time(db: Db, account_id: int) -> None:
    stray = await db.value(
        """
        select count(*) from activities a
        join campaigns c on c.account_id = a.account_id and c.page_tab_id = a.page_tab_id
        join fans f on f.account_id = a.account_id and f.fan_id = a.fan_id
        where a.account_id = $1
          and not (a.created_at between c.starts_at and c.ends_at and a.created_at between f.created_at and $2)
        """,
        account_id,
        NOW,
    )
    assert stray == 0
    busiest = await db.rows(
        "select created_at::date, count(*) from activities where account_id = $1 group by 1 order by 2 desc", account_id
    )
    # Waves: the busiest tenth of the days hold half of all.
    assert sum(row[1] for row in busiest[: len(busiest) // 10]) > 0.4 * sum(row[1] for row in busiest)


async def test_flags_are_the_fold_of_the_ledger(db: Db, account_id: int) -> None:
    words: dict[int, ConsentState] = defaultdict(ConsentState)
    businesses: dict[tuple[int, int], bool] = {}
    for row in await db.rows(
        "select fan_id, channel, is_granted, business_id, given_at from consents where account_id = $1"
        " order by consent_id",
        account_id,
    ):
        words[row["fan_id"]].add(ConsentEntry(row["channel"], row["is_granted"], row["business_id"]), row["given_at"])
        if row["business_id"] is not None:
            businesses[row["fan_id"], row["business_id"]] = row["is_granted"]
        elif row["channel"] == "everything" and not row["is_granted"]:
            businesses |= {key: False for key in businesses if key[0] == row["fan_id"]}
    heard = {channel for fold in words.values() for channel, *_ in fold.latest}
    assert heard == {"email", "phone", "business", "everything"}
    for row in await db.rows("select * from fans where account_id = $1", account_id):
        columns = words[row["fan_id"]].columns()
        assert {name: row[name] for name in columns} == columns
    remaining = await db.rows(
        "select fan_id, business_id, is_opted_in from fan_businesses where account_id = $1", account_id
    )
    assert {(row["fan_id"], row["business_id"]): row["is_opted_in"] for row in remaining} == businesses


# How often the change log must tell of each topic.
COUNTS = {
    "draw.created": "select count(*) from draws where account_id = $1",
    "draw.completed": "select count(*) from draws where account_id = $1 and draw_state = 'completed'",
    "draw.won": "select count(*) from draw_winners where account_id = $1 and winner_kind in ('winner', 'replacement')",
    "draw.struck": "select count(*) from draw_winners where account_id = $1 and winner_kind = 'strike'",
    "filter.created": "select count(*) from filters where account_id = $1",
    "snapshot.created": "select count(*) from snapshots where account_id = $1",
    "fan.created": "select count(*) from fans where account_id = $1",
    "fan.identified": "select count(*) from fan_identifiers where account_id = $1"
    " and network not in ('email', 'phone')",
    "activity.created": "select count(*) from activities where account_id = $1",
    "tag.created": "select count(*) from tags where account_id = $1",
    "tag.added": "select count(*) from fan_tags where account_id = $1",
    "consent.given": "select count(*) from consents where account_id = $1 and is_granted",
    "consent.withdrawn": "select count(*) from consents where account_id = $1 and not is_granted",
    "field.created": "select count(*) from crm_fields where account_id = $1",
    "business.created": "select count(*) from businesses where account_id = $1",
    "campaign.created": "select count(*) from campaigns where account_id = $1",
    "ticket.created": "select count(*) from tickets where account_id = $1",
    "ticket_event.created": "select count(*) from ticket_events where account_id = $1",
    "campaign.closed": "select count(*) from campaigns where account_id = $1 and closed_at is not null",
    "idol.created": "select count(*) from idols where account_id = $1",
    "idol_event.created": "select count(*) from idol_events where account_id = $1",
    "fan_idol.added": "select count(*) from fan_idols where account_id = $1",
    "performance.created": "select count(*) from performances where account_id = $1",
    "schedule.added": "select (select count(*) from fan_performances where account_id = $1)"
    " + (select count(*) from fan_events where account_id = $1)",
    "point.created": "select count(*) from points where account_id = $1",
    "points.awarded": "select count(*) from fan_points where account_id = $1",
    "registration.created": "select count(*) from registrations where account_id = $1",
    "scan.created": "select count(*) from scans where account_id = $1",
    "pass_section.created": "select count(*) from pass_sections where account_id = $1",
    "pass.created": "select count(*) from passes where account_id = $1",
    "pass.claimed": "select count(*) from passes where account_id = $1 and claimed_at is not null",
    "pass.cancelled": "select count(*) from passes where account_id = $1 and cancelled_at is not null",
    "pass.checked_in": "select count(*) from passes where account_id = $1 and checked_in_at is not null",
    "ad_project.created": "select count(*) from ad_projects where account_id = $1",
    "ad_project_line.created": "select count(*) from ad_project_lines where account_id = $1",
    "portal.created": "select count(*) from portals where account_id = $1",
    "quest.created": "select count(*) from quests where account_id = $1",
    "quest.completed": "select count(*) from quest_progresses where account_id = $1 and completed_at is not null",
    "reward.created": "select count(*) from rewards where account_id = $1",
    "reward_claim.created": "select count(*) from reward_claims where account_id = $1",
    "reward_claim.deleted": "select count(*) from reward_claims where account_id = $1 and undone_at is not null",
    "report.created": "select count(*) from reports where account_id = $1",
    "ad_figures.updated": "select count(distinct (network, figure_date)) from ad_days where account_id = $1",
    "tracker.created": "select count(*) from trackers where account_id = $1",
    "tracker_event.created": "select count(*) from tracker_events where account_id = $1 and is_clicked",
    "stream.created": "select count(*) from streams where account_id = $1",
    "stream_record.created": "select count(*) from stream_records where account_id = $1",
    "prop.created": "select count(*) from props where account_id = $1",
    "purchase.created": "select count(*) from purchases where account_id = $1",
    "purchase.updated": "select count(*) from purchases where account_id = $1 and updated_at > created_at",
    "session.created": "select count(*) from sessions where account_id = $1",
}


async def test_the_change_log_tells_of_every_row(db: Db, account_id: int) -> None:
    topics = {
        row[0]: row[1]
        for row in await db.rows("select topic, count(*) from changes where account_id = $1 group by 1", account_id)
    }
    for topic, sql in COUNTS.items():
        assert topics.pop(topic) == await db.value(sql, account_id)
    moves = {"segment.built", "segment.entered", "segment.left"}
    assert set(topics) == {"fan.updated", "stream_record.updated", *moves}
    astray = await db.value(
        """
        select count(*) from fans f
        cross join lateral (
            select position, occurred_at from changes
            where account_id = $1 and fan_id = f.fan_id and topic in ('fan.created', 'fan.updated')
            order by position desc limit 1
        ) as last
        where f.account_id = $1 and (f.position <> last.position or f.updated_at <> last.occurred_at)
        """,
        account_id,
    )
    assert astray == 0


async def test_trackers_have_clicks_of_people_and_programs_and_sales(db: Db, account_id: int) -> None:
    sums = ", ".join(f"sum({column}) as {verdict}" for verdict, column in COUNT_COLUMNS.items())
    (clicks,) = await db.rows(f"select {sums} from tracker_click_days where account_id = $1", account_id)
    verdicts = {verdict for verdict, count in dict(clicks).items() if count}
    assert verdicts == {"human", "repeated", "head", "prefetch", "preview", "bot"}
    sales = await db.rows(
        """
        select t.network, sum(d.purchase_count) as count, sum(d.purchase_amount) as amount
        from tracker_sale_days d join trackers t on t.account_id = $1 and t.tracker_id = d.tracker_id
        where d.account_id = $1 group by 1
        """,
        account_id,
    )
    assert {row["network"] for row in sales if row["count"] and row["amount"]} == {"custom", "instagram", "google"}


async def test_the_log_of_fans_runs_with_the_time(db: Db, account_id: int) -> None:
    moments = await db.rows(
        # The members of filters are found last, as of days that are past.
        "select occurred_at from changes where account_id = $1 and fan_id is not null and topic <> 'campaign.closed'"
        " and topic not like 'segment.%' order by position",
        account_id,
    )
    assert all(earlier[0] <= later[0] for earlier, later in pairwise(moments))


async def test_fans_are_known_by_what_they_have(db: Db, account_id: int) -> None:
    astray = await db.value(
        """
        select count(*) from fans f
        where account_id = $1 and (
            email is not null and not exists (
                select from fan_identifiers i where i.account_id = $1 and i.network = 'email'
                and i.identifier_value = lower(f.email) and i.fan_id = f.fan_id)
            or phone is not null and not exists (
                select from fan_identifiers i where i.account_id = $1 and i.network = 'phone'
                and i.identifier_value = f.phone and i.fan_id = f.fan_id))
        """,
        account_id,
    )
    assert astray == 0


async def test_custom_values_are_of_their_type(db: Db, account_id: int) -> None:
    rows = await db.rows(
        """
        select d.crm_field_key, d.field_type, d.field_options, v.field_value
        from fan_fields v join crm_fields d on d.account_id = v.account_id and d.crm_field_key = v.crm_field_key
        where v.account_id = $1
        """,
        account_id,
    )
    assert len({row["crm_field_key"] for row in rows}) == 8
    for row in rows:
        assert TYPES[row["field_type"]](row["field_value"], row["field_options"]) == row["field_value"]


async def test_the_same_seed_makes_the_same_account(db: Db) -> None:
    async def content(seed: int) -> list[object]:
        account = await create_account(db, "Again", NOW)
        reports: list[tuple[str, float]] = []
        await fill(db, account.account_id, 60, now=NOW, seed=seed, report=lambda *args: reports.append(args))
        assert {kind for kind, _ in reports} >= {"people", "lives", "fans", "changes"}
        assert all(0 <= share <= 1 for _, share in reports)
        people = await db.rows(
            "select first_name, email, phone, is_subscribed, created_at from fans"
            " where account_id = $1 order by fan_id",
            account.account_id,
        )
        topics = await db.rows(
            "select topic, occurred_at from changes where account_id = $1 order by position", account.account_id
        )
        return [*map(tuple, people), *map(tuple, topics)]

    assert await content(3) == await content(3)
    assert await content(3) != await content(4)


async def test_an_account_with_fans_is_not_filled_again(db: Db, account_id: int) -> None:
    with pytest.raises(NotEmpty):
        await fill(db, account_id, 10, now=NOW)
    assert await db.value("select count(*) from fans where account_id = $1", account_id) == FANS


async def test_one_fan_is_enough(db: Db) -> None:
    created = await create_demo(db, 1, NOW)
    assert await db.value("select count(*) from fans where account_id = $1", created.account_id) == 1


@pytest.mark.parametrize("stage", ["people", "lives", "activities"])
async def test_a_demo_that_fails_leaves_no_account(db: Db, stage: str) -> None:
    def fail(kind: str, _: float) -> None:
        if kind == stage:
            raise InterruptedError

    old = await db.value("select count(*) from accounts")
    with pytest.raises(InterruptedError):
        await create_demo(db, 10, NOW, fail)
    assert await db.value("select count(*) from accounts") == old
