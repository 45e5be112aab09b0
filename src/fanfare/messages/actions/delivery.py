"""Sends what is queued. A message is sent at most once for its request, however workers die.

Right before it may leave, its row says `sending`, and is committed. Whoever finds it so later knows that its worker
died between that and the answer: the message may have left, so it is given up as `unconfirmed`. What surely did not
leave is tried again, later and later.
"""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

import msgspec

from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.jobs import enqueue
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.messages.actions import outcomes
from fanfare.messages.actions.preference_links import Recipient, preferences_url, unsubscribe_url
from fanfare.messages.actions.sending import DELIVER, SEAL, VALUES
from fanfare.messages.actions.suppressions import BOUNCE, Target, is_suppressed, suppress
from fanfare.messages.gateways import Accepted, Delayed, Envelope, Outcome, Refused, Stopped
from fanfare.messages.gateways.outgoing import outgoing
from fanfare.messages.queries.senders import sender_of
from fanfare.messages.queries.texts import own_text, sender_name
from fanfare.messages.reports.references import reference
from fanfare.messages.templates.builtin import (
    BUILTIN,
    BUSINESS,
    DEFAULT_LANGUAGE,
    KINDS,
    LINK_SAMPLES,
    PREFERENCES_URL,
    UNSUBSCRIBE_URL,
    Text,
)
from fanfare.messages.templates.rendering import MASK, Rendered, WrongTemplate, render

# Seconds until the next try, give or take a part; after the last the message is given up.
PAUSES = (10, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
SPREAD = 0.2
# What a gateway takes at the most once the message may leave; `sending` for longer means that the worker died.
LONGEST_SENDING = timedelta(minutes=2)

MESSAGE = """
    select account_id, message_id, channel, template_name, message_language, fan_id, business_id, recipient,
           message_state, shown_values, sealed_values, try_count, tried_at, expires_at, answer
    from messages where account_id = $1 and message_id = $2
"""
# Locked, so that an erasure is either seen or waits.
RECIPIENT = "select recipient from messages where account_id = $1 and message_id = $2 for update"


class Writing(msgspec.Struct, frozen=True):
    """What a message says, and what of that the record says."""

    envelope: Envelope
    record: Rendered
    secrets: tuple[str, ...]


async def deliver(db: Db, account_id: int, message_id: int, now: datetime) -> None:
    """Send a message if it waits, and note what became of it."""
    row = await db.row(MESSAGE, account_id, message_id)
    if row is None or row["message_state"] not in ("queued", "sending"):
        return
    if row["message_state"] == "sending":
        await _look_after(db, row, now)
    elif row["expires_at"] and row["expires_at"] <= now:
        await outcomes.end(db, row, "expired", now)
    elif await is_suppressed(db, account_id, Target(row["channel"], row["recipient"])):
        await outcomes.end(db, row, "suppressed", now)
    else:
        await _send(db, row, now)


async def _look_after(db: Db, row: Record, now: datetime) -> None:
    """Give up a message whose worker died; while it may be alive, look again later."""
    if now - row["tried_at"] >= LONGEST_SENDING:
        await outcomes.end(db, row, "unconfirmed", now, answer="the worker stopped before the answer came")
        return
    key = f"{row['message_id']}:{row['try_count']}:end"
    delay = LONGEST_SENDING.total_seconds()
    await enqueue(db.for_account(row["account_id"]), DELIVER, row["message_id"], key=key, delay=delay)


async def _send(db: Db, row: Record, now: datetime) -> None:
    try:
        writing = await write(db, row)
    except NotSealed:
        await outcomes.end(db, row, "failed", now, answer="its values cannot be read: the secret key was changed")
        return
    await outcomes.record(db, row, writing.record)
    gateway = outgoing.gateway(row["channel"])
    if gateway is None and KINDS[row["template_name"]].is_last:
        # Stored it would keep the address of somebody who is erased.
        await outcomes.end(db, row, "failed", now)
        return
    if gateway is None:
        await outcomes.store(db, row)
        return
    outcome = await gateway.send(writing.envelope, partial(outcomes.begin, db, row, now))
    if not isinstance(outcome, Stopped):
        await _note(db, row, _without(outcome, writing.secrets), now)


async def _note(db: Db, row: Record, outcome: Outcome, now: datetime) -> None:
    """Write down what became of a message, and queue its next try; none when its recipient was erased meanwhile."""
    async with db.transaction() as tx:
        is_erased = await tx.value(RECIPIENT, row["account_id"], row["message_id"]) is None
        is_forgotten = is_erased or KINDS[row["template_name"]].is_last
        if isinstance(outcome, Accepted):
            await outcomes.accept(tx, row, outcome.answer, now)
        elif isinstance(outcome, Delayed) and not is_erased and (due_at := next_try(row, now)):
            await outcomes.delay(tx, row, outcome.answer, due_at)
            key, delay = f"{row['message_id']}:{row['try_count'] + 1}", (due_at - now).total_seconds()
            await enqueue(tx.for_account(row["account_id"]), DELIVER, row["message_id"], key=key, delay=delay)
        else:
            is_known = isinstance(outcome, Delayed | Refused)
            await outcomes.end(tx, row, "failed" if is_known else "unconfirmed", now, answer=outcome.answer)
        if isinstance(outcome, Refused) and outcome.is_unreachable and not is_forgotten:
            target = Target(row["channel"], row["recipient"])
            await suppress(tx, row["account_id"], target, BOUNCE, now, message_id=row["message_id"])


def next_try(row: Mapping[str, object] | Record, now: datetime, chance: float | None = None) -> datetime | None:
    """Return when a message is tried again, or None when it is given up. `chance` is from 0 to 1."""
    tries = row["try_count"]
    if not isinstance(tries, int) or tries >= len(PAUSES):
        return None
    spread = 1 + SPREAD * (2 * (random.random() if chance is None else chance) - 1)  # noqa: S311 - spreads load
    due_at: datetime = now + timedelta(seconds=PAUSES[tries] * spread)
    expires_at = row["expires_at"]
    return None if isinstance(expires_at, datetime) and due_at >= expires_at else due_at


async def unsealed(db: Db, account_id: int, message_id: int) -> Envelope | None:
    """Return a message that has not left as it would; None when its values are gone, or not readable with our keys."""
    row = await db.row(MESSAGE, account_id, message_id)
    if row is None or row["sealed_values"] is None or row["recipient"] is None:
        return None
    try:
        return (await write(db, row)).envelope
    except NotSealed:
        return None


async def write(db: Db, row: Record) -> Writing:
    """Render a message and its record; raises NotSealed. The built-in text replaces one that cannot be rendered."""
    account_id, name, channel = row["account_id"], row["template_name"], row["channel"]
    links = _links(row)
    secrets = {**VALUES.decode(secret_keys.unseal(SEAL, row["sealed_values"])), **links}
    business = await sender_name(db, account_id, row["business_id"])
    values = {**row["shown_values"], BUSINESS: business}
    text = await own_text(db, account_id, name, channel, row["message_language"], row["business_id"])
    try:
        content, record = _pair(text, channel, values, secrets)
    except WrongTemplate:
        content, record = _pair(BUILTIN[name, channel, DEFAULT_LANGUAGE], channel, values, secrets)
    sender = await sender_of(db, account_id, row["business_id"], name)
    envelope = Envelope(
        recipient=row["recipient"],
        reference=reference(account_id, row["message_id"]),
        subject=content.subject,
        text=content.text,
        html=content.html,
        sender_name=business,
        unsubscribe_url="" if row["fan_id"] is None else links.get(UNSUBSCRIBE_URL, ""),
        **sender,
    )
    return Writing(envelope, record, tuple(secrets.values()))


def _links(row: Record) -> Mapping[str, str]:
    """Return the links of a marketing message, made when it leaves, so that their key is the present one."""
    if not KINDS[row["template_name"]].is_marketing:
        return {}
    if row["fan_id"] is None:
        return LINK_SAMPLES
    recipient = Recipient(row["account_id"], row["fan_id"], row["business_id"])
    return {UNSUBSCRIBE_URL: unsubscribe_url(recipient), PREFERENCES_URL: preferences_url(recipient)}


def _pair(text: Text, channel: str, values: Mapping[str, str], secrets: Mapping[str, str]) -> tuple[Rendered, Rendered]:
    """Render what is sent and what is recorded: the secrets never come near the second."""
    masked = dict.fromkeys(secrets, MASK)
    return render(text, channel, {**values, **secrets}), render(text, channel, {**values, **masked})


def _without(outcome: Outcome, secrets: tuple[str, ...]) -> Outcome:
    """Return an outcome whose answer repeats no secret."""
    answer = outcome.answer
    for secret in secrets:
        answer = answer.replace(secret, MASK)
    return msgspec.structs.replace(outcome, answer=answer)
