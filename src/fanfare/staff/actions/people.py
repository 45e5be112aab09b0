"""Changes people themselves."""

from datetime import datetime

from fanfare.fans.contact import mail_address, normalized_mail_key
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.staff.actions.second_factors import PURPOSE


async def rename(db: Db, staff_id: int, name: str) -> None:
    """Set the name of a person."""
    await db.execute("update staff set staff_name = $2 where staff_id = $1", staff_id, name)


ADD = """
    with person as (
        insert into staff (email, email_key, staff_name, created_at, email_proved_at) values ($2, $3, $4, $6, $6)
        on conflict (email_key) do update set email = excluded.email
        returning staff_id
    )
    insert into staff_memberships (account_id, staff_id, role, created_at) select $1, staff_id, $5, $6 from person
    on conflict (account_id, staff_id) do nothing
"""


async def add_person(db: Db, account_id: int, email: str, name: str, role: str, now: datetime) -> None:
    """Let a person without a password belong to an account; a link signs them in."""
    address = mail_address(email)
    await db.execute(ADD, account_id, address, normalized_mail_key(address), name, role, now)


async def seal_again(db: Db) -> None:
    """Seal the secrets of apps by the newest key, so that they outlast the keys that sealed them."""
    for row in await db.rows("select staff_id, sealed_totp from staff where sealed_totp is not null"):
        try:
            secret = secret_keys.unseal(PURPOSE, row["sealed_totp"])
        except NotSealed:
            # Recovery codes and passkeys still work.
            continue
        await db.execute(
            "update staff set sealed_totp = $3 where staff_id = $1 and sealed_totp = $2",
            row["staff_id"],
            row["sealed_totp"],
            secret_keys.seal(PURPOSE, secret),
        )
