"""Reads why a fan is not reached or not shown: suppressed addresses, a banned IP address, hidden from public lists."""

from fanfare.fans.actions.identifiers import is_blocked
from fanfare.fans.contact import PHONES
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unknown
from fanfare.messages.actions.suppressions import HASH, Target
from fanfare.profiles.schemas import FanRestrictions, SuppressedAddress

FAN = """
    select f.email, f.phone, f.add_phone, f.ip_address,
           exists (select from hidden_fans h where h.account_id = $1 and h.fan_id = f.fan_id) as is_hidden,
           array(select m.network from shared_identifiers m where m.account_id = $1 and m.fan_id = f.fan_id
                 order by m.network) as shared_networks
    from fans f where f.account_id = $1 and f.fan_id = $2
"""
SUPPRESSION = Sql(f"""
    select suppression_id, channel, suppression_reason as reason, message_id,
           floor(extract(epoch from created_at))::bigint as creation_timestamp
    from suppressions where account_id = $1 and channel = :channel and address_hash = {HASH}
""")  # noqa: S608 - fixed parts


async def restrictions(db: Db, account_id: int, fan_id: int) -> FanRestrictions:
    """Return what keeps a fan from being reached or shown; Unknown (404) fan."""
    fan = await db.row(FAN, account_id, fan_id)
    if fan is None:
        raise Unknown(fan=fan_id)
    targets = [Target("email", fan["email"])] if fan["email"] else []
    targets += [Target("sms", fan[name]) for name in PHONES if fan[name]]
    suppressed = []
    for target in targets:
        row = await db.row(SUPPRESSION, account_id, **target.arguments())
        if row is not None:
            suppressed.append(SuppressedAddress(recipient=target.address, **row))
    is_banned = await is_blocked(db, account_id, None, fan["ip_address"])
    return FanRestrictions(fan_id, suppressed, fan["shared_networks"], is_banned=is_banned, is_hidden=fan["is_hidden"])
