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
    rows = await db.rows(
        "select table_name from information_schema.columns where table_schema = 'public' and column_name = 'account_id'"
    )
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
    return {
        name: await db.value(
            f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {name} t where account_id = $1",
            account_id,
        )
        for name in await tables(db)
    }
