"""CTEs that match contact data to fans and create the missing ones, used in statements here and in with_mail domains.

Such a statement starts with the CTE `hold` and continues from `resolved` (place, fan_id), one row per person:

    with {HOLD},
    {MATCH_ONE},
    recorded as (insert into … select $1, nextval('positions'), resolved.fan_id, … from hold cross join resolved …)
    select …

Its arguments are those of PEOPLE (the fields of each Person and its place 0, 1, …, from `people.arguments`), `now`, and
`source`, the name of the call. MATCH_ONE is for one person. MATCH_MANY is for up to 1000, among whom no email address
occurs twice, and no number without address (see `people.batches`).

Both are tuples of three texts, of which `people.statement` chooses one: consents are expensive, and most persons have
none. Most persons are fans already and bring nothing new: MATCH_EXISTING is for one of those, and its `resolved` is
empty for everybody else. `people.FanStatements` tries it first.

Run it with `db.retry_conflicts`: of two transactions that create the same fan, one violates the primary key of
fan_identifiers; and a matched fan can be erased or merged meanwhile. Matched fans stay locked against erasure until the
transaction ends.
"""

from fanfare.fans.actions import matching_consents
from fanfare.fans.topics import FAN_CREATED, FAN_UPDATED
from fanfare.kernel.data.announcements import also, announce
from fanfare.kernel.data.sql import Arrays
from fanfare.places.completion import place_of

ADDRESS = ("country_code", "province", "city", "postal_code")
PEOPLE = Arrays(
    "person",
    {
        "place": "integer",
        **dict.fromkeys(("mail", "mail_key", "phone", "first_name", "last_name"), "text"),
        "birth_date": "date",
        **dict.fromkeys(("gender", *ADDRESS, "ip_address", "fan_source"), "text"),
        **dict.fromkeys(("is_subscribed", "is_phone_subscribed"), "boolean"),
        **dict.fromkeys(("mail_consent_at", "phone_consent_at"), "timestamptz"),
        **dict.fromkeys(("consent_wording", "consent_source"), "text"),
    },
)

# A person is matched by email address, then by number; a fan with the number but another address is another person.
# `lateral … limit 1` forces a lookup by primary key: before the tables are analysed, the planner would scan all fans
# for each person.
PERSONS = f"""
    persons as materialized (
        select * from {PEOPLE.unnest("g")} limit {{limit}}
    ),
    by_mail as materialized (
        select g.place, i.fan_id
        from {{mails}}
        cross join lateral (
            select fan_id from fan_identifiers
            where account_id = $1 and network = 'email' and identifier_value = g.mail_key limit 1) i
        left join lateral (
            select true as is_locked from fans where account_id = $1 and fan_id = i.fan_id for key share) f on true
        where f.is_locked or run_again()
    ),
    owners as materialized (
        select g.place, i.fan_id,
               g.mail_key is null or not exists (
                   select from fan_identifiers e
                   where e.account_id = $1 and e.fan_id = i.fan_id and e.network = 'email') as is_same_person
        from {{phones}}
        cross join lateral (
            select fan_id from fan_identifiers
            where account_id = $1 and network = 'phone' and identifier_value = g.phone limit 1) i
        left join lateral (
            select true as is_locked from fans where account_id = $1 and fan_id = i.fan_id for key share) f on true
        where f.is_locked or run_again()
    )
"""  # noqa: S608 - fixed parts

RESOLVE_ONE = """
    matched as materialized (
        select place, fan_id from by_mail
        union all
        select place, fan_id from owners where is_same_person and not exists (select from by_mail)
    ),
    new_fans as materialized (
        select nextval('fans_fan_id_seq') as fan_id, g.* from persons g where not exists (select from matched)
    ),
    resolved as materialized (
        select place, fan_id from matched union all select place, fan_id from new_fans
    ),
    existing as (
        select matched.fan_id, g.* from matched cross join persons g
    )
"""

# `not in` is always hashed; with `not exists` the planner, which expects few rows, would use a nested loop over 1000.
# Several persons can be one fan: a number without address belongs to its owner in the database, else to the first
# person with both; a fan without address is matched to the first person with its number.
RESOLVE_MANY = """
    matched as materialized (
        select place, fan_id from by_mail
        union all
        select o.place, o.fan_id from owners o join persons g on g.place = o.place where g.mail_key is null
        union all
        (select distinct on (o.fan_id) o.place, o.fan_id
         from owners o join persons g on g.place = o.place
         where o.is_same_person and g.mail_key is not null and o.place not in (select place from by_mail)
         order by o.fan_id, o.place)
    ),
    same_phone as materialized (
        select distinct on (without_mail.place) without_mail.place, with_mail.place as mail_place
        from persons without_mail
        join persons with_mail on with_mail.phone = without_mail.phone and with_mail.mail_key is not null
        where without_mail.mail_key is null and without_mail.place not in (select place from matched)
        order by without_mail.place, with_mail.place
    ),
    new_ids as materialized (
        select nextval('fans_fan_id_seq') as fan_id, g.place
        from persons g
        where g.place not in (select place from matched) and g.place not in (select place from same_phone)
    ),
    identified as materialized (
        select place, fan_id from matched union all select place, fan_id from new_ids
    ),
    resolved as materialized (
        select place, fan_id from identified
        union all
        select c.place, n.fan_id from same_phone c join identified n on n.place = c.mail_place
    ),
    duplicated as materialized (
        select fan_id from resolved group by fan_id having count(*) > 1
    ),
    merged as materialized (
        select resolved.fan_id, g.*
        from resolved join persons g on g.place = resolved.place
        where resolved.fan_id not in (select fan_id from duplicated)
        union all
        select w.fan_id, min(g.place),
               {first}, null::boolean, null::boolean, null::timestamptz, null::timestamptz, null::text, null::text
        from resolved w join persons g on g.place = w.place
        where w.fan_id in (select fan_id from duplicated)
        group by w.fan_id
    ),
    new_fans as (
        select merged.* from merged where fan_id in (select fan_id from new_ids)
    ),
    existing as (
        select merged.* from merged where fan_id not in (select fan_id from new_ids)
    )
"""
# The columns of `persons` between place and is_subscribed, in order, each with the one that must not be null to use it.
MERGED_COLUMNS = {
    **{each: each for each in ("mail", "mail_key", "phone", "first_name", "last_name", "birth_date", "gender")},
    **dict.fromkeys(ADDRESS, ADDRESS[0]),
    **{each: each for each in ("ip_address", "fan_source")},
}
FIRST = ",\n".join(
    f"(array_agg(g.{column} order by g.place) filter (where g.{value} is not null))[1]"
    for column, value in MERGED_COLUMNS.items()
)

# Whether a new identifier `c` was one of an erased fan. That is rare, so a statement that meets one is retried with the
# text that also records the consents withdrawn by the erasure.
ERASED = """
    from erasure_keys k
    join erased_identities e on e.account_id = $1
     and e.identity_hash = identity_hash(k.hash_key, c.network, c.identifier_value)
    where k.account_id = $1
"""
# A person with the number of another fan shares it. The owner's row is locked, so that the number is released either
# before this statement or after its transaction.
INSERT_IDENTIFIERS = """
    claims as materialized (
        (select 'email' as network, g.mail_key as identifier_value, resolved.fan_id
         from persons g join resolved on resolved.place = g.place
         where g.mail_key is not null and g.place not in (select place from by_mail)
         order by g.mail_key)
        union all
        (select distinct on (g.phone) 'phone', g.phone, resolved.fan_id
         from persons g join resolved on resolved.place = g.place
         where g.phone is not null and g.place not in (select place from owners)
         order by g.phone, g.mail_key is null, g.place)
    ),
    insert_identifiers as (
        insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)
        select $1, network, identifier_value, fan_id, :now from claims c {condition}
    ),
    shared_phones as materialized (
        select new.phone, new.fan_id
        from (
            select g.phone, resolved.fan_id, o.fan_id as owner_id
            from owners o join resolved on resolved.place = o.place join persons g on g.place = o.place
            where resolved.fan_id <> o.fan_id and not exists (
                select from shared_identifiers s
                where s.account_id = $1 and s.network = 'phone' and s.identifier_value = g.phone
                  and s.fan_id = resolved.fan_id)
            offset 0) as new
        left join lateral (
            select true as is_locked from fan_identifiers
            where account_id = $1 and network = 'phone' and identifier_value = new.phone and fan_id = new.owner_id
            for key share) i on true
        where i.is_locked or run_again()
    ),
    insert_shared as (
        insert into shared_identifiers (account_id, network, identifier_value, fan_id, created_at)
        select distinct $1::bigint, 'phone', phone, fan_id, :now::timestamptz from shared_phones
        on conflict (account_id, network, identifier_value, fan_id) do nothing
    )
"""
# Whether a person `k` has a value for an empty column of a fan `f`.
FILLS = """
    (f.email is null and k.mail is not null
     or f.phone is null and k.phone is not null
     or f.phone <> k.phone and f.add_phone is null
     or f.first_name is null and k.first_name is not null
     or f.last_name is null and k.last_name is not null
     or f.birth_date is null and k.birth_date is not null
     or f.gender is null and k.gender is not null
     or f.country_code is null and k.country_code is not null
     or f.ip_address is null and k.ip_address is not null)
"""
# The fan of one person, locked as above, if nothing is to be written about the two: every identifier of the person is
# the fan's, or shared by the fan beside its owner, and no column of the fan is to be filled. It ignores consents. A fan
# whom somebody else holds is left out: after a wait, the rest of the statement would still read what was there before.
MATCH_EXISTING = f"""
    resolved as materialized (
        select 0 as place, f.fan_id
        from (select :person_mail::text as mail, :person_phone::text as phone, :person_first_name::text as first_name,
                     :person_last_name::text as last_name, :person_birth_date::date as birth_date,
                     :person_gender::text as gender, :person_country_code::text as country_code,
                     :person_ip_address::text as ip_address) as k
        cross join lateral (
            select fan_id from fan_identifiers
            where account_id = $1 and network = :person_network and identifier_value = :person_identifier limit 1) i
        cross join lateral (
            select fan_id from fans f
            where f.account_id = $1 and f.fan_id = i.fan_id and {FILLS} is not true for key share skip locked) f
        where k.phone is null or exists (
            select from fan_identifiers p
            where p.account_id = $1 and p.network = 'phone' and p.identifier_value = k.phone
              and (p.fan_id = i.fan_id or exists (
                  select from shared_identifiers s
                  where s.account_id = $1 and s.network = 'phone' and s.identifier_value = k.phone
                    and s.fan_id = i.fan_id)))
    )
"""  # noqa: S608 - fixed parts

INSERT_FANS = f"""
    created as (
        insert into fans (account_id, fan_id, position, created_at, updated_at, email, phone, first_name, last_name,
                          birth_date, gender, country_code, province, city, postal_code, metro_area, latitude,
                          longitude, ip_address, fan_source, is_subscribed, is_phone_subscribed, is_optout,
                          email_word_at, phone_word_at, optout_word_at)
        select $1, new_fans.fan_id, nextval('positions'), :now, :now, mail, phone, first_name, last_name,
               birth_date, gender, country_code, coalesce(province, place_province), coalesce(city, place_city),
               postal_code, place_metro_area, place_latitude, place_longitude, ip_address,
               coalesce(fan_source, :source), {{flags}}
        from hold cross join new_fans {{consents}} {place_of("new_fans")}
        returning fan_id, position
    )
"""  # noqa: S608 - fixed parts
# No two announced updates of a fan have the same millisecond: a key of fans/latest identifies one change by it.
# Owners of numbers are locked before: a row that this statement has changed cannot be locked by it any more.
UPDATE_FANS = f"""
    updated as (
        update fans f
        set email = coalesce(f.email, k.mail),
            phone = coalesce(f.phone, k.phone),
            add_phone = case when f.phone <> k.phone then coalesce(f.add_phone, k.phone) else f.add_phone end,
            first_name = coalesce(f.first_name, k.first_name),
            last_name = coalesce(f.last_name, k.last_name),
            birth_date = coalesce(f.birth_date, k.birth_date),
            gender = coalesce(f.gender, k.gender),
            country_code = case when f.country_code is null then k.country_code else f.country_code end,
            province = case when f.country_code is null then coalesce(k.province, k.place_province) else f.province end,
            city = case when f.country_code is null then coalesce(k.city, k.place_city) else f.city end,
            postal_code = case when f.country_code is null then k.postal_code else f.postal_code end,
            metro_area = case when f.country_code is null then k.place_metro_area else f.metro_area end,
            latitude = case when f.country_code is null then coalesce(f.latitude, k.place_latitude) else f.latitude end,
            longitude = case when f.country_code is null then coalesce(f.longitude, k.place_longitude)
                             else f.longitude end,
            ip_address = coalesce(f.ip_address, k.ip_address),
            {{flags}}
            updated_at = case when k.is_changed then greatest(:now, f.updated_at + interval '1 millisecond')
                              else f.updated_at end,
            position = case when k.is_changed then nextval('positions') else f.position end
        from hold cross join (select count(*) from owners) as locked
        cross join (select each.*, place.* from ({{each}}) as each {place_of("each")}) as k
        where f.account_id = $1 and f.fan_id = k.fan_id and (k.is_newer or {FILLS})
        returning f.fan_id, f.position, f.updated_at, k.is_changed
    )
"""  # noqa: S608 - fixed parts
ANNOUNCE = f"""
    announced as (
        {announce(FAN_CREATED, "created", position="position", at=":now")}
        {also(FAN_UPDATED, "updated where is_changed", position="position", at="updated_at")}
        {{consents}}
    )
"""


def _writes(*, has_consents: bool, has_erased: bool, is_guarded: bool) -> str:
    """Return the CTEs that write: empty columns are filled and never overwritten, consents are always recorded."""
    claims = INSERT_IDENTIFIERS.format(
        condition="" if has_erased else f"where not exists (select {ERASED}) or run_again()"
    )
    if not has_consents:
        unchanged = "select existing.*, false as is_newer, true as is_changed from existing"
        insert = INSERT_FANS.format(flags="false, false, false, null, null, null", consents="")
        update = UPDATE_FANS.format(flags="", each=unchanged)
        return ",".join([claims, insert, update, ANNOUNCE.format(consents="")])
    ctes = matching_consents.consent_ctes(FILLS, erased=ERASED if has_erased else None, is_guarded=is_guarded)
    insert = INSERT_FANS.format(
        flags=matching_consents.NEW_FLAGS, consents="left join consent_state s on s.fan_id = new_fans.fan_id"
    )
    update = UPDATE_FANS.format(flags=matching_consents.SET_FLAGS, each=matching_consents.EACH)
    return f"{claims},{ctes}{insert},{update},{ANNOUNCE.format(consents=matching_consents.ANNOUNCE)}"


# In the order in which they are tried: for persons without consents, with consents, and with identifiers of erased
# fans.
WRITES, GUARDED_WRITES = (
    tuple(
        _writes(has_consents=has_consents, has_erased=has_erased, is_guarded=is_guarded)
        for has_consents, has_erased in ((False, False), (True, False), (True, True))
    )
    for is_guarded in (False, True)
)

# Without `limit 1` the planner assumes ten elements per array, finds a custom plan cheaper, and plans again at each
# call: 2 ms, more than the execution.
EVERY_PLACE = {"mails": "persons g", "phones": "persons g"}
MATCH_ONE = tuple(f"{PERSONS.format(limit=1, **EVERY_PLACE)},{RESOLVE_ONE},{writes}" for writes in WRITES)
# The third matches like the second, for imports: no yes overrides a no. It looks for those identifiers alone that
# FOUND_PLACES names, since most persons of a file are new. Who else has one by now meets its primary key, and is looked
# for again.
FOUND_MAILS = Arrays("found_mail", {"place": "integer", "mail_key": "text"})
FOUND_PHONES = Arrays("found_phone", {"place": "integer", "phone": "text", "mail_key": "text"})
FOUND_PLACES = {"mails": FOUND_MAILS.unnest("g"), "phones": FOUND_PHONES.unnest("g")}
MATCH_MANY, MATCH_GUARDED = (
    tuple(f"{PERSONS.format(limit='all', **places)},{RESOLVE_MANY.format(first=FIRST)},{each}" for each in writes)
    for writes, places in ((WRITES, EVERY_PLACE), (GUARDED_WRITES, FOUND_PLACES))
)
