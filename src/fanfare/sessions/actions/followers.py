"""What sessions keep of a fan: moved when two fans become one, ended when one is forgotten or gets a new password."""

from datetime import datetime

from fanfare.fans.followers import Person
from fanfare.kernel.data.db import Db
from fanfare.sessions.actions.opening import end_sessions

__all__ = ["TABLES", "end_sessions", "forget_fan", "forget_person", "move_fan"]

TABLES = ("sessions", "accepted_terms")


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Let the sessions of one fan go on as another's, with the terms that were accepted."""
    await db.execute(
        """
        with accepted as (
            insert into accepted_terms (account_id, fan_id, business_id, terms_hash, ip_address, accepted_at)
            select account_id, $3, business_id, terms_hash, ip_address, accepted_at
            from accepted_terms where account_id = $1 and fan_id = $2
            on conflict (account_id, fan_id, business_id, terms_hash) do nothing
        ),
        deleted as (
            delete from accepted_terms where account_id = $1 and fan_id = $2
        )
        update sessions set fan_id = $3 where account_id = $1 and fan_id = $2
        """,
        account_id,
        old_fan_id,
        fan_id,
    )


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """End a fan's sessions, and delete which terms were accepted from where."""
    await db.execute(
        """
        with ended as (delete from sessions where account_id = $1 and fan_id = $2)
        delete from accepted_terms where account_id = $1 and fan_id = $2
        """,
        account_id,
        fan_id,
    )


async def forget_person(db: Db, account_id: int, person: Person, _: datetime) -> None:
    """Delete codes that were sent to the person's address or numbers."""
    await db.execute(
        "delete from verifications where account_id = $1 and fold_text(identifier_value) = any($2::text[])",
        account_id,
        sorted(person.addresses | person.numbers),
    )
