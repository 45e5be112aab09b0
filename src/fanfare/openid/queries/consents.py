"""Reads what fans agreed to."""

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.rows import read_rows
from fanfare.openid.schemas.authorization import Consent


async def consents(db: Db, account_id: int, fan_id: int) -> list[Consent]:
    """Return the clients that a fan has agreed to, by name."""
    rows = await db.rows(
        """
        select c.client_id, c.client_name, a.scopes
        from openid_consents a
        join openid_clients c on c.account_id = $1 and c.client_id = a.client_id
        where a.account_id = $1 and a.fan_id = $2 and a.withdrawn_at is null
        order by fold_text(c.client_name), c.client_id
        """,
        account_id,
        fan_id,
    )
    return read_rows(Consent, rows)


async def fan_of_subject(db: Db, account_id: int, client_id: int, subject: str) -> int | None:
    """Return the fan whom a client knows by a subject."""
    fan_id: int | None = await db.value(
        "select fan_id from openid_consents where account_id = $1 and client_id = $2 and subject = $3",
        account_id,
        client_id,
        subject,
    )
    return fan_id
