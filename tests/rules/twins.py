"""Two accounts in which the same was done are alike, but for ids, moments, keys and secrets made anew."""

import re

from fanfare.kernel.data.db import Db

MADE_ANEW = re.compile(
    # links to reports and invitations
    r"(?<=/crm/reports\?link=)[\w.-]+|(?<=/manage/invitation\?token=)[\w-]+|"
    r'"request_id":"[^"]*"'
    r"|\b[0-9a-f]{64}\b"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\.\d+)?"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^\"]*"
    r"|\$argon2[^\"]*"
    # derived from a secret key, or sealed by it
    r"|ffs_\w+"
    r"|whsec_[\w+/]+=*"
    r"|gAAAA[\w-]{60,}=*"
    # The signature of a link for a fan.
    r"|(?<=\.)[\w-]{22}\b"
    r"|\\\\x[0-9a-f]{32,}"
    # the ids of passkeys, and how devices know their fans
    r'|(?<="id":")[\w-]{43}(?=")'
    r'|"pass_code": ?"[A-Z2-9]{8}"'
    # the generated keys of trackers, and what confirms their domains
    r'|(?<=fanfare-domain=)[0-9a-f]{32}|"confirmation_token": ?"[0-9a-f]{32}"'
    r'|"tracker_key": ?"[0-9A-Za-z]{8}"|(?<=/trk/)[0-9A-Za-z]{8}\b'
    # the day on which it was done
    r'|(?<="record_date":")[\d-]{10}|(?<="figure_date":")[\d-]{10}'
    # QR codes of codes made anew
    r"|<svg.*</svg>|PNG\r\n(?s:.*)"
    # Ids, after all random texts: those may begin with as many digits.
    r"|\d{9,}(?:_\d+)*(?:\.\d+)?"
)
FIRST = 7_310_000_000
STEP = 1_000_000
TABLES = """
    select c.relname as table_name from pg_class c join pg_attribute a on a.attrelid = c.oid
    where a.attname = 'account_id' and not a.attisdropped and c.relkind in ('r', 'p', 'v')
      and c.relnamespace = 'public'::regnamespace
"""
# The tables of one statement.
AT_ONCE = 100
# When and how often a key called is no part of what the calls changed.
NOT_KEPT = {"api_keys", "api_secrets", "rate_windows"}


def answer_of(text: str) -> str:
    """Return an answer or a row without what is made anew each time."""
    return MADE_ANEW.sub("*", text)


async def large_ids(db: Db) -> None:
    """Let the ids of each kind be so large and so far from others that no other number looks like one."""
    rows = await db.rows("select sequencename from pg_sequences where schemaname = 'public' order by 1")
    for number, row in enumerate(rows):
        await db.execute("select setval($1::text::regclass, $2)", row["sequencename"], FIRST + number * 10 * STEP)


async def tables(db: Db) -> list[str]:
    """Return the tables that have an account's rows."""
    rows = await db.rows(TABLES)
    return sorted({row["table_name"] for row in rows} - NOT_KEPT)


async def state(db: Db, account_id: int) -> dict[str, list[str]]:
    """Return the rows of an account in every table, without what is made anew each time."""
    result = {}
    for name in await tables(db):
        rows = await db.rows(f"select row_to_json(t)::text as row from {name} t where account_id = $1", account_id)
        result[name] = sorted(answer_of(row["row"]) for row in rows)
    return result


async def digests(db: Db, account_id: int) -> dict[str, str]:
    """Return a digest of an account's rows in every table."""
    return await digests_of(db, await tables(db), "account_id = $1", account_id)


async def digests_of(db: Db, names: list[str], condition: str = "true", *values: object) -> dict[str, str]:
    """Return a digest of the rows of each table that fulfil a condition.

    A few statements read all tables, because two thousand tests ask; a connection keeps those that are not too long.
    """
    rows = "coalesce(string_agg(t::text, '|' order by t::text), '')"
    each = [f"select '{name}' as table_name, md5({rows}) as digest from {name} t where {condition}" for name in names]
    parts = [" union all ".join(each[start : start + AT_ONCE]) for start in range(0, len(each), AT_ONCE)]
    async with db.transaction() as tx:
        # To start processes that help takes longer than to read the few rows of tests.
        await tx.execute("set local max_parallel_workers_per_gather = 0")
        return {row["table_name"]: row["digest"] for part in parts for row in await tx.rows(part, *values)}
