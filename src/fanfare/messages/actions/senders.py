"""Writes who messages come from, and checks the DNS records of their domains."""

import secrets
from datetime import datetime

import asyncpg
import msgspec

from fanfare.fans.contact import mail_address
from fanfare.kernel.callers import Account, Caller
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.running.mail_server import ascii_domain, mail_server
from fanfare.kernel.running.name_servers import name_servers
from fanfare.messages.queries.senders import POLICY, TXT_PREFIX, TXT_VALUE, key_name
from fanfare.messages.schemas.senders import NewSender, OneSender
from fanfare.messages.topics import SENDER_DELETED, SENDER_UPDATED

TOKEN_BYTES = 16
# A domain stays confirmed while the address keeps it.
IS_SAME_DOMAIN = "split_part(s.from_address, '@', 2) is not distinct from split_part(excluded.from_address, '@', 2)"
SAVE = Sql(f"""
    with {HOLD},
    saved as (
        insert into message_senders as s (account_id, sender_id, business_id, from_name, from_address, reply_to,
                                          sms_sender, confirmation_token, created_at, updated_at)
        select $1, nextval('positions'), :business_id, :from_name, :from_address, :reply_to, :sms_sender, :token, :now,
               :now
        from hold
        on conflict (account_id, coalesce(business_id, 0)) do update
        set from_name = excluded.from_name, from_address = excluded.from_address, reply_to = excluded.reply_to,
            sms_sender = excluded.sms_sender, updated_at = excluded.updated_at,
            confirmed_at = case when {IS_SAME_DOMAIN} then s.confirmed_at end,
            checked_at = case when {IS_SAME_DOMAIN} then s.checked_at end,
            is_signed = s.is_signed and {IS_SAME_DOMAIN}, has_policy = s.has_policy and {IS_SAME_DOMAIN}
        returning sender_id
    ),
    announced as (
        {announce(SENDER_UPDATED, "saved", at=":now")}
    )
    select sender_id from saved
""")  # noqa: S608 - fixed parts
# Once confirmed it stays so, and what a name server did not answer stays as it was; a check is complete when everything
# was answered. While the DNS was asked the address may have changed: what it said is about the domain and the token of
# the question.
NOTE = f"""
    with {HOLD},
    checked as (
        update message_senders
        set checked_at = greatest(checked_at, $9), confirmed_at = coalesce(confirmed_at, $4),
            is_signed = $5::boolean is true or $5 is null and is_signed,
            has_policy = $6::boolean is true or $6 is null and has_policy
        where account_id = $1 and sender_id = $2 and coalesce(split_part(from_address, '@', 2), '') = $7
              and confirmation_token = $8
        returning sender_id
    )
    {announce(SENDER_UPDATED, "checked", at="$3")}
"""  # noqa: S608 - fixed parts
# What the driver returns for a statement that announced nothing.
NOTHING = "INSERT 0 0"
DELETE = announced_deletion(
    SENDER_DELETED, "delete from message_senders where account_id = $1 and sender_id = $2", returning="sender_id"
)
DOMAIN = """
    select from_address, confirmation_token from message_senders where account_id = $1 and sender_id = $2
"""


class SenderCheck(msgspec.Struct, frozen=True):
    """Which DNS records of a domain are there, one of them with a token; None: no name server said."""

    domain: str
    token: str
    has_record: bool | None
    has_key: bool | None
    has_policy: bool | None

    @property
    def is_complete(self) -> bool:
        """Whether the name servers answered each question."""
        return None not in (self.has_record, self.has_key, self.has_policy)


async def save_sender(db: Db, account_id: int, new: NewSender, now: datetime) -> int:
    """Set the sender of the account or of a business and return its id; Unknown (404) business.

    Raises BadParameters (422) for a sender of SMS that the operator does not allow: the gateway is everybody's.
    """
    if new.sms_sender and new.sms_sender not in mail_server.sms_senders:
        raise BadParameters([("sms_sender", _choice_of_senders())])
    fields = msgspec.structs.asdict(new)
    for name in ("from_address", "reply_to"):
        fields[name] = mail_address(fields[name]) if fields[name] else None
    fields["from_address"] = fields["from_address"] and ascii_domain(fields["from_address"])
    try:
        sender_id: int = await db.value(SAVE, account_id, **fields, token=secrets.token_hex(TOKEN_BYTES), now=now)
    except asyncpg.ForeignKeyViolationError:
        raise Unknown(business=new.business_id) from None
    return sender_id


def _choice_of_senders() -> str:
    if not mail_server.sms_senders:
        return "must be left out: the operator of the server has named no senders of SMS"
    return f"must be one of {', '.join(mail_server.sms_senders)}, as the operator of the server says"


async def delete_sender(db: Db, account_id: int, sender_id: int, now: datetime) -> None:
    """Delete a sender; Unknown (404)."""
    if await db.value(DELETE, account_id, sender_id, now) is None:
        raise Unknown(sender=sender_id)


async def ask(db: Db, account: Account, _: Caller, target: OneSender, __: datetime) -> SenderCheck:
    """Ask the DNS for the records of a sender's domain; Unknown (404) sender."""
    return await check_sender(db, account.id, target.sender_id)


async def check_sender(db: Db, account_id: int, sender_id: int) -> SenderCheck:
    """Ask the DNS for the records of a sender's domain, outside any transaction; Unknown (404) sender."""
    row = await db.row(DOMAIN, account_id, sender_id)
    if row is None:
        raise Unknown(sender=sender_id)
    domain = (row["from_address"] or "").rpartition("@")[2]
    token = row["confirmation_token"]
    if not domain:
        return SenderCheck(domain, token, has_record=False, has_key=False, has_policy=False)
    policies = await name_servers.txt(f"_dmarc.{domain}")
    return SenderCheck(
        domain,
        token,
        has_record=await name_servers.has_txt(TXT_PREFIX + domain, TXT_VALUE + token),
        has_key=await _has_key(domain),
        has_policy=None if policies is None else any(each.startswith(POLICY) for each in policies),
    )


async def _has_key(domain: str) -> bool | None:
    """Return whether a domain publishes the key that the operator's domain does; None: no name server said."""
    if not mail_server.selector:
        return False
    keys = await name_servers.txt(key_name(mail_server.domain))
    domain_keys = await name_servers.txt(key_name(domain))
    return None if keys is None or domain_keys is None else bool(keys) and keys == domain_keys


async def note_check(db: Db, account_id: int, sender_id: int, check: SenderCheck, now: datetime) -> bool:
    """Store the result of a check; return whether it confirms the domain that the sender has now."""
    confirmed_at = now if check.has_record else None
    answers = (confirmed_at, check.has_key, check.has_policy)
    question = (check.domain, check.token)
    checked_at = now if check.is_complete else None
    word = await db.execute(NOTE, account_id, sender_id, now, *answers, *question, checked_at)
    return bool(check.has_record) and word != NOTHING
