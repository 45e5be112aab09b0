"""Over HTTP: who messages come from."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint
from fanfare.messages.actions import senders as actions
from fanfare.messages.queries import senders as queries
from fanfare.messages.schemas.senders import NewSender, OneSender, Sender, SenderSaved


@endpoint.get("/api/v1/manage/senders", scope="manage", key=SECRET)
async def manage_senders_list(db: Db, account: Account) -> list[Sender]:
    """List who mail and SMS come from: the account's own sender and those of businesses, with their DNS records."""
    return await queries.senders(db, account.id)


@endpoint.post("/api/v1/manage/senders", scope="manage", key=SECRET)
async def manage_senders_save(db: Db, account: Account, new: NewSender, now: datetime) -> SenderSaved:
    """Set the sender of the account or of a business, in place of the one before.

    The address is used once a check has found the DNS record of its domain. What lets staff in comes from the
    operator's address in any case.
    """
    return SenderSaved(await actions.save_sender(db, account.id, new, now))


@endpoint.post("/api/v1/manage/senders/{sender_id}/check", scope="manage", key=SECRET, prepare=actions.ask)
async def manage_senders_check(
    db: Db, account: Account, target: OneSender, check: actions.SenderCheck, now: datetime
) -> bool:
    """Ask the DNS for the records of a sender's domain; return whether the one that confirms it is there."""
    return await actions.note_check(db, account.id, target.sender_id, check, now)


@endpoint.delete("/api/v1/manage/senders/{sender_id}", scope="manage", key=SECRET)
async def manage_senders_delete(db: Db, account: Account, target: OneSender, now: datetime) -> bool:
    """Delete a sender; messages come from the account's own, else from the operator's."""
    await actions.delete_sender(db, account.id, target.sender_id, now)
    return True
