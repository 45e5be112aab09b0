"""Reads what a fan sees of the own data: numbers and the latest entries, however long the history is."""

from fanfare.fans.queries.attributes import identifiers
from fanfare.hosted.schemas.my_data import Entry, Group, Login, MyData
from fanfare.identities.queries.links import links
from fanfare.identities.queries.providers import issuer_title, providers
from fanfare.kernel.data.db import Db
from fanfare.points.queries.points import balances

LATEST = 5
MAX_IDENTITIES = 50
# Identities that the record of the fan shows already.
CONTACT = ("email", "phone")
# The title of each kind, how many there are, and the latest, by statements that an index of the fan answers.
GROUPS = {
    "Activities": (
        "select count(*) from activities where account_id = $1 and fan_id = $2",
        """
        select a.created_at as moment, c.title as label from activities a
        left join campaigns c on c.account_id = $1 and c.page_tab_id = a.page_tab_id
        where a.account_id = $1 and a.fan_id = $2 order by a.created_at desc limit $3
        """,
    ),
    "Tickets": (
        "select count(*) from tickets where account_id = $1 and fan_id = $2",
        """
        select t.purchased_at as moment, e.event_name as label from tickets t
        left join ticket_events e on e.account_id = $1 and e.event_uid = t.event_uid
        where t.account_id = $1 and t.fan_id = $2 order by t.purchased_at desc, t.ticket_id desc limit $3
        """,
    ),
    "Purchases": (
        "select count(*) from purchases where account_id = $1 and fan_id = $2",
        """
        select ordered_at as moment, coalesce(product_name, order_key) as label from purchases
        where account_id = $1 and fan_id = $2 order by ordered_at desc limit $3
        """,
    ),
    "Registrations": (
        "select count(*) from registrations where account_id = $1 and fan_id = $2",
        """
        select registered_at as moment, event_name as label from registrations
        where account_id = $1 and fan_id = $2 order by registered_at desc limit $3
        """,
    ),
}


HAS_PROGRAMS = """
    select exists (select from openid_consents where account_id = $1 and fan_id = $2 and withdrawn_at is null)
"""


async def unconfirmed_contact(db: Db, account_id: int, fan_id: int) -> str:
    """Return the email address of a fan, or without one the number, if nobody has shown yet that it is the fan's."""
    contact: str | None = await db.value(
        """
        select case when email is null then case when not is_phone_confirmed then phone end
                    when not is_confirmed then email end
        from fans where account_id = $1 and fan_id = $2
        """,
        account_id,
        fan_id,
    )
    return contact or ""


async def my_data(db: Db, account_id: int, fan_id: int) -> MyData:
    """Return what is stored of a fan, in numbers and with the latest entries of each kind."""
    groups = [
        Group(
            title,
            await db.value(count, account_id, fan_id),
            [Entry(**row) for row in await db.rows(latest, account_id, fan_id, LATEST)],
        )
        for title, (count, latest) in GROUPS.items()
    ]
    points = [(each.point_name, each.point_count) for each in await balances(db, account_id, fan_id)]
    identities = [
        (each.network, each.identifier_value)
        for each in await identifiers(db, account_id, fan_id)
        if each.network not in CONTACT
    ]
    return MyData(
        [each for each in groups if each.count],
        points,
        identities[:MAX_IDENTITIES],
        await _logins(db, account_id, fan_id),
        await db.value(HAS_PROGRAMS, account_id, fan_id),
    )


async def _logins(db: Db, account_id: int, fan_id: int) -> list[Login]:
    linked = await links(db, account_id, fan_id)
    titles = {each.issuer: each.title for each in await providers(db, account_id)} if linked else {}
    return [
        Login(each.identity_id, titles.get(each.issuer) or issuer_title(each.issuer), each.use_timestamp)
        for each in linked
    ]
