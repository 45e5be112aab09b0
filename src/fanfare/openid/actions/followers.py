"""What OpenID Connect stores of a fan: moved by a merge, ended by an erasure or a new password."""

from datetime import datetime

from fanfare.kernel.data.db import Db

TABLES = ("openid_consents", "openid_grants")


MOVE = """
    with common as (
        select o.client_id, o.scopes, n.withdrawn_at is not null as is_withdrawn from openid_consents o
        join openid_consents n on n.account_id = $1 and n.client_id = o.client_id and n.fan_id = $3
        where o.account_id = $1 and o.fan_id = $2
    ),
    united as (
        update openid_consents n
        set scopes = array(select unnest(n.scopes) union select unnest(common.scopes))
        from common
        where n.account_id = $1 and n.fan_id = $3 and n.client_id = common.client_id and not common.is_withdrawn
    ),
    ended as (
        delete from openid_grants
        where account_id = $1 and fan_id = $2
          and client_id in (select client_id from common where is_withdrawn)
    ),
    deleted as (
        delete from openid_consents
        where account_id = $1 and fan_id = $2 and client_id in (select client_id from common)
    ),
    moved as (
        update openid_consents set fan_id = $3
        where account_id = $1 and fan_id = $2 and client_id not in (select client_id from common)
    )
    update openid_grants set fan_id = $3
    where account_id = $1 and fan_id = $2
      and client_id not in (select client_id from common where is_withdrawn)
"""


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move consents and grants to the fan who stays.

    A client that knew only the absorbed fan goes on to see the same subject. One that knew both sees from the next
    login that of the fan who stays; tokens keep the subject that they were issued for. What the fan who stays has
    withdrawn stays so, and ends what the other agreed to there.
    """
    await db.execute(MOVE, account_id, old_fan_id, fan_id)


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """End a fan's grants, with all tokens, and delete what the fan agreed to."""
    await db.execute(
        """
        with ended as (delete from openid_grants where account_id = $1 and fan_id = $2)
        delete from openid_consents where account_id = $1 and fan_id = $2
        """,
        account_id,
        fan_id,
    )


async def end_sessions(db: Db, account_id: int, fan_id: int, _: datetime, session_id: int | None = None) -> None:
    """End the grants of a fan's sessions, also those with offline access, but for one session."""
    await db.execute(
        "delete from openid_grants where account_id = $1 and fan_id = $2 and session_id is distinct from $3::bigint",
        account_id,
        fan_id,
        session_id,
    )
