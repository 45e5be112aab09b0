"""What the demo's fans do beside campaigns holds together as the domains' own statements would leave it."""

from decimal import Decimal

import pytest

from fanfare.demo.loyalty import POINTS_PER_GATE
from fanfare.kernel.data.db import Db
from tests.demo.made import FANS, NOW, account_id, database_url

__all__ = ["account_id", "database_url"]


async def count(db: Db, sql: str, account_id: int) -> int:
    result: int = await db.value(sql, account_id)
    return result


@pytest.mark.parametrize(
    ("sql", "minimum", "limit"),
    [
        ("select count(*) from idols where account_id = $1", 16, 16),
        ("select count(*) from idol_events where account_id = $1", 18, 18),
        ("select count(*) from idol_events where account_id = $1 and is_available", 6, 6),
        ("select count(*) from performances where account_id = $1", 90, 140),
        ("select count(*) from products where account_id = $1", 14, 14),
        ("select count(*) from points where account_id = $1", 3, 3),
        ("select count(*) from quests where account_id = $1", 5, 5),
        ("select count(*) from quest_progresses where account_id = $1 and completed_at is not null", 36, 60),
        ("select count(*) from reward_claims where account_id = $1 and undone_at is null", 8, 20),
        ("select count(*) from reward_claims where account_id = $1 and undone_at is not null", 1, 1),
        ("select count(*) from reward_claims where account_id = $1 and reward_code is not null", 5, 12),
        ("select count(*) from reward_codes where account_id = $1", 30, 39),
        ("select count(*) from webhook_deliveries where account_id = $1 and delivery_state = 'delivered'", 30, 36),
        ("select count(*) from webhook_deliveries where account_id = $1 and delivery_state = 'failed'", 4, 4),
        ("select count(*) from fan_idols where account_id = $1", FANS // 3, FANS * 2),
        ("select count(*) from fan_idols where account_id = $1 and not is_explicit", FANS // 20, FANS),
        ("select count(*) from fan_performances where account_id = $1", FANS // 20, FANS),
        ("select count(*) from fan_events where account_id = $1", FANS // 40, FANS),
        ("select count(*) from fan_points where account_id = $1", FANS // 3, FANS * 3),
        ("select count(*) from fan_points where account_id = $1 and point_count < 0", 5, FANS // 10),
        ("select count(*) from hidden_fans where account_id = $1", 1, 30),
        ("select count(distinct board) from standings where account_id = $1 and board like 'campaign:%'", 6, 12),
        ("select count(*) from purchases where account_id = $1", FANS // 6, FANS),
        ("select count(*) from purchases where account_id = $1 and deduction_amount > 0", FANS // 50, FANS // 3),
        ("select count(distinct network) from purchases where account_id = $1", 2, 2),
    ],
)
async def test_there_is_something_of_each(db: Db, account_id: int, sql: str, minimum: int, limit: int) -> None:
    assert minimum <= await count(db, sql, account_id) <= limit


async def test_nothing_comes_before_its_fan_or_after_the_present(db: Db, account_id: int) -> None:
    for table, moment in (
        ("fan_idols", "created_at"), ("fan_performances", "created_at"), ("fan_events", "created_at"),
        ("fan_points", "created_at"), ("purchases", "ordered_at"), ("purchases", "updated_at"),
        ("hidden_fans", "created_at"),
    ):  # fmt: skip
        sql = f"""
            select count(*) from {table} t join fans f on f.account_id = $1 and f.fan_id = t.fan_id
            where t.account_id = $1 and not t.{moment} between f.created_at and $2
        """
        assert await db.value(sql, account_id, NOW) == 0, table


async def test_balances_and_ranks_are_those_of_the_bookings(db: Db, account_id: int) -> None:
    wrong = await db.value(
        """
        with sums as (
            select board, fan_id, sum(point_count)::bigint as total, count(*) as award_count
            from fan_points cross join lateral (values ('point:' || point_uid), ('campaign:' || page_tab_id)) b (board)
            where account_id = $1 and board is not null group by 1, 2
        ),
        buckets as (
            select board, level::smallint, standing_bucket(total) >> (7 * level) as bucket, count(*) as fan_count
            from sums cross join generate_series(0, 1) level group by 1, 2, 3
        )
        select (select count(*) from sums s full join (select * from standings where account_id = $1) k
                using (board, fan_id, total, award_count) where s.board is null or k.account_id is null)
             + (select count(*) from buckets w full join (
                    select * from standing_buckets where account_id = $1 and fan_count > 0) k
                using (board, level, bucket, fan_count) where w.board is null or k.account_id is null)
        """,
        account_id,
    )
    assert wrong == 0
    owing = "select count(*) from standings where account_id = $1 and total < 0"
    assert await db.value(owing, account_id) == 0
    gates = await db.rows(
        "select distinct point_count from fan_points where account_id = $1 and point_source = 'check-in'", account_id
    )
    assert [row[0] for row in gates] == [POINTS_PER_GATE]


async def test_a_booking_belongs_to_the_activity_that_earned_it(db: Db, account_id: int) -> None:
    astray = await db.value(
        """
        select count(*) from fan_points p
        left join activities a on a.account_id = $1 and a.activity_id = p.activity_id
        where p.account_id = $1 and p.point_source in ('quiz', 'check-in')
          and (p.fan_id, p.page_tab_id, p.created_at) is distinct from (a.fan_id, a.page_tab_id, a.created_at)
        """,
        account_id,
    )
    assert astray == 0


async def test_amounts_add_up(db: Db, account_id: int) -> None:
    rows = await db.rows(
        "select gross_sale_amount, net_sale_amount, deduction_amount, quantity, currency, fan_id, email"
        " from purchases where account_id = $1",
        account_id,
    )
    for row in rows:
        assert row["gross_sale_amount"] - row["net_sale_amount"] == row["deduction_amount"]
        assert Decimal(0) <= row["net_sale_amount"] <= row["gross_sale_amount"]
        assert row["currency"] == "CAD"
        assert row["email"]
