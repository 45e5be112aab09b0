"""Looks up fans by address or number, for systems that hold the secret."""

from fanfare.fans.contact import normalized_mail_key, read_contact
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.sessions.schemas.activities import Lookup, LookupFan


async def lookup(db: Db, account: Account, query: Lookup) -> LookupFan:
    """Return the fan who has an email address, or without one the fan who has a number; refuses (404) nobody's."""
    mail, number, _, faults = read_contact({"email": query.email, "phone": query.phone}, account.country_code)
    if faults:
        raise BadParameters(faults)
    row = await db.row(
        """
        select f.fan_id, f.first_name, f.last_name from fan_identifiers i
        join fans f on f.account_id = $1 and f.fan_id = i.fan_id
        where i.account_id = $1 and (i.network, i.identifier_value) in (('email', $2), ('phone', $3))
        order by i.network limit 1
        """,
        account.id,
        normalized_mail_key(mail) if mail else "",
        number or "",
    )
    if row is None:
        message = "No fan has this email address or phone number"
        raise Unknown(message)
    return LookupFan(**row)
