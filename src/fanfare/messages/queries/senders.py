"""Reads who messages come from, and the DNS records that this needs."""

from collections.abc import Mapping
from typing import Any, TypedDict

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.lists import bounded, list_rows
from fanfare.kernel.errors import Unknown
from fanfare.kernel.running.mail_server import mail_server
from fanfare.messages.schemas.senders import DnsRecord, Sender
from fanfare.messages.templates.builtin import KINDS

TXT_PREFIX, TXT_VALUE = "_fanfare-mail.", "fanfare-sender="
POLICY = "v=DMARC1"
SENDERS = """
    select sender_id, account_id, business_id, from_name, from_address, reply_to, sms_sender, confirmation_token,
           confirmed_at is not null as is_confirmed, is_signed, has_policy,
           floor(extract(epoch from checked_at))::bigint as check_timestamp,
           floor(extract(epoch from updated_at))::bigint as last_update_timestamp
    from message_senders where account_id = $1
"""
LIST = bounded(f"{SENDERS} order by business_id nulls first")
# Each field of the business before that of the account.
OF_MESSAGE = """
    select coalesce(b.from_name, a.from_name) as from_name, coalesce(b.reply_to, a.reply_to) as reply_to,
           coalesce(b.sms_sender, a.sms_sender) as sms_sender, d.from_address, d.is_signed
    from accounts o
    left join message_senders a on a.account_id = o.account_id and a.business_id is null
    left join message_senders b on b.account_id = o.account_id and b.business_id = $2
    left join lateral (
        select s.from_address, s.is_signed from message_senders s
        where s.account_id = o.account_id and s.sender_id in (a.sender_id, b.sender_id)
          and s.from_address is not null and s.confirmed_at is not null
        order by s.business_id nulls last limit 1) d on true
    where o.account_id = $1
"""


class SenderFields(TypedDict, total=False):
    """What a sender adds to the envelope of a message."""

    from_name: str
    from_address: str
    reply_to: str
    sms_sender: str
    is_signed: bool


async def sender_of(db: Db, account_id: int, business_id: int | None, template: str) -> SenderFields:
    """Return the account's own sender of a message; what lets staff in always comes from the operator."""
    if KINDS[template].is_for_staff:
        return {}
    row = await db.row(OF_MESSAGE, account_id, business_id)
    if row is None:
        return {}
    return {
        "from_name": row["from_name"] or "",
        "from_address": row["from_address"] or "",
        "reply_to": row["reply_to"] or "",
        # The operator may have taken it back.
        "sms_sender": row["sms_sender"] if row["sms_sender"] in mail_server.sms_senders else "",
        "is_signed": bool(row["is_signed"]),
    }


async def senders(db: Db, account_id: int) -> list[Sender]:
    """Return the senders of an account, its own first."""
    return [_sender(dict(row)) for row in list_rows(await db.rows(LIST, account_id))]


async def sender(db: Db, account_id: int, sender_id: int) -> Sender:
    """Return a sender; Unknown (404)."""
    row = await db.row(f"{SENDERS} and sender_id = $2", account_id, sender_id)
    if row is None:
        raise Unknown(sender=sender_id)
    return _sender(dict(row))


def _sender(row: Mapping[str, Any]) -> Sender:
    fields = {name: row[name] for name in Sender.__struct_fields__ if name in row}
    return Sender(**fields, server_address=mail_server.address, dns_records=_records(row))


def _records(row: Mapping[str, Any]) -> list[DnsRecord]:
    """Return the records of the domain: whose it is, our key, and what receivers do with mail that is not signed."""
    domain = (row["from_address"] or "").rpartition("@")[2]
    if not domain:
        return []
    is_checked = row["check_timestamp"] is not None

    def state(has_record: bool) -> str:  # noqa: FBT001 - one value
        return "found" if has_record else "missing" if is_checked else "unknown"

    token = f"{TXT_VALUE}{row['confirmation_token']}"
    records = [DnsRecord("confirmation", "TXT", TXT_PREFIX + domain, token, True, state(row["is_confirmed"]))]  # noqa: FBT003
    if mail_server.selector and domain != mail_server.domain:
        target = f"{key_name(mail_server.domain)}."
        records.append(DnsRecord("dkim", "CNAME", key_name(domain), target, True, state(row["is_signed"])))  # noqa: FBT003
    policy = f"{POLICY}; p=none"
    records.append(DnsRecord("dmarc", "TXT", f"_dmarc.{domain}", policy, False, state(row["has_policy"])))  # noqa: FBT003
    return records


def key_name(domain: str) -> str:
    """Return the name at which a domain publishes the key that signs its mail."""
    return f"{mail_server.selector}._domainkey.{domain}"
