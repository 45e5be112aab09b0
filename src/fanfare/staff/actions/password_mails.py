"""Sends links for new passwords: from the server, in the name of no account, with texts that no account writes."""

import uuid
from datetime import datetime, timedelta

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import enqueue
from fanfare.kernel.data.limits import NO_ACCOUNT
from fanfare.messages.gateways import Delayed, Envelope
from fanfare.messages.gateways.outgoing import outgoing
from fanfare.messages.queries.texts import languages
from fanfare.messages.templates.builtin import BUILTIN, BUSINESS
from fanfare.messages.templates.rendering import render
from fanfare.sessions.actions.budgets import count
from fanfare.staff.actions.budgets import Origin, link_attempts
from fanfare.staff.actions.passwords import LINK_LIFETIME, new_link
from fanfare.staff.queries.people import email_key, person_by_email, person_by_id

JOB = "staff.send_password_mail"
TEMPLATE, CHANNEL, SENDER = "staff_password", "email", "Fanfare"


class MailServerError(Exception):
    """The mail server takes nothing now; the job tries again"""


async def request_password_link(db: Db, email: str, language: str, origin: Origin, now: datetime) -> None:
    """Send a link to set a new password, if a person has the address. TooManyAttempts (429).

    It is looked for after the answer: what is visible, and how long it takes, is the same for all addresses.
    """
    await count(db, NO_ACCOUNT, link_attempts(email_key(email), origin), now)
    db.leave(_request(db, email, language))


async def _request(db: Db, email: str, language: str) -> None:
    if person := await person_by_email(db, email):
        await enqueue(db, JOB, [person.staff_id, language])


async def send_password_link(db: Db, staff_id: int, language: str, now: datetime) -> None:
    """Send a person a link to set a new password; none leaves without a mail server."""
    gateway = outgoing.gateway(CHANNEL)
    if gateway is None:
        return
    person = await person_by_id(db, staff_id)
    text = next(BUILTIN[each] for name in languages(language) if (each := (TEMPLATE, CHANNEL, name)) in BUILTIN)
    values = {
        "link": await new_link(db, staff_id, "password", now),
        "minutes": str(LINK_LIFETIME // timedelta(minutes=1)),
        BUSINESS: SENDER,
    }
    mail = render(text, CHANNEL, values)
    envelope = Envelope(person.email, f"staff-{uuid.uuid4()}", mail.subject, mail.text, mail.html, SENDER)
    outcome = await gateway.send(envelope, _begin)
    if isinstance(outcome, Delayed):
        raise MailServerError(outcome.answer)


async def _begin() -> bool:
    return True
