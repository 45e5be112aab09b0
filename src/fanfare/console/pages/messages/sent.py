"""What was sent, with its state, and addresses that get no messages."""

from datetime import datetime
from urllib.parse import urlencode

from fanfare.console.schemas.messages import MessageListQuery, SuppressionForm, SuppressionListQuery
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Cursor
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.kernel.wire import MAX_ID
from fanfare.messages.actions.suppressions import lift, suppress_manually
from fanfare.messages.queries.messages import message as message_by_id
from fanfare.messages.queries.messages import messages as sent_messages
from fanfare.messages.queries.suppressions import suppressions as suppressed_addresses
from fanfare.messages.schemas.messages import STATES, MessageWindow, OneMessage
from fanfare.messages.schemas.suppressions import NewSuppression, OneSuppression, SuppressionQuery
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/messages"
AREA = "messages"
ROWS = 50
NEWEST = Cursor("desc", MAX_ID)


@manage.get("/messages", area="messages")
async def messages(db: Db, member: Member, query: MessageListQuery) -> View:
    """Show what was sent, the newest first, with its state."""
    filters = {"channel": query.channel, "state": query.state, "recipient": _recipient(member, query)}
    window = MessageWindow(
        channel=query.channel, state=query.state, recipient=filters["recipient"], max_message_id=query.max_message_id,
        limit=ROWS,
    )  # fmt: skip
    page = await sent_messages(db, member.account.id, window, member.business_ids)
    chosen = {name: value for name, value in filters.items() if value}
    following = {**chosen, "max_message_id": page.meta.min_message_id}
    values = {
        # A message of a business is seen by those who work for it; of the account, by those who work for all.
        "messages": [member.mask(AREA).record(each) for each in page.data],
        "filters": filters,
        "states": STATES,
        "is_filtered": bool(chosen),
        "mask": member.mask(AREA),
        "further_query": urlencode(following) if page.meta.has_more else "",
    }
    return View(f"{TEMPLATES}/messages.html", values)


def _recipient(member: Member, query: MessageListQuery | SuppressionListQuery) -> str | None:
    """Return the address to look for. Whoever sees none looks for none: what is found would tell whose it is."""
    return None if member.mask(AREA).is_on else query.recipient


@manage.get("/messages/{message_id}", area="messages")
async def message(db: Db, member: Member, query: OneMessage) -> View:
    """Show a message with what it said; secret values are masked."""
    one = await message_by_id(db, member.account.id, query.message_id)
    member.require_business(one.business_id, message=query.message_id)
    shown_message = member.mask(AREA).record(one, "subject", "text_body", "html_body", "answer")
    return View(f"{TEMPLATES}/message.html", {"message": shown_message})


@manage.get("/suppressions", area="messages")
async def suppressions(db: Db, member: Member, query: SuppressionListQuery) -> View:
    """Show the addresses that get no messages, the newest first."""
    recipient = _recipient(member, query)
    choice = SuppressionQuery(recipient=recipient, limit=ROWS, cursor=query.cursor or NEWEST)
    page = await suppressed_addresses(db, member.account.id, choice)
    mask = member.mask(AREA)
    values = {
        "suppressions": [] if member.is_limited else [(each, mask.contact(each.address)) for each in page.data],
        "recipient": recipient or "",
        "mask": mask,
        "further_query": urlencode({"cursor": page.next_page.cursor}) if page.next_page.has_more else "",
    }
    return View(f"{TEMPLATES}/suppressions.html", values)


@manage.post("/suppressions", area="messages", is_account_wide=True)
async def suppression_add(db: Db, member: Member, visit: Visit, form: SuppressionForm, now: datetime) -> Redirect:
    """Send no more messages to an address."""
    new = NewSuppression(channel=form.channel, recipient=form.recipient)
    await suppress_manually(db, member.account, new, now)
    flash(visit, "The address gets no more messages.")
    return Redirect(f"/manage/{member.account.id}/suppressions")


@manage.post("/suppressions/{suppression_id}/lift", area="messages", needs_proof=True)
async def suppression_lift(db: Db, member: Member, visit: Visit, form: OneSuppression, now: datetime) -> Redirect:
    """Let an address get messages again."""
    member.require_business(None, suppression=form.suppression_id)
    await lift(db, member.account.id, form.suppression_id, now)
    flash(visit, "The address gets messages again.")
    return Redirect(f"/manage/{member.account.id}/suppressions")
