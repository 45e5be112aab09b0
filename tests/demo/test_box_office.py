"""What the demo's box office sold: in its time, at the price of its level, to those who would come."""

from datetime import timedelta

from fanfare.demo.shows import shows
from fanfare.demo.towns import TOWNS
from fanfare.kernel.data.db import Db
from tests.demo.made import FANS, NOW, account_id, database_url

__all__ = ["account_id", "database_url"]


def test_two_seasons_are_on_sale_and_more_lies_ahead() -> None:
    listed = shows(NOW.date())
    assert len({show.key for show in listed}) == len(listed) > 100
    assert {show.event_type for show in listed} == {"season", "match", "festival", "concert"}
    assert timedelta(days=680) < NOW.date() - listed[0].day < timedelta(days=730)
    assert sum(show.day > NOW.date() for show in listed) > 3
    assert {show.hall.province for show in listed} <= {town.province for town in TOWNS}
    # Nobody plays twice on a day in one hall.
    played = [(show.day, show.hall.name, show.event_type) for show in listed if show.event_type != "festival"]
    assert len(set(played)) == len(played)


async def test_most_fans_who_come_buy_for_what_they_follow(db: Db, account_id: int) -> None:
    count = await db.value("select count(*) from tickets where account_id = $1", account_id)
    assert FANS < count < 4 * FANS
    holders = await db.row(
        """
        select count(*) as tagged, count(*) filter (where exists (
            select from tickets t join ticket_events e on e.account_id = $1 and e.event_uid = t.event_uid
            where t.account_id = $1 and t.fan_id = g.fan_id and e.event_type = 'season')) as seated
        from fan_tags g join tags on tags.account_id = $1 and tags.tag_id = g.tag_id
        where g.account_id = $1 and tag_name = 'Season ticket holder'
        """,
        account_id,
    )
    assert holders is not None
    assert 0.9 < holders["seated"] / holders["tagged"] <= 1


async def test_prices_are_those_of_the_levels_and_times_those_of_the_sale(db: Db, account_id: int) -> None:
    prices = {(show.key, level.code): (level.price, show) for show in shows(NOW.date()) for level in show.hall.levels}
    rows = await db.rows(
        """
        select e.event_key, e.event_date, t.price_code, t.paid_amount, t.num_seats, t.currency, t.purchased_at,
               t.created_at
        from tickets t join ticket_events e on e.account_id = t.account_id and e.event_uid = t.event_uid
        where t.account_id = $1 order by t.ticket_id
        """,
        account_id,
    )
    for row in rows:
        price, show = prices[row["event_key"], row["price_code"]]
        assert row["paid_amount"] == price * row["num_seats"] > 0
        assert row["currency"] == show.hall.currency
        assert row["purchased_at"] < NOW == row["created_at"]
        first = row["event_date"] - timedelta(days=show.on_sale_days)
        assert first <= row["purchased_at"].date() <= row["event_date"] + timedelta(days=1)
    assert [row["purchased_at"] for row in rows] == sorted(row["purchased_at"] for row in rows)
    assert {row["currency"] for row in rows} == {"CAD", "USD"}


async def test_keys_lead_to_the_fans_who_have_them(db: Db, account_id: int) -> None:
    astray = await db.value(
        """
        select count(*) from tickets t
        where t.account_id = $1 and t.customer_key is not null and not exists (
            select from fan_identifiers i where i.account_id = $1 and i.network = t.network
            and i.identifier_value = t.customer_key and i.fan_id = t.fan_id)
        """,
        account_id,
    )
    assert astray == 0
    counts = (
        "select count(*), count(*) filter (where is_deleted), count(customer_key) from tickets where account_id = $1"
    )
    row = await db.row(counts, account_id)
    assert row is not None
    assert 0 < row[1] < 0.05 * row[0] < row[2]
