"""The same fans, activities, events, tickets and passes for each peer: made once for Fanfare, then copied by COPY."""

import asyncio
import io
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

import asyncpg

from bench.activities import filled
from bench.data import ACCOUNT, NOW
from bench.peers.calls import PASS_CAMPAIGN, Sample
from fanfare.fans.schemas.fans import Fan

# The fields of an answer that only Fanfare has columns for.
EXTRA = Fan.__struct_fields__
PASSES = """
    insert into passes (account_id, pass_uid, pass_id, pass_code, page_tab_id, fan_id, claim_fan_id, claimed_at,
                        created_at, updated_at)
    select $1, gen_random_uuid(), 500000000 + n, 'P' || lpad(n::text, 7, '0'), $2, 1 + n % $3, 1 + n % $3, $4, $4, $4
    from generate_series(0, $5 - 1) as n
"""
# The data set as tables of its own, without what belongs to one product: by name, the query that reads it.
TABLES: Mapping[str, str] = {
    "campaigns": "select page_tab_id, title, app_type from campaigns where account_id = $1",
    "tags": "select tag_id, tag_name from tags where account_id = $1",
    "fans": """
        select fan_id, first_name, last_name, email, phone, gender, birth_date, country_code, province, city,
               postal_code, metro_area, latitude, longitude, ip_address, rating, fan_source, is_subscribed,
               is_phone_subscribed, is_optout, is_confirmed, created_at, updated_at
        from fans where account_id = $1 order by fan_id
    """,
    "fan_tags": "select fan_id, tag_id, created_at from fan_tags where account_id = $1 order by created_at",
    "activities": """
        select activity_id, fan_id, page_tab_id, props, created_at from activities where account_id = $1
        order by activity_id
    """,
    "ticket_events": """
        select row_number() over (order by event_uid) as event_id, network, event_key, event_name, event_date,
               venue_name
        from ticket_events where account_id = $1
    """,
    "tickets": """
        select t.ticket_id, t.fan_id, e.event_id, t.purchased_at, t.created_at, t.updated_at, t.num_seats,
               t.paid_amount, t.currency, t.network, t.ticket_key, t.order_key, t.price_code, t.is_deleted
        from tickets t
        join (select event_uid, row_number() over (order by event_uid) as event_id
              from ticket_events where account_id = $1) e on e.event_uid = t.event_uid
        where t.account_id = $1 order by t.ticket_id
    """,
    "passes": "select pass_uid, pass_code, page_tab_id, fan_id from passes where account_id = $1 order by pass_id",
}


class Source(NamedTuple):
    """Fanfare's database, a key to it, how much is in it, and PostgreSQL's version."""

    dsn: str
    api_key: str
    api_secret: str
    sample: Sample
    postgres: str


class Place(NamedTuple):
    """What a peer works with: the sample, a database of its own, and folders to write to and to install to."""

    source: Source
    dsn: str
    folder: Path
    home: Path
    postgres: int

    @property
    def host(self) -> str:
        """The folder of PostgreSQL's socket."""
        return unquote(parse_qs(urlsplit(self.dsn).query)["host"][0])

    @property
    def user(self) -> str:
        """The user of the database."""
        return str(urlsplit(self.dsn).username)

    @property
    def database(self) -> str:
        """The name of the database."""
        return urlsplit(self.dsn).path.removeprefix("/")


async def made(dsn: str, fans: int, passes: int) -> Source:
    """Fill Fanfare's database."""
    api_key, api_secret = await filled(dsn, fans / 1_000_000)
    db = await asyncpg.connect(dsn)
    await db.execute(PASSES, ACCOUNT, PASS_CAMPAIGN, fans, NOW, passes)
    await db.execute("vacuum (analyze) passes")
    activities = await db.fetchval("select count(*) from activities where account_id = $1", ACCOUNT)
    version = await db.fetchval("show server_version")
    await db.close()
    return Source(dsn, api_key, api_secret, Sample(fans, activities, passes), version)


async def new_database(dsn: str, name: str) -> str:
    """Make an empty database beside another and return its address."""
    db = await asyncpg.connect(dsn)
    await db.execute(f'create database "{name}"')
    await db.close()
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


async def copy(source: Source, dsn: str, columns: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """Copy the sample into tables that are there; `columns` names tables and columns otherwise."""
    there, here = await asyncio.gather(asyncpg.connect(source.dsn), asyncpg.connect(dsn))
    for table, query in TABLES.items():
        names = [each.name for each in (await there.prepare(query)).get_attributes()]
        renamed = (columns or {}).get(table, {})
        rows = io.BytesIO()
        await there.copy_from_query(query, ACCOUNT, output=rows)
        rows.seek(0)
        await here.copy_to_table(table, source=rows, columns=[renamed.get(name, name) for name in names])
    await there.close()
    await here.execute("vacuum (analyze)")
    await here.close()
