"""The demo's messages: a month of mail and SMS with what came of them, texts of its own, a sender, suppressions."""

from datetime import datetime

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.messages.actions.senders import save_sender
from fanfare.messages.actions.suppressions import BOUNCE, COMPLAINT, Target, suppress, suppress_manually
from fanfare.messages.actions.templates import save_template
from fanfare.messages.schemas.senders import NewSender
from fanfare.messages.schemas.suppressions import NewSuppression
from fanfare.messages.schemas.templates import NewTemplate

MESSAGES = 90
# One in so many came back, was reported as unwanted, could not be sent, and goes by SMS.
# Nothing is announced: who listens to the change log would hear of a month at once.
CORRESPONDENCE = """
    insert into messages (
        account_id, message_id, request_key, channel, template_name, message_language, fan_id, recipient, message_state,
        shown_values, try_count, created_at, due_at, tried_at, sent_at, bounced_at, reported_at, answer, subject,
        text_body)
    select $1, nextval('positions'), 'demo ' || m.place, m.channel, m.template_name, 'en', m.fan_id,
           case m.channel when 'email' then m.email else m.phone end,
           case when m.place % 23 = 0 then 'failed' else 'sent' end, '{"minutes": "10"}',
           case when m.place % 11 = 0 then 2 else 1 end, m.moment, m.moment, m.moment + interval '2 s',
           case when m.place % 23 <> 0 then m.moment + interval '3 s' end,
           case when m.place % 17 = 0 and m.channel = 'email' then m.moment + interval '4 minutes' end,
           case when m.place = 31 and m.channel = 'email' then m.moment + interval '2 hours' end,
           case when m.place % 23 = 0 then '550 5.2.1 mailbox disabled' when m.channel = 'email' then '250 2.0.0 queued'
                else 'HTTP 201' end,
           case m.channel when 'email' then m.subject else '' end, m.words
    from (
        select f.fan_id, f.email, f.phone, f.place,
               case when f.phone is not null and f.place % 4 = 0 then 'sms' else 'email' end as channel,
               t.template_name, t.subject, t.words,
               $2::timestamptz - f.place * interval '7 hours 41 minutes' as moment
        from (select fan_id, email, phone, row_number() over (order by fan_id desc) as place from fans
              where account_id = $1 and email is not null order by fan_id desc limit $3) f
        join (values (0, 'login_code', '•••••• is your code for Harbour City', 'Your code to log in: ••••••'),
                     (1, 'verify_code', '•••••• confirms your address at Harbour City', 'Your code: ••••••'),
                     (2, 'password_reset', 'Your new password for Harbour City', 'Set a new password here: ••••••'))
            as t (number, template_name, subject, words) on t.number = f.place % 3
    ) m
    order by m.moment
"""
BOUNCES = """
    select message_id, recipient, bounced_at, reported_at from messages
    where account_id = $1 and channel = 'email' and (bounced_at is not null or reported_at is not null)
    order by message_id
"""
TEXTS = (
    NewTemplate(
        template_name="login_code",
        channel="email",
        language="en",
        subject="{{ code }} opens the gate",
        text_body="Ahoy!\n\n{{ code }} is your code for {{ business_name }}. It is valid for {{ minutes }} minutes.",
        html_body="<p>Ahoy!</p><p><strong>{{ code }}</strong> is your code. It is valid for {{ minutes }} minutes.</p>",
    ),
    NewTemplate(
        template_name="login_code",
        channel="sms",
        language="en",
        text_body="{{ code }} is your Harbour City code ({{ minutes }} min).",
    ),
)


async def make_messages(db: Db, account: Account, business_id: int, now: datetime) -> None:
    """Write texts and a sender, and what was sent in the last month."""
    for text in TEXTS:
        await save_template(db, account.id, text, now)
    await save_sender(db, account.id, NewSender(from_name="Harbour City", reply_to="office@harbour-city.example"), now)
    club = NewSender(business_id=business_id, from_name="Harbour City FC", from_address="news@harbour-city.example")
    await save_sender(db, account.id, club, now)
    await db.execute(CORRESPONDENCE, account.id, now, MESSAGES)
    for row in await db.rows(BOUNCES, account.id):
        reason = COMPLAINT if row["reported_at"] else BOUNCE
        moment = row["reported_at"] or row["bounced_at"]
        target = Target("email", row["recipient"])
        await suppress(db, account.id, target, reason, moment, message_id=row["message_id"])
    stranger = NewSuppression(channel="email", recipient="no-more@example.com")
    await suppress_manually(db, account, stranger, now)
