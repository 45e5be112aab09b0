"""What the fans domain itself keeps of a fan, when one is forgotten or two become one."""

from fanfare.kernel.data.db import Db

TABLES = (
    "fans",
    "fan_identifiers",
    "shared_identifiers",
    "fan_businesses",
    "fan_fields",
    "fan_tags",
    "consents",
    "changes",
    "fan_merges",
    "erasures",
)
# A fan's own row is put right by who merges. The change log and certificates say what happened to
# whom then, so they stay as they are.
EXCLUDED = ("fans", "changes", "erasures")


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Delete words on consent, tags, tokens of devices and former ids; the rest goes with the fan's row."""
    await db.execute(
        """
        with silenced as (
            delete from push_tokens where account_id = $1 and user_key in (
                select identifier_value from fan_identifiers
                where account_id = $1 and fan_id = $2 and network = 'yinzcam')
        ),
        untagged as (delete from fan_tags where account_id = $1 and fan_id = $2),
        unmerged as (delete from fan_merges where account_id = $1 and fan_id = $2)
        delete from consents where account_id = $1 and fan_id = $2
        """,
        account_id,
        fan_id,
    )


MOVE = """
    with identities as (
        update fan_identifiers set fan_id = $3 where account_id = $1 and fan_id = $2
    ),
    shared as (
        insert into shared_identifiers (account_id, network, identifier_value, fan_id, created_at)
        select account_id, network, identifier_value, $3, created_at
        from shared_identifiers where account_id = $1 and fan_id = $2
        on conflict (account_id, network, identifier_value, fan_id) do nothing
    ),
    merged as (
        update fan_merges set fan_id = $3 where account_id = $1 and fan_id = $2
    ),
    said as (
        update consents set fan_id = $3 where account_id = $1 and fan_id = $2
    ),
    tagged as (
        insert into fan_tags (account_id, tag_id, fan_id, created_at, position)
        select account_id, tag_id, $3, created_at, nextval('positions')
        from fan_tags where account_id = $1 and fan_id = $2
        on conflict (account_id, tag_id, fan_id) do nothing
    ),
    untagged as (
        delete from fan_tags where account_id = $1 and fan_id = $2
    ),
    opted as (
        insert into fan_businesses (account_id, fan_id, business_id, is_opted_in, updated_at)
        select account_id, $3, business_id, is_opted_in, updated_at
        from fan_businesses where account_id = $1 and fan_id = $2
        on conflict (account_id, fan_id, business_id) do nothing
    )
    insert into fan_fields (account_id, fan_id, crm_field_key, field_value, updated_at)
    select account_id, $3, crm_field_key, field_value, updated_at
    from fan_fields where account_id = $1 and fan_id = $2
    on conflict (account_id, fan_id, crm_field_key) do nothing
"""


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Give what is noted of one fan to another, who keeps its own word where both have one.

    A tag that moves gets a new position: for who reads the list of tags, the fan has it from now on.
    """
    await db.execute(MOVE, account_id, old_fan_id, fan_id)
