"""Reads custom fields, tags, identities, consents, IP addresses and display name words."""

from fanfare.fans.queries.fans import check_fan
from fanfare.fans.schemas.attributes import Consent, DeviceToken, Field, Identifier, NameWord, Tag, WatchedAddress
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.wire import iso, unix


async def fields(db: Db, account_id: int, *, with_counts: bool = False) -> list[Field]:
    """Return the custom fields of an account by key."""
    rows = await db.rows(
        """
        select crm_field_key, account_id, field_type,
               floor(extract(epoch from created_at))::bigint as creation_timestamp,
               field_options, is_active, is_global,
               case when $2 then (select count(*) from fan_fields v
                                  where v.account_id = f.account_id and v.crm_field_key = f.crm_field_key)
               end as fan_count
        from crm_fields f where account_id = $1 order by crm_field_key
        """,
        account_id,
        with_counts,
    )
    return read_rows(Field, rows)


async def tags(db: Db, account_id: int) -> list[Tag]:
    """Return the tags of an account by name, with the number of fans of each."""
    rows = await db.rows(
        Heavy("""
        select t.tag_id, t.tag_name, floor(extract(epoch from t.created_at))::bigint as creation_timestamp,
               count(g.fan_id) as fan_count
        from tags t left join fan_tags g on g.account_id = t.account_id and g.tag_id = t.tag_id
        where t.account_id = $1
        group by t.account_id, t.tag_id
        order by fold_text(t.tag_name)
        """),
        account_id,
    )
    return read_rows(Tag, rows)


async def identifiers(db: Db, account_id: int, fan_id: int) -> list[Identifier]:
    """Return the identities of a fan, the oldest first; Unknown (404) if the fan does not exist."""
    await check_fan(db, account_id, fan_id)
    rows = await db.rows(
        "select account_id, fan_id, network, identifier_value, created_at from fan_identifiers"
        " where account_id = $1 and fan_id = $2 order by created_at, network, identifier_value",
        account_id,
        fan_id,
    )
    return [
        Identifier(
            row["account_id"],
            row["fan_id"],
            row["network"],
            row["identifier_value"],
            unix(row["created_at"]),
            iso(row["created_at"]),
        )
        for row in rows
    ]


async def push_tokens(db: Db, account_id: int, fan_id: int) -> list[DeviceToken]:
    """Return the push tokens of a fan's devices, the oldest first; Unknown (404) if the fan does not exist."""
    await check_fan(db, account_id, fan_id)
    rows = await db.rows(
        """
        select p.user_key, p.device_network, p.push_token, floor(extract(epoch from p.created_at))::bigint as
               creation_timestamp, floor(extract(epoch from p.updated_at))::bigint as last_update_timestamp
        from fan_identifiers i
        join push_tokens p on p.account_id = i.account_id and p.user_key = i.identifier_value
        where i.account_id = $1 and i.fan_id = $2 and i.network = 'yinzcam'
        order by p.created_at, p.push_token
        """,
        account_id,
        fan_id,
    )
    return read_rows(DeviceToken, rows)


async def consents(db: Db, account_id: int, fan_id: int) -> list[Consent]:
    """Return the consents of a fan, the oldest first; Unknown (404) if the fan does not exist."""
    await check_fan(db, account_id, fan_id)
    rows = await db.rows(
        """
        select consent_id, fan_id, channel, business_id, is_granted, wording, consent_source, ip_address,
               floor(extract(epoch from given_at))::bigint as given_timestamp
        from consents where account_id = $1 and fan_id = $2 order by consent_id
        """,
        account_id,
        fan_id,
    )
    return read_rows(Consent, rows)


async def watched_addresses(db: Db, account_id: int) -> list[WatchedAddress]:
    """Return the IP addresses that are banned or allowed, those of the whole account first."""
    rows = await db.rows(
        """
        select nullif(page_tab_id, 0) as page_tab_id, is_blocked, floor(extract(epoch from created_at))::bigint
                   as creation_timestamp,
               case when masklen(ip_address) = case family(ip_address) when 4 then 32 else 128 end
                    then host(ip_address) else ip_address::text end as ip_address
        from ip_addresses as entries where account_id = $1 order by entries.page_tab_id, entries.ip_address
        """,
        account_id,
    )
    return read_rows(WatchedAddress, rows)


async def name_words(db: Db, account_id: int) -> list[NameWord]:
    """Return the words that the account allows or refuses in display names."""
    rows = await db.rows(
        "select word, is_allowed, floor(extract(epoch from created_at))::bigint as creation_timestamp"
        " from display_name_words where account_id = $1 order by word",
        account_id,
    )
    return read_rows(NameWord, rows)
