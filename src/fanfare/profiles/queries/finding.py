"""Finds a fan by what people type: id, email address, phone number or name; and fans who may be the same person."""

from collections.abc import Sequence
from contextlib import suppress

from fanfare.fans.contact import mail_key, phone_number
from fanfare.fans.queries.business_limits import BELONGS
from fanfare.fans.queries.fans import NAME, check_fan
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.rows import SECONDS
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.folding import like_pattern
from fanfare.kernel.wire import MAX_ID
from fanfare.profiles.schemas import FanContact, Lookalike

ROWS = 10
# A name is looked for from so many letters on: fewer would find thousands.
SHORTEST_NAME = 2
COLUMNS = f"""
    f.fan_id, {NAME.format("f")} as name, f.email, f.phone, f.display_name, f.city,
    f.birth_date::text as birth_date, {SECONDS.format("f.created_at")} as creation_timestamp
"""
FIND = Sql(f"""
    select {COLUMNS} from (
        select fan_id, 1 as kind from fans where account_id = $1 and fan_id = :fan_id
        union
        select fan_id, 1 from fan_merges where account_id = $1 and absorbed_id = :fan_id and undone_at is null
        union
        select fan_id, 2 from fan_identifiers
        where account_id = $1 and (network, identifier_value) in (('email', :mail_key), ('phone', :number))
        union
        select fan_id, 3 from shared_identifiers
        where account_id = $1 and (network, identifier_value) in (('email', :mail_key), ('phone', :number))
        union
        (select p.fan_id, 4 from fans p
         where :pattern::text is not null and p.account_id = $1 and p.search_text like :pattern limit :limit)
    ) hits
    join fans f on f.account_id = $1 and f.fan_id = hits.fan_id
    where :business_ids::bigint[] is null or {BELONGS.format(":business_ids")}
    group by f.account_id, f.fan_id
    order by min(hits.kind), f.fan_id
    limit :limit
""")  # noqa: S608 - fixed parts


async def find_fans(
    db: Db, account: Account, text: str, business_ids: Sequence[int] | None = None, *, is_by_id_alone: bool = False
) -> list[FanContact]:
    """Return up to ten fans by id (a merged one's too), email address, phone number or part of the name.

    By id alone for people who see no personal data: digits may be a phone number too.
    """
    text = text.strip()
    key = number = None
    with suppress(ValueError):
        key = mail_key(text)
    with suppress(ValueError):
        number = phone_number(text, account.country_code)
    is_id = text.isascii() and text.isdigit() and int(text) <= MAX_ID
    if is_by_id_alone:
        key = number = None
    is_name = not is_by_id_alone and len(text) >= SHORTEST_NAME and not is_id and key is None
    rows = await db.rows(
        FIND, account.id, fan_id=int(text) if is_id else None, mail_key=key, number=number, limit=ROWS,
        pattern=like_pattern(text) if is_name else None,
        business_ids=None if business_ids is None else list(business_ids),
    )  # fmt: skip
    return [FanContact(**row) for row in rows]


# Fans who share a contact, or have the whole name and the birth date.
LOOKALIKES = f"""
    with person as materialized (
        select birth_date, fold_text(first_name) as first_name, fold_text(last_name) as last_name
        from fans where account_id = $1 and fan_id = $2
    ),
    hits as (
        select o.fan_id, 'contact' as reason from shared_identifiers s
        join fan_identifiers o
          on o.account_id = $1 and o.network = s.network and o.identifier_value = s.identifier_value
        where s.account_id = $1 and s.fan_id = $2
        union
        select s.fan_id, 'contact' from fan_identifiers o
        join shared_identifiers s
          on s.account_id = $1 and s.network = o.network and s.identifier_value = o.identifier_value
        where o.account_id = $1 and o.fan_id = $2
        union
        select f.fan_id, 'name' from person p
        join fans f on f.account_id = $1 and f.birth_date = p.birth_date
            and fold_text(f.first_name) = p.first_name and fold_text(f.last_name) = p.last_name
    )
    select {COLUMNS}, array_agg(distinct hits.reason order by hits.reason) as reasons
    from hits join fans f on f.account_id = $1 and f.fan_id = hits.fan_id
    where f.fan_id <> $2 and ($3::bigint[] is null or {BELONGS.format("$3")})
    group by f.account_id, f.fan_id
    order by count(distinct hits.reason) desc, f.fan_id
    limit 5
"""  # noqa: S608 - fixed parts


async def lookalikes(
    db: Db, account_id: int, fan_id: int, business_ids: Sequence[int] | None = None
) -> list[Lookalike]:
    """Return up to five fans who may be the same person, and why; Unknown (404) fan."""
    rows = await db.rows(LOOKALIKES, account_id, fan_id, None if business_ids is None else list(business_ids))
    if not rows:
        await check_fan(db, account_id, fan_id)
    return [Lookalike(**row) for row in rows]
