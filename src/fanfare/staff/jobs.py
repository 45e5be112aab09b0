"""Sends links to staff, deletes what has ended of theirs (sessions, links, invitations), and seals secrets again."""

from datetime import datetime

from fanfare.accounts import queries as accounts
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import job, schedule
from fanfare.kernel.data.limits import NO_ACCOUNT
from fanfare.passkeys.actions.challenges import forget_challenges
from fanfare.sessions.actions.budgets import forget_attempts
from fanfare.staff.actions.console_keys import forget_console_keys
from fanfare.staff.actions.invitations import forget_invitations
from fanfare.staff.actions.password_mails import send_password_link
from fanfare.staff.actions.people import seal_again
from fanfare.staff.actions.sessions import forget_sessions
from fanfare.staff.actions.sso import seal_again as seal_sso_again


@schedule("*/10 * * * *", each=accounts.account_ids)
async def forget_old_invitations(db: Db, account_id: int, now: datetime) -> None:
    """Delete invitations of an account that nobody accepted in time, and keys of the console that have ended."""
    await forget_invitations(db, account_id, now)
    await forget_console_keys(db, account_id, now)
    await seal_sso_again(db, account_id)


@schedule("*/10 * * * *")
async def forget_old_sign_ins(db: Db, now: datetime) -> None:
    """Delete sessions and links of people that have ended, and the counts of their attempts."""
    await forget_sessions(db, now)
    await forget_attempts(db, NO_ACCOUNT, now)
    await forget_challenges(db, NO_ACCOUNT, now)


@schedule("23 3 * * *")
async def keep_secrets(db: Db) -> None:
    """Seal the secrets of authenticator apps again: keys of the installation are rotated."""
    await seal_again(db)


@job()
async def send_password_mail(db: Db, request: tuple[int, str], now: datetime) -> None:
    """Send a link for a new password: to whom, by their id, and in which language."""
    staff_id, language = request
    await send_password_link(db, staff_id, language, now)
