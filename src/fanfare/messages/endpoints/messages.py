"""Over HTTP: what was sent to whom."""

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.web.endpoint import endpoint
from fanfare.messages.queries import messages as queries
from fanfare.messages.schemas.messages import Message, MessageContent, MessageMeta, MessageWindow, OneMessage


@endpoint.get("/api/v1/manage/messages", scope="manage", key=SECRET)
async def manage_messages_list(db: Db, account: Account, query: MessageWindow) -> Page[MessageMeta, Message]:
    """List mail and SMS, the newest first: to whom, of which template, when, and what became of each."""
    return await queries.messages(db, account.id, query)


@endpoint.get("/api/v1/manage/messages/{message_id}", scope="manage", key=SECRET)
async def manage_messages_get(db: Db, account: Account, target: OneMessage) -> MessageContent:
    """Return a message with its subject and texts. Codes and links are masked."""
    return await queries.message(db, account.id, target.message_id)
