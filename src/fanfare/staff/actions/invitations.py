"""Invites people to an account, and lets them accept."""

import secrets
from datetime import datetime, timedelta

import msgspec

from fanfare.accounts.queries import account_by_id
from fanfare.fans.actions.passwords import password_hash
from fanfare.fans.contact import mail_address, normalized_mail_key
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.limits import NO_ACCOUNT
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.wire import unix
from fanfare.messages.actions.sending import send
from fanfare.messages.gateways.mail_server import mail_server
from fanfare.messages.schemas.messages import NewMessage
from fanfare.sessions.actions.budgets import Attempt, count
from fanfare.staff.actions.budgets import INVITATIONS
from fanfare.staff.actions.passwords import LINK_BYTES, LinkUnknown, check_length
from fanfare.staff.queries.people import person_by_email, token_hash
from fanfare.staff.schemas.invitations import NewInvitation, SentInvitation
from fanfare.staff.schemas.members import Person

LIFETIME = timedelta(hours=24)
PATH = "/manage/invitation"


class AlreadyMember(Conflict):
    """The person belongs to the account already"""


class OtherPerson(Conflict):
    """The invitation is for another email address; sign in with that one"""


class OpenInvitation(msgspec.Struct, frozen=True):
    """An invitation whose link was opened."""

    account: Account
    invitation_id: int
    email: str
    # whoever has this address already; None for somebody new
    person: Person | None


INVITE = Sql("""
    insert into staff_invitations (account_id, invitation_id, email, email_key, role, custom_rights, business_ids,
                                   token_hash, created_at, expires_at)
    select $1, nextval('positions'), :email, :email_key, :role, :custom_rights, :business_ids, :token_hash, :now,
           :expires_at
    where not exists (
        select from staff_memberships m join staff p on p.staff_id = m.staff_id
        where m.account_id = $1 and p.email_key = :email_key)
    on conflict (account_id, email_key) do update
    set role = excluded.role, custom_rights = excluded.custom_rights, business_ids = excluded.business_ids,
        token_hash = excluded.token_hash, created_at = excluded.created_at, expires_at = excluded.expires_at
    returning invitation_id
""")


async def invite(
    db: Db, account_id: int, new: NewInvitation, now: datetime, *, shows_link: bool = False
) -> SentInvitation:
    """Invite a person by mail; an earlier invitation of the same address ends. AlreadyMember (409).

    Where no mail server is set up, and with `shows_link`, the answer has the link.
    """
    await account_by_id(db, account_id)
    try:
        email = mail_address(new.email)
    except ValueError as error:
        raise BadParameters([("email", str(error))]) from None
    await check_businesses(db, account_id, new.business_ids)
    await count(db, account_id, [Attempt(INVITATIONS, "invitations")], now)
    token = secrets.token_urlsafe(LINK_BYTES)
    link = f"{public_address.base}{PATH}?token={token}"
    async with db.transaction() as tx:
        invitation_id = await tx.value(
            INVITE, account_id, email=email, email_key=normalized_mail_key(email), role=new.role,
            custom_rights=new.custom_rights or {}, business_ids=new.business_ids, token_hash=token_hash(token),
            now=now, expires_at=now + LIFETIME,
        )  # fmt: skip
        if invitation_id is None:
            raise AlreadyMember
        await send(tx, account_id, _message(email, link, token, new.language or "", now), now)
    is_sent = mail_server.is_set and not shows_link
    return SentInvitation(invitation_id, email, new.role, unix(now + LIFETIME), None if is_sent else link)


def _message(email: str, link: str, token: str, language: str, now: datetime) -> NewMessage:
    return NewMessage(
        channel="email",
        recipient=email,
        template="staff_invitation",
        request_key=f"staff_invitation:{token_hash(token).hex()}",
        values={"hours": LIFETIME // timedelta(hours=1)},
        secrets={"link": link},
        language=language,
        expires_at=now + LIFETIME,
    )


async def check_businesses(db: Db, account_id: int, business_ids: list[int] | None) -> None:
    """Raise BadParameters for businesses that the account does not have."""
    if not business_ids:
        return
    rows = await db.rows(
        "select business_id from businesses where account_id = $1 and business_id = any($2)", account_id, business_ids
    )
    if missing := sorted(set(business_ids) - {row["business_id"] for row in rows}):
        raise BadParameters([("business_ids", f"no business has the id {missing[0]}")])


async def withdraw(db: Db, account_id: int, invitation_id: int) -> None:
    """Take an invitation back; Unknown (404)."""
    deleted = await db.value(
        "delete from staff_invitations where account_id = $1 and invitation_id = $2 returning invitation_id",
        account_id,
        invitation_id,
    )
    if deleted is None:
        raise Unknown(invitation=invitation_id)


async def forget_invitations(db: Db, account_id: int, now: datetime) -> None:
    """Delete invitations that nobody accepted in time."""
    await db.execute("delete from staff_invitations where account_id = $1 and expires_at <= $2", account_id, now)


INVITATION = """
    select account_id, invitation_id, email, email_key, role, custom_rights, business_ids
    from staff_invitations where token_hash = $1 and expires_at > $2
"""


async def open_invitation(db: Db, token: str, now: datetime) -> OpenInvitation:
    """Return the invitation of a link; LinkUnknown (404)."""
    row = await _by_token(db, token, now)
    account = await account_by_id(db, row["account_id"])
    return OpenInvitation(account, row["invitation_id"], row["email"], await person_by_email(db, row["email"]))


async def _by_token(db: Db, token: str, now: datetime) -> Record:
    row = await db.row(INVITATION, token_hash(token), now)
    if row is None:
        raise LinkUnknown
    return row


async def accept_as_new(db: Db, token: str, name: str, password: str, now: datetime) -> tuple[int, int]:
    """Make the person of an invitation and return their id and the account's; LinkUnknown (404)."""
    check_length(password)
    await _by_token(db, token, now)
    digest = await password_hash(NO_ACCOUNT, password)
    async with db.transaction() as tx:
        row = await _by_token(tx, token, now)
        staff_id = await tx.value(
            """
            insert into staff (email, email_key, staff_name, password_hash, created_at) values ($1, $2, $3, $4, $5)
            on conflict (email_key) do nothing returning staff_id
            """,
            row["email"],
            row["email_key"],
            name,
            digest,
            now,
        )
        if staff_id is None:
            # Made meanwhile, by another invitation: they sign in and accept this one.
            raise OtherPerson
        await _join(tx, row["account_id"], row["invitation_id"], staff_id, now)
    return staff_id, row["account_id"]


async def accept_as(db: Db, token: str, person: Person, now: datetime) -> int:
    """Let a person who is signed in accept an invitation and return the account's id.

    OtherPerson (409) if it is for another address, LinkUnknown (404).
    """
    async with db.transaction() as tx:
        row = await _by_token(tx, token, now)
        if row["email_key"] != normalized_mail_key(person.email):
            raise OtherPerson
        await _join(tx, row["account_id"], row["invitation_id"], person.staff_id, now)
    account_id: int = row["account_id"]
    return account_id


JOIN = """
    with accepted as (
        delete from staff_invitations where account_id = $1 and invitation_id = $2 and expires_at > $4
        returning role, custom_rights, business_ids
    )
    insert into staff_memberships (account_id, staff_id, role, custom_rights, business_ids, created_at)
    select $1, $3, role, custom_rights, business_ids, $4 from accepted
    on conflict (account_id, staff_id) do nothing
    returning staff_id
"""


async def _join(db: Db, account_id: int, invitation_id: int, staff_id: int, now: datetime) -> None:
    if await db.value(JOIN, account_id, invitation_id, staff_id, now) is None:
        raise LinkUnknown
