"""The statement that finds or makes the fans behind contact data, as parts that other domains build theirs from.

A statement that uses one starts with the CTE `hold` and goes on from `who` (place, fan_id), one row for every person:

    with {HOLD},
    {FOUND},
    recorded as (insert into … select $1, nextval('positions'), who.fan_id, … from hold cross join who …)
    select …

Its arguments are those of PEOPLE, the fields of each Person and its place (0, 1, …), which `people.arguments` gives,
`now`, and `source`, the name of the door. FOUND is for one person. FOUND_MANY is for up to 1000, among
whom no email address comes twice, nor a number without address (`people.batches` sees to that).

Both are three texts, of which `people.text` gives the one to run: words on consent cost, and most persons say none.

Run it with `db.racing`: of two writers who make the same fan, one is refused by the primary key of fan_identifiers and
runs again, as does who finds a fan that goes away meanwhile. A fan who is found stays locked against an erasure until
the transaction ends.
"""

from fanfare.fans.actions import hearing
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
        **dict.fromkeys(("mail_said_at", "phone_said_at"), "timestamptz"),
    },
)

# A person is found by mail address, then by number. Somebody found by number who has another address is another person.
# `lateral … limit 1` has each looked up by primary key: before the tables are analysed, the planner would rather go
# through all fans for each person.
GIVEN = f"""
    given as materialized (
        select * from {PEOPLE.unnest("g")} limit {{most}}
    ),
    by_mail as materialized (
        select g.place, i.fan_id
        from given g
        cross join lateral (
            select fan_id from fan_identifiers
            where account_id = $1 and network = 'email' and identifier_value = g.mail_key limit 1) i
        left join lateral (
            select true as is_there from fans where account_id = $1 and fan_id = i.fan_id for key share) held on true
        where held.is_there or run_again()
    ),
    owners as materialized (
        select g.place, i.fan_id,
               g.mail_key is null or not exists (
                   select from fan_identifiers e
                   where e.account_id = $1 and e.fan_id = i.fan_id and e.network = 'email') as is_theirs
        from given g
        cross join lateral (
            select fan_id from fan_identifiers
            where account_id = $1 and network = 'phone' and identifier_value = g.phone limit 1) i
        left join lateral (
            select true as is_there from fans where account_id = $1 and fan_id = i.fan_id for key share) held on true
        where held.is_there or run_again()
    )
"""  # noqa: S608 - fixed parts

ONE = """
    found as materialized (
        select place, fan_id from by_mail
        union all
        select place, fan_id from owners where is_theirs and not exists (select from by_mail)
    ),
    fresh as materialized (
        select nextval('fans_fan_id_seq') as fan_id, g.* from given g where not exists (select from found)
    ),
    who as materialized (
        select place, fan_id from found union all select place, fan_id from fresh
    ),
    met as (
        select found.fan_id, g.* from found cross join given g
    )
"""

# `not in` because it always hashes: the planner, who expects few rows, would compare each of a thousand with each.
# Several entries may turn out to be one fan: a number alone belongs to who has it in the database, else to the first
# entry that names it with an address; a fan without address becomes that of the first entry with its number.
MANY = """
    found as materialized (
        select place, fan_id from by_mail
        union all
        select o.place, o.fan_id from owners o join given g on g.place = o.place where g.mail_key is null
        union all
        (select distinct on (o.fan_id) o.place, o.fan_id
         from owners o join given g on g.place = o.place
         where o.is_theirs and g.mail_key is not null and o.place not in (select place from by_mail)
         order by o.fan_id, o.place)
    ),
    companions as materialized (
        select distinct on (alone.place) alone.place, other.place as other_place
        from given alone join given other on other.phone = alone.phone and other.mail_key is not null
        where alone.mail_key is null and alone.place not in (select place from found)
        order by alone.place, other.place
    ),
    newcomers as materialized (
        select nextval('fans_fan_id_seq') as fan_id, g.place
        from given g
        where g.place not in (select place from found) and g.place not in (select place from companions)
    ),
    named as materialized (
        select place, fan_id from found union all select place, fan_id from newcomers
    ),
    who as materialized (
        select place, fan_id from named
        union all
        select c.place, n.fan_id from companions c join named n on n.place = c.other_place
    ),
    shared as materialized (
        select fan_id from who group by fan_id having count(*) > 1
    ),
    together as materialized (
        select who.fan_id, g.*
        from who join given g on g.place = who.place
        where who.fan_id not in (select fan_id from shared)
        union all
        select w.fan_id, min(g.place),
               {first}, null::boolean, null::boolean, null::timestamptz, null::timestamptz
        from who w join given g on g.place = w.place
        where w.fan_id in (select fan_id from shared)
        group by w.fan_id
    ),
    fresh as (
        select together.* from together where fan_id in (select fan_id from newcomers)
    ),
    met as (
        select together.* from together where fan_id not in (select fan_id from newcomers)
    )
"""
# The columns of `given` between place and is_subscribed, in order, each with the one that must be there to take it.
TAKEN = {
    **{each: each for each in ("mail", "mail_key", "phone", "first_name", "last_name", "birth_date", "gender")},
    **dict.fromkeys(ADDRESS, ADDRESS[0]),
    **{each: each for each in ("ip_address", "fan_source")},
}
FIRST = ",\n".join(
    f"(array_agg(g.{column} order by g.place) filter (where g.{value} is not null))[1]"
    for column, value in TAKEN.items()
)

# What is newly claimed. It may be of somebody who was erased: few are, so a statement that comes upon one runs again as
# the text that writes down what the erasure withdrew.
ERASED = """
    from erasure_keys k
    join erased_identities e on e.account_id = $1
     and e.identity_hash = identity_hash(k.hash_key, c.network, c.identifier_value)
    where k.account_id = $1
"""
# Who comes with another's number shares it. Its row is held, so that its owner lets go of it before this or after.
CLAIMED = """
    claims as materialized (
        (select 'email' as network, g.mail_key as identifier_value, who.fan_id
         from given g join who on who.place = g.place
         where g.mail_key is not null and g.place not in (select place from by_mail)
         order by g.mail_key)
        union all
        (select distinct on (g.phone) 'phone', g.phone, who.fan_id
         from given g join who on who.place = g.place
         where g.phone is not null and g.place not in (select place from owners)
         order by g.phone, g.mail_key is null, g.place)
    ),
    claimed as (
        insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)
        select $1, network, identifier_value, fan_id, :now from claims c {unless}
    ),
    lent as materialized (
        select new.phone, new.fan_id
        from (
            select g.phone, who.fan_id, o.fan_id as owner_id
            from owners o join who on who.place = o.place join given g on g.place = o.place
            where who.fan_id <> o.fan_id and not exists (
                select from shared_identifiers s
                where s.account_id = $1 and s.network = 'phone' and s.identifier_value = g.phone
                  and s.fan_id = who.fan_id)
            offset 0) as new
        left join lateral (
            select true as is_there from fan_identifiers
            where account_id = $1 and network = 'phone' and identifier_value = new.phone and fan_id = new.owner_id
            for key share) held on true
        where held.is_there or run_again()
    ),
    shared_since as (
        insert into shared_identifiers (account_id, network, identifier_value, fan_id, created_at)
        select distinct $1::bigint, 'phone', phone, fan_id, :now::timestamptz from lent
        on conflict (account_id, network, identifier_value, fan_id) do nothing
    )
"""
# Whether a person `k` tells of something that is empty of a fan `f`.
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

MADE = f"""
    made as (
        insert into fans (account_id, fan_id, position, created_at, updated_at, email, phone, first_name, last_name,
                          birth_date, gender, country_code, province, city, postal_code, metro_area, latitude,
                          longitude, ip_address, fan_source, is_subscribed, is_phone_subscribed, is_optout,
                          email_word_at, phone_word_at, optout_word_at)
        select $1, fresh.fan_id, nextval('positions'), :now, :now, mail, phone, first_name, last_name,
               birth_date, gender, country_code, coalesce(province, place_province), coalesce(city, place_city),
               postal_code, place_metro_area, place_latitude, place_longitude, ip_address,
               coalesce(fan_source, :source), {{flags}}
        from hold cross join fresh {{spoken}} {place_of("fresh")}
        returning fan_id, position
    )
"""  # noqa: S608 - fixed parts
# No update that anybody sees gives a fan the same millisecond twice: by that a key of fans/latest names one change.
FILLED = f"""
    filled as (
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
        from hold cross join (select each.*, place.* from ({{each}}) as each {place_of("each")}) as k
        where f.account_id = $1 and f.fan_id = k.fan_id and (k.is_news or {FILLS})
        returning f.fan_id, f.position, f.updated_at, k.is_changed
    )
"""  # noqa: S608 - fixed parts
ANNOUNCED = f"""
    announced as (
        {announce(FAN_CREATED, "made", position="position", at=":now")}
        {also(FAN_UPDATED, "filled where is_changed", position="position", at="updated_at")}
        {{words}}
    )
"""


def _writes(*, speaks: bool, returns: bool) -> str:
    """Return the CTEs that write.

    An integration fills what is empty and never overwrites; a word on consent counts whoever it comes from.
    """
    claims = CLAIMED.format(unless="" if returns else f"where not exists (select {ERASED}) or run_again()")
    if not speaks:
        silent = "select met.*, false as is_news, true as is_changed from met"
        insert = MADE.format(flags="false, false, false, null, null, null", spoken="")
        return ",".join([claims, insert, FILLED.format(flags="", each=silent), ANNOUNCED.format(words="")])
    consent = hearing.consent_ctes(FILLS, erased=ERASED if returns else None)
    insert = MADE.format(flags=hearing.NEW_FLAGS, spoken="left join spoken s on s.fan_id = fresh.fan_id")
    update = FILLED.format(flags=hearing.FLAGS_SET, each=hearing.EACH)
    return f"{claims},{consent}{insert},{update},{ANNOUNCED.format(words=hearing.ANNOUNCED)}"


# In the order in which they are tried: for persons who say nothing on consent, for others, for some who were erased.
WRITTEN = (
    _writes(speaks=False, returns=False),
    _writes(speaks=True, returns=False),
    _writes(speaks=True, returns=True),
)

# Without the limit the planner expects ten persons of arrays that it does not see yet, finds the plan for one cheaper,
# and plans anew at each call: 2 ms, more than all the rest.
FOUND = tuple(f"{GIVEN.format(most=1)},{ONE},{written}" for written in WRITTEN)
FOUND_MANY = tuple(f"{GIVEN.format(most='all')},{MANY.format(first=FIRST)},{written}" for written in WRITTEN)
