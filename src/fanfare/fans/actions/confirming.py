"""Who has shown that an address or number is theirs, and to which fan that lets them in.

A contact of a fan proves nothing by itself: the fan, a form or a feed may have named somebody else's. So whoever proves
one comes to the fan who has it only if it is confirmed, or if the fan has no other that was confirmed or is older.
See docs/decisions/0057.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from fanfare.fans.actions.claims import Identity, remove
from fanfare.fans.actions.journal import Pair
from fanfare.fans.contact import identities
from fanfare.fans.topics import FAN_UPDATED
from fanfare.kernel.data.announcements import HOLD, announce, hold
from fanfare.kernel.data.db import Db

# The columns of `fans` that say of a contact that it is confirmed; other contacts have `is_proved`.
MARKS = {"email": "is_confirmed", "phone": "is_phone_confirmed"}


class Contact(NamedTuple):
    """A contact of a fan: its column if it has one, whether it is confirmed, and whether another one goes before it."""

    column: str | None
    is_confirmed: bool
    is_second: bool


# Locked first: of two people who prove contacts of one fan, the second sees what the first has confirmed.
LOCK = "select from fans where account_id = $1 and fan_id = $2 for no key update"
CONTACT = """
    select f.email, f.phone, f.add_phone, f.is_confirmed, f.is_phone_confirmed, c.is_proved,
           exists (
               select from fan_identifiers o
               where o.account_id = $1 and o.fan_id = $2 and o.network in ('email', 'phone')
                 and (o.is_proved and (o.network, o.identifier_value) <> ($3, $4) or o.created_at < c.created_at)
           ) as is_second
    from fans f
    join fan_identifiers c on c.account_id = $1 and c.network = $3 and c.identifier_value = $4 and c.fan_id = f.fan_id
    where f.account_id = $1 and f.fan_id = $2
"""


async def _contact(db: Db, account_id: int, fan_id: int, identity: Identity) -> Contact:
    """Return a contact of a fan, who stays locked until the transaction ends."""
    await hold(db, account_id)
    await db.execute(LOCK, account_id, fan_id)
    row = await db.row(CONTACT, account_id, fan_id, *identity)
    if row is None:
        return Contact(None, is_confirmed=False, is_second=True)
    column = identities(dict(row)).get(identity)
    # A contact that moved to another column keeps its proof.
    is_confirmed = bool(row["is_proved"] or (column in MARKS and row[MARKS[column]]))
    marks = (row[mark] for name, mark in MARKS.items() if name != column and row[name])
    return Contact(column, is_confirmed, row["is_second"] or any(marks))


async def is_provers(db: Db, account_id: int, fan_id: int, identity: Identity) -> bool:
    """Return whether whoever proves an identity of a fan is that fan, who stays locked until the transaction ends."""
    contact = await _contact(db, account_id, fan_id, identity)
    return contact.is_confirmed or not contact.is_second


TAKE = f"""
    with {HOLD},
    updated as (
        update fans f
        set email = case when $3 <> 'email' then f.email end,
            is_confirmed = f.is_confirmed and $3 <> 'email',
            phone = case when $3 <> 'phone' then f.phone end,
            is_phone_confirmed = f.is_phone_confirmed and $3 <> 'phone',
            add_phone = case when $3 <> 'add_phone' then f.add_phone end,
            position = nextval('positions'), updated_at = greatest($4, f.updated_at + interval '1 millisecond')
        from hold
        where f.account_id = $1 and f.fan_id = $2
        returning f.fan_id, f.position, f.updated_at
    )
    {announce(FAN_UPDATED, "updated", position="position", at="updated_at", fields="array[$3::text]")}
"""  # noqa: S608 - fixed parts


async def take(db: Db, account_id: int, fan_id: int, identity: Identity, now: datetime) -> str | None:
    """Take an identity from a fan, for whoever has proved it and claims it in the same transaction.

    Return the column that is empty now, if it was in one.
    """
    contact = await _contact(db, account_id, fan_id, identity)
    await remove(db, account_id, fan_id, [identity])
    if contact.column is not None:
        await db.execute(TAKE, account_id, fan_id, contact.column, now)
    return contact.column


FIELDS = "array_remove(array[$5::text, 'password_hash'], 'is_proved')"
CONFIRM = f"""
    with {HOLD},
    updated as (
        update fans f
        set is_confirmed = f.is_confirmed or $5 = 'is_confirmed',
            is_phone_confirmed = f.is_phone_confirmed or $5 = 'is_phone_confirmed',
            password_hash = case when $4 then password_hash end, position = nextval('positions'),
            updated_at = greatest($3, f.updated_at + interval '1 millisecond')
        from hold
        where f.account_id = $1 and f.fan_id = $2
        returning f.fan_id, f.position, f.updated_at
    )
    {announce(FAN_UPDATED, "updated", position="position", at="updated_at", fields=FIELDS)}
"""  # noqa: S608 - fixed parts
PROVE = """
    update fan_identifiers set is_proved = true
    where account_id = $1 and fan_id = $2 and network = $3 and identifier_value = $4
"""


# What was proved already stays so when the merge is undone: only entries of the journal go back.
KEEP_PROOF = """
    with proved as (
        update fan_identifiers set is_proved = true
        where account_id = $1 and fan_id = $2 and network = $3 and identifier_value = $4 and not is_proved
        returning network, identifier_value
    )
    insert into merged_rows (account_id, merge_id, table_name, column_name, row_key)
    select $1, $5, 'fan_identifiers', 'is_proved', to_jsonb(proved) from proved
"""
DROP_PROOFS = """
    update fan_identifiers i set is_proved = false
    from merged_rows m
    where m.account_id = $1 and m.merge_id = $2 and m.table_name = 'fan_identifiers' and m.column_name = 'is_proved'
      and i.account_id = $1 and i.fan_id = $3 and i.network = m.row_key ->> 'network'
      and i.identifier_value = m.row_key ->> 'identifier_value'
"""


async def keep_proofs(db: Db, pair: Pair, fan: Mapping[str, Any]) -> None:
    """Keep what the marks of a fan say of the contacts, before a merge takes their columns; part of its transaction."""
    for identity, column in identities(fan).items():
        if fan.get(MARKS.get(column, "")):
            await db.execute(KEEP_PROOF, pair.account_id, pair.absorbed_id, *identity, pair.merge_id)


async def drop_proofs(db: Db, pair: Pair) -> None:
    """Take back what a merge kept, as its journal says: the columns of the absorbed fan say it again."""
    await db.execute(DROP_PROOFS, pair.account_id, pair.merge_id, pair.fan_id)


async def confirm(
    db: Db, account_id: int, fan_id: int, identity: Identity, now: datetime, *, keeps_password: bool
) -> bool:
    """Mark what identifies a fan as confirmed and say whether it was not before; part of the caller's transaction.

    The password was set by whoever registered the address, who need not be its owner: it goes unless that is known.
    """
    contact = await _contact(db, account_id, fan_id, identity)
    if contact.is_confirmed:
        return False
    mark = MARKS.get(contact.column or "", "is_proved")
    if mark == "is_proved":
        await db.execute(PROVE, account_id, fan_id, *identity)
    await db.execute(CONFIRM, account_id, fan_id, now, keeps_password, mark)
    return True
