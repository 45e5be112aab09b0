"""Queues messages: the row and the job are written in the transaction of the message's cause, or not at all."""

import uuid
from collections.abc import Mapping
from datetime import datetime

import msgspec

from fanfare.accounts.queries import business
from fanfare.fans.queries.consents import IS_WELCOME, welcome_ctes
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import enqueue
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.folding import fold
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.messages.actions.suppressions import IS_SUPPRESSED, Target
from fanfare.messages.schemas.messages import NewMessage
from fanfare.messages.schemas.templates import SampleMessage
from fanfare.messages.templates.builtin import KINDS
from fanfare.messages.topics import MESSAGE_CREATED

# How secret values are stored while a message waits.
SEAL = "messages.values"
VALUES = msgspec.json.Decoder(dict[str, str])
DELIVER = "messages.deliver_message"
# The answer in the record of a marketing message that was not sent for lack of consent.
NO_CONSENT = "the fan has not agreed to marketing messages"

CREATE = Sql(f"""
    with {HOLD},
    {welcome_ctes(fan=":fan_id::bigint", channel=":channel", business=":business_id::bigint", is_locked=False)},
    created as (
        insert into messages (account_id, message_id, request_key, channel, template_name, message_language, fan_id,
                              business_id, recipient, message_state, shown_values, sealed_values, answer, created_at,
                              due_at, expires_at)
        select $1, nextval('positions'), :request_key, :channel, :template, :language, :fan_id, :business_id,
               case when not (:is_last and is_suppressed) then :recipient end,
               case when is_suppressed or is_unwelcome then 'suppressed' else 'queued' end, :shown_values,
               case when not (is_suppressed or is_unwelcome) then :sealed_values end,
               case when is_unwelcome then '{NO_CONSENT}' end, :now, :now, :expires_at
        from hold cross join (
            select {IS_SUPPRESSED} as is_suppressed,
                   :needs_consent and not {IS_WELCOME.format(business=":business_id::bigint")} as is_unwelcome
        ) as checks
        on conflict (account_id, request_key) do nothing
        returning message_id, message_state, channel, fan_id
    ),
    announced as (
        {announce(MESSAGE_CREATED, "created where message_state = 'queued'", position="message_id", at=":now")}
    )
    select message_id, message_state from created
""")  # noqa: S608 - fixed parts
FIRST = "select message_id from messages where account_id = $1 and request_key = $2"


async def send(db: Db, account_id: int, new: NewMessage, now: datetime) -> int:
    """Queue a message and return its id; part of the caller's transaction.

    A request that has its message already gets the id of that. A suppressed address gets no message, a fan without
    consent no marketing message; only the record tells.
    """
    if KINDS[new.template].is_marketing and new.fan_id is None:
        message = f"{new.template} is a marketing message, which needs the fan who agreed to it"
        raise TypeError(message)
    return await _queue(db, account_id, new, now)


async def _queue(db: Db, account_id: int, new: NewMessage, now: datetime) -> int:
    _check(new)
    row = await db.row(CREATE, account_id, **_arguments(new), now=now)
    message_id: int
    if row is None:
        message_id = await db.value(FIRST, account_id, new.request_key)
        return message_id
    message_id = row["message_id"]
    if row["message_state"] == "queued":
        await enqueue(db.for_account(account_id), DELIVER, message_id, key=str(message_id))
    return message_id


async def send_sample(db: Db, account: Account, sample: SampleMessage, now: datetime) -> int:
    """Queue a message with the sample values of its template and return its id; refuses a recipient that is none."""
    kind = KINDS[sample.template_name]
    values = {name: kind.samples[name] for name in kind.sent_names - kind.secret_names}
    new = NewMessage(
        channel=sample.channel,
        recipient=sample.address(account.country_code),
        template=sample.template_name,
        request_key=f"sample:{uuid.uuid4()}",
        values=values,
        secrets={name: kind.samples[name] for name in kind.secret_names},
        business_id=sample.business_id,
        language=sample.language or "",
    )
    if sample.business_id is not None:
        await business(db, account.id, sample.business_id)
    async with db.transaction() as tx:
        return await _queue(tx, account.id, new, now)


def _check(new: NewMessage) -> None:
    """Raise TypeError for values that are not those of the template: a fault of the caller's code."""
    kind = KINDS[new.template]
    if {*new.values, *new.secrets} != kind.sent_names or set(new.secrets) != kind.secret_names:
        message = f"{new.template} takes {sorted(kind.sent_names)}, of which secret are {sorted(kind.secret_names)}"
        raise TypeError(message)


def _arguments(new: NewMessage) -> Mapping[str, object]:
    return {
        "request_key": new.request_key,
        **Target(new.channel, new.recipient).arguments(),
        "template": new.template,
        "language": fold(new.language),
        "fan_id": new.fan_id,
        "needs_consent": KINDS[new.template].is_marketing and new.fan_id is not None,
        "business_id": new.business_id,
        "recipient": new.recipient,
        "is_last": KINDS[new.template].is_last,
        "shown_values": {name: str(value) for name, value in new.values.items()},
        "sealed_values": secret_keys.seal(SEAL, msgspec.json.encode(dict(new.secrets))),
        "expires_at": new.expires_at,
    }
