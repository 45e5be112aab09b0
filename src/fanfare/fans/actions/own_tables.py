"""The fans domain's own tables in erasures and merges."""

from fanfare.kernel.data.db import Db

TABLES = (
    "fans",
    "fan_identifiers",
    "shared_identifiers",
    "fan_businesses",
    "fan_fields",
    "fan_tags",
    "hidden_fans",
    "consents",
    "changes",
    "fan_merges",
    "erasures",
    "password_resets",
)
# `merging` handles the row in `fans`. The change log and certificates record the past, so they stay as they are.
EXCLUDED = ("fans", "changes", "erasures")


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Delete consents, tags, visibility, push tokens and former ids; foreign keys delete the rest."""
    await db.execute(
        """
        with delete_push_tokens as (
            delete from push_tokens where account_id = $1 and user_key in (
                select identifier_value from fan_identifiers
                where account_id = $1 and fan_id = $2 and network = 'yinzcam')
        ),
        delete_tags as (delete from fan_tags where account_id = $1 and fan_id = $2),
        delete_hidden as (delete from hidden_fans where account_id = $1 and fan_id = $2),
        delete_merges as (delete from fan_merges where account_id = $1 and fan_id = $2)
        delete from consents where account_id = $1 and fan_id = $2
        """,
        account_id,
        fan_id,
    )


MOVE = """
    with move_identifiers as (
        update fan_identifiers set fan_id = $3 where account_id = $1 and fan_id = $2
    ),
    insert_shared as (
        insert into shared_identifiers (account_id, network, identifier_value, fan_id, created_at)
        select account_id, network, identifier_value, $3, created_at
        from shared_identifiers where account_id = $1 and fan_id = $2
        on conflict (account_id, network, identifier_value, fan_id) do nothing
    ),
    move_merges as (
        update fan_merges set fan_id = $3 where account_id = $1 and fan_id = $2
    ),
    move_consents as (
        update consents set fan_id = $3 where account_id = $1 and fan_id = $2
    ),
    insert_tags as (
        insert into fan_tags (account_id, tag_id, fan_id, created_at, position)
        select account_id, tag_id, $3, created_at, nextval('positions')
        from fan_tags where account_id = $1 and fan_id = $2
        on conflict (account_id, tag_id, fan_id) do nothing
    ),
    delete_tags as (
        delete from fan_tags where account_id = $1 and fan_id = $2
    ),
    delete_resets as (
        delete from password_resets where account_id = $1 and fan_id = $2
    ),
    delete_hidden as (
        delete from hidden_fans where account_id = $1 and fan_id = $2 returning created_at
    ),
    insert_hidden as (
        insert into hidden_fans (account_id, fan_id, created_at) select $1, $3, created_at from delete_hidden
        on conflict (account_id, fan_id) do nothing
    ),
    insert_businesses as (
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
    """Move the rows of one fan to another, who keeps its own where both have one.

    A fan is hidden if either was. A tag that moves gets a new position, so that clients that page by position see it.
    """
    await db.execute(MOVE, account_id, old_fan_id, fan_id)
