"""One person is one fan: finds or makes the fans behind contact data, whatever door it came through.

A fan is found by mail address, then by phone number; somebody found by phone who has another mail address is another
person. Who comes first is decided by the primary key of fan_identifiers: a writer that loses the race fails whole and
tries again, then sees the winner's row.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from fanfare.fans.contact import mail_address, phone_number
from fanfare.kernel.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.places.addresses import Address, WrongAddressError, complete_address

BATCH = 1000


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What a door knows about a person, in normal forms: see `person`."""

    mail: str | None = None
    mail_key: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    birth_date: date | None = None
    gender: str | None = None
    country_code: str | None = None
    province: str | None = None
    city: str | None = None
    postal_code: str | None = None
    ip_address: str | None = None
    fan_source: str | None = None
    is_subscribed: bool | None = None
    is_phone_subscribed: bool | None = None


# Every column of Person, as the arrays $2 to $17 of one statement; $18 is the moment, $19 the door's name.
# `who` gives (place, fan_id) for every person. Expects the CTE `hold`; gives the rows of the change log and the ledger.
# An integration fills what is empty and never overwrites; a word on consent counts whoever it comes from.
FOUND = """
    given as materialized (
        select * from unnest(
            $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::date[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::boolean[], $17::boolean[]
        ) as g (place, mail, mail_key, phone, first_name, last_name, birth_date, gender,
                country_code, province, city, postal_code, ip_address, fan_source, is_subscribed, is_phone_subscribed)
    ),
    by_mail as materialized (
        select g.place, i.fan_id
        from given g
        join fan_identifiers i on i.account_id = $1 and i.network = 'email' and i.identifier_value = g.mail_key
    ),
    owners as materialized (
        select g.place, i.fan_id
        from given g
        join fan_identifiers i on i.account_id = $1 and i.network = 'phone' and i.identifier_value = g.phone
    ),
    found as materialized (
        select place, fan_id from by_mail
        union all
        select o.place, o.fan_id
        from owners o join given g on g.place = o.place
        where not exists (select from by_mail m where m.place = o.place)
          and (g.mail_key is null or not exists (
              select from fan_identifiers i
              where i.account_id = $1 and i.fan_id = o.fan_id and i.network = 'email'))
    ),
    fresh as materialized (
        select nextval('fans_fan_id_seq') as fan_id, g.*
        from given g
        where not exists (select from found f where f.place = g.place)
    ),
    who as materialized (
        select place, fan_id from found union all select place, fan_id from fresh
    ),
    made as (
        insert into fans (account_id, fan_id, position, created_at, updated_at, email, phone, first_name, last_name,
                          birth_date, gender, country_code, province, city, postal_code, ip_address, fan_source,
                          is_subscribed, is_phone_subscribed)
        select $1, fan_id, nextval('positions'), $18, $18, mail, phone, first_name, last_name,
               birth_date, gender, country_code, province, city, postal_code, ip_address, coalesce(fan_source, $19),
               coalesce(is_subscribed, false), coalesce(is_phone_subscribed, false)
        from hold cross join fresh
        returning fan_id, position
    ),
    filled as (
        update fans f
        set email = coalesce(f.email, g.mail),
            phone = coalesce(f.phone, g.phone),
            add_phone = case when f.phone <> g.phone then coalesce(f.add_phone, g.phone) else f.add_phone end,
            first_name = coalesce(f.first_name, g.first_name),
            last_name = coalesce(f.last_name, g.last_name),
            birth_date = coalesce(f.birth_date, g.birth_date),
            gender = coalesce(f.gender, g.gender),
            country_code = case when f.country_code is null then g.country_code else f.country_code end,
            province = case when f.country_code is null then g.province else f.province end,
            city = case when f.country_code is null then g.city else f.city end,
            postal_code = case when f.country_code is null then g.postal_code else f.postal_code end,
            ip_address = coalesce(f.ip_address, g.ip_address),
            is_subscribed = coalesce(g.is_subscribed, f.is_subscribed),
            is_phone_subscribed = coalesce(g.is_phone_subscribed, f.is_phone_subscribed),
            is_optout = f.is_optout
                and not (coalesce(g.is_subscribed, false) or coalesce(g.is_phone_subscribed, false)),
            updated_at = $18,
            position = nextval('positions')
        from hold cross join found join given g on g.place = found.place
        where f.account_id = $1 and f.fan_id = found.fan_id
          and (f.email is null and g.mail is not null
               or f.phone is null and g.phone is not null
               or f.phone <> g.phone and f.add_phone is null
               or f.first_name is null and g.first_name is not null
               or f.last_name is null and g.last_name is not null
               or f.birth_date is null and g.birth_date is not null
               or f.gender is null and g.gender is not null
               or f.country_code is null and g.country_code is not null
               or f.ip_address is null and g.ip_address is not null
               or g.is_subscribed <> f.is_subscribed
               or g.is_phone_subscribed <> f.is_phone_subscribed)
        returning f.fan_id, f.position
    ),
    claimed as (
        insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)
        select $1, 'email', g.mail_key, who.fan_id, $18
        from given g join who on who.place = g.place
        where g.mail_key is not null and not exists (select from by_mail m where m.place = g.place)
        union all
        (select distinct on (g.phone) $1, 'phone', g.phone, who.fan_id, $18
         from given g join who on who.place = g.place
         where g.phone is not null and not exists (select from owners o where o.place = g.place)
         order by g.phone, g.place)
    ),
    words as materialized (
        select nextval('positions') as consent_id, who.fan_id, said.channel, said.is_granted, g.ip_address
        from hold cross join given g
        join who on who.place = g.place
        cross join lateral (values ('email', g.is_subscribed), ('phone', g.is_phone_subscribed))
            as said (channel, is_granted)
        where said.is_granted is not null
    ),
    said as (
        insert into consents (account_id, consent_id, fan_id, channel, is_granted, consent_source, ip_address, given_at)
        select $1, consent_id, fan_id, channel, is_granted, $19, ip_address, $18 from words
    ),
    announced as (
        insert into changes (account_id, position, topic, subject_id, fan_id, occurred_at, data)
        select $1, position, 'fan.created', fan_id::text, fan_id, $18, '{}'::jsonb from made
        union all
        select $1, position, 'fan.updated', fan_id::text, fan_id, $18, '{}'::jsonb from filled
        union all
        select $1, consent_id, case when is_granted then 'consent.given' else 'consent.withdrawn' end,
               fan_id::text, fan_id, $18, jsonb_build_object('channel', channel)
        from words
    )
"""

FIND = f"""
    with hold as materialized (select hold_position($1) as held),
    {FOUND}
    select place, fan_id from who order by place
"""  # noqa: S608 - fixed parts


def person(
    contact: Mapping[str, str | None],
    *,
    home_country: str | None = None,
    **known: Any,  # noqa: ANN401 - Person's own
) -> Person:
    """Return a person in normal forms; refuses (422) with every wrong field.

    `contact` holds email, phone, country_code, province, city and postal_code as they came, `known` the other fields
    of Person. `home_country` is the country of a number written as at home when the person's own is not known.
    """
    errors: list[tuple[str, str]] = []
    address = _address(contact, errors)
    home = address.country_code or home_country
    mail = _read("email", contact, mail_address, errors)
    number = _read("phone", contact, lambda phone: phone_number(phone, home), errors)
    if not errors and mail is None and number is None:
        errors.append(("email", "is required when phone is left out"))
    if errors:
        raise BadParameters(errors)
    return Person(
        mail=mail,
        mail_key=mail.lower() if mail else None,
        phone=number,
        country_code=address.country_code,
        province=address.province,
        city=address.city,
        postal_code=address.postal_code,
        **known,
    )


def _address(contact: Mapping[str, str | None], errors: list[tuple[str, str]]) -> Address:
    try:
        return complete_address(*(contact.get(part) for part in ("country_code", "province", "city", "postal_code")))
    except WrongAddressError as wrong:
        errors += wrong.errors
        return Address()


def _read(
    name: str, contact: Mapping[str, str | None], form: Callable[[str], str], errors: list[tuple[str, str]]
) -> str | None:
    given = contact.get(name)
    try:
        return form(given) if given else None
    except ValueError as wrong:
        errors.append((name, str(wrong)))
        return None


def fold(people: Sequence[Person]) -> tuple[list[Person], list[int]]:
    """Fold persons who are the same within a batch; return them once, and for each given one its place there.

    What an earlier entry leaves empty a later one fills; the last word on consent counts.
    """
    folded: list[Person] = []
    by_mail: dict[str, int] = {}
    by_phone: dict[str, int] = {}
    places: list[int] = []
    for each in people:
        place = by_mail.get(each.mail_key or "")
        owner = by_phone.get(each.phone or "")
        if place is None and owner is not None and (each.mail_key is None or folded[owner].mail_key is None):
            place = owner
        if place is None:
            place = len(folded)
            folded.append(each)
        else:
            folded[place] = _joined(folded[place], each)
        if each.mail_key:
            by_mail[each.mail_key] = place
        if each.phone:
            by_phone.setdefault(each.phone, place)
        places.append(place)
    return folded, places


LAST_WORD = frozenset({"is_subscribed", "is_phone_subscribed"})


def _joined(first: Person, later: Person) -> Person:
    filled = {
        name: value
        for name in Person.__struct_fields__
        if (value := getattr(later, name)) is not None and (getattr(first, name) is None or name in LAST_WORD)
    }
    return msgspec.structs.replace(first, **filled) if filled else first


def columns(people: Sequence[Person]) -> list[list[object]]:
    """Return persons as the arrays $2 to $17 of FOUND."""
    values = [[getattr(each, name) for each in people] for name in Person.__struct_fields__]
    return [list(range(len(people))), *values]


async def find_or_create(db: Db, account_id: int, people: Sequence[Person], now: datetime, *, source: str) -> list[int]:
    """Return the fan of each person, in the order given; at most 1000 at once, in one statement.

    `source` names the door: it stands in the consent ledger, and as fan_source of fans made without one.
    """
    folded, places = fold(people)
    arguments = columns(folded)
    rows = await db.racing(lambda held: held.rows(FIND, account_id, *arguments, now, source))
    return [rows[place]["fan_id"] for place in places]
