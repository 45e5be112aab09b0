"""What messages keep of a fan, when two fans become one and when one is forgotten."""

from datetime import datetime

from fanfare.fans.followers import Person
from fanfare.kernel.data.db import Db

TABLES = ("messages",)
# What is left of a message to somebody who is forgotten: that it was, when, and what became of it. One that waits does
# not leave any more.
CLEARED = """
    recipient = null, shown_values = '{}', sealed_values = null, answer = null, subject = null, text_body = null,
    html_body = null, request_key = 'erased:' || message_id,
    message_state = case when message_state in ('queued', 'stored') then 'failed' else message_state end
"""
# What a message or a suppression is addressed to, as a person is known by it.
IS_THEIRS = "fold_text({address}) = any({words}::text[])"


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Give the messages of one fan to another."""
    await db.execute(
        "update messages set fan_id = $3 where account_id = $1 and fan_id = $2", account_id, old_fan_id, fan_id
    )


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Keep that there were messages, and nothing of whom they went to and what they said."""
    await db.execute(
        f"update messages set {CLEARED} where account_id = $1 and fan_id = $2 and recipient is not null",  # noqa: S608 - fixed parts
        account_id,
        fan_id,
    )


async def forget_person(db: Db, account_id: int, person: Person, _: datetime) -> None:
    """Clear messages to the person's addresses that name no fan; a suppression stays, by its hash alone.

    What another fan has too is not the person's alone.
    """
    words = sorted((person.addresses | person.numbers) - person.shared)
    await db.execute(
        f"""
        with silenced as (
            update suppressions set address = null
            where account_id = $1 and {IS_THEIRS.format(address="address", words="$2")}
        )
        update messages set {CLEARED}
        where account_id = $1 and fan_id is null and {IS_THEIRS.format(address="recipient", words="$2")}
        """,  # noqa: S608 - fixed parts
        account_id,
        words,
    )
