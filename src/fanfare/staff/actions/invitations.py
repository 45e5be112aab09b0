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
from fanfare.kernel.running.mail_server import mail_server
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.wire import unix
from fanfare.messages.actions.sending import send
from fanfare.messages.actions.suppressions import Target, is_suppressed
from fanfare.messages.schemas.messages import NewMessage
from fanfare.sessions.actions.budgets import Attempt, count
from fanfare.staff.actions.budgets import INVITATIONS
from fanfare.staff.actions.passwords import LINK_BYTES, LinkUnknown, check_length
from fanfare.staff.actions.proved_addresses import prove_address
from fanfare.staff.queries.people import email_key, person_by_email, token_hash
from fanfare.staff.schemas.invitations import NewInvitation, SentInvitation
from fanfare.staff.schemas.members import Person

LIFETIME = timedelta(hours=24)
PATH = "/manage/invitation"


class AlreadyMember(Conflict):
    """The person belongs to the account already"""


class OtherPerson(Conflict):
    """The invitation is for another email address; sign in with that one"""


class AddressNotProved(Conflict):
    """Nobody has shown yet that they read the mail of your address; ask an operator for a link to sign in"""


class OpenInvitation(msgspec.Struct, frozen=True):
    """An invitation whose link was opened."""

    account: Account
    email: str
    # whoever has this address already; None for somebody new
    person: Person | None
    # whether whoever has the link shows by that that they read the mail of the address
    is_proof: bool

    @property
    def is_for_somebody_new(self) -> bool:
        """Whether whoever accepts chooses a password: nobody has the address, or none who proved that it is theirs."""
        return self.person is None or (self.is_proof and not self.person.is_proved)


INVITE = Sql("""
    insert into staff_invitations (account_id, invitation_id, email, email_key, role, custom_rights, business_ids,
                                   token_hash, created_at, expires_at, is_proof)
    select $1, nextval('positions'), :email, :email_key, :role, :custom_rights, :business_ids, :token_hash, :now,
           :expires_at, :is_proof
    where not exists (
        select from staff_memberships m join staff p on p.staff_id = m.staff_id
        where m.account_id = $1 and p.email_key = :email_key)
    on conflict (account_id, email_key) do update
    set role = excluded.role, custom_rights = excluded.custom_rights, business_ids = excluded.business_ids,
        token_hash = excluded.token_hash, created_at = excluded.created_at, expires_at = excluded.expires_at,
        is_proof = excluded.is_proof
    returning invitation_id
""")


async def invite(
    db: Db,
    account_id: int,
    new: NewInvitation,
    now: datetime,
    *,
    shows_link: bool = False,
    is_by_operator: bool = False,
) -> SentInvitation:
    """Invite a person by mail; an earlier invitation of the same address ends. AlreadyMember (409).

    Where no mail leaves to the address, and with `shows_link`, the answer has the link. It then proves no address,
    unless an operator answers for the person.
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
    is_sent = mail_server.is_set and not shows_link and not await is_suppressed(db, account_id, Target("email", email))
    async with db.transaction() as tx:
        invitation_id = await tx.value(
            INVITE, account_id, email=email, email_key=normalized_mail_key(email), role=new.role,
            custom_rights=new.custom_rights or {}, business_ids=new.business_ids, token_hash=token_hash(token),
            now=now, expires_at=now + LIFETIME, is_proof=is_sent or is_by_operator,
        )  # fmt: skip
        if invitation_id is None:
            raise AlreadyMember
        await send(tx, account_id, _message(email, link, token, new.language or "", now), now)
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


class InvitedRole(msgspec.Struct):
    """What an invitation lets a person do."""

    role: str
    custom_rights: dict[str, list[str]]


async def waiting_invitation(db: Db, account_id: int, email: str) -> InvitedRole | None:
    """Return what the invitation of an address that waits lets it do; None without one."""
    row = await db.row(
        "select role, custom_rights from staff_invitations where account_id = $1 and email_key = $2",
        account_id,
        email_key(email),
    )
    return InvitedRole(**row) if row else None


async def withdraw(db: Db, account_id: int, invitation_id: int) -> InvitedRole:
    """Take an invitation back and return what it would have let the person do; Unknown (404)."""
    row = await db.row(
        "delete from staff_invitations where account_id = $1 and invitation_id = $2 returning role, custom_rights",
        account_id,
        invitation_id,
    )
    if row is None:
        raise Unknown(invitation=invitation_id)
    return InvitedRole(**row)


async def forget_invitations(db: Db, account_id: int, now: datetime) -> None:
    """Delete invitations that nobody accepted in time."""
    await db.execute("delete from staff_invitations where account_id = $1 and expires_at <= $2", account_id, now)


INVITATION = """
    select account_id, email, email_key, is_proof
    from staff_invitations where token_hash = $1 and expires_at > $2
"""


async def open_invitation(db: Db, token: str, now: datetime) -> OpenInvitation:
    """Return the invitation of a link; LinkUnknown (404)."""
    row = await _by_token(db, token, now)
    account = await account_by_id(db, row["account_id"])
    return OpenInvitation(account, row["email"], await person_by_email(db, row["email"]), row["is_proof"])


async def _by_token(db: Db, token: str, now: datetime) -> Record:
    row = await db.row(INVITATION, token_hash(token), now)
    if row is None:
        raise LinkUnknown
    return row


NEW_PERSON = """
    insert into staff (email, email_key, staff_name, password_hash, created_at, email_proved_at)
    values ($1, $2, $3, $4, $5::timestamptz, case when $6::boolean then $5::timestamptz end)
    on conflict (email_key) do nothing returning staff_id
"""


async def _new_person(db: Db, row: Record, name: str, digest: str, now: datetime) -> int:
    """Return the person of an invitation, made now, or anew if nobody has proved the address so far."""
    staff_id: int | None = await db.value(
        NEW_PERSON, row["email"], row["email_key"], name, digest, now, row["is_proof"]
    )
    if staff_id is not None:
        return staff_id
    person = await person_by_email(db, row["email"])
    if person is None or not row["is_proof"] or not await prove_address(db, person.staff_id, now):
        # They sign in and accept.
        raise OtherPerson
    await db.execute(
        "update staff set staff_name = $2, password_hash = $3 where staff_id = $1", person.staff_id, name, digest
    )
    return person.staff_id


async def accept_as_new(db: Db, token: str, name: str, password: str, now: datetime) -> tuple[int, int]:
    """Make the person of an invitation and return their id and the account's; LinkUnknown (404)."""
    check_length(password)
    await _by_token(db, token, now)
    digest = await password_hash(NO_ACCOUNT, password)
    async with db.transaction() as tx:
        row = await _by_token(tx, token, now)
        staff_id = await _new_person(tx, row, name, digest, now)
        await _join(tx, row["account_id"], token, staff_id, now)
    return staff_id, row["account_id"]


async def accept_as(db: Db, token: str, person: Person, now: datetime) -> int:
    """Let a person who is signed in accept an invitation and return the account's id.

    OtherPerson (409) if it is for another address, LinkUnknown (404).
    """
    async with db.transaction() as tx:
        row = await _by_token(tx, token, now)
        if row["email_key"] != normalized_mail_key(person.email):
            raise OtherPerson
        if not person.is_proved:
            raise AddressNotProved
        await _join(tx, row["account_id"], token, person.staff_id, now)
    account_id: int = row["account_id"]
    return account_id


JOIN = """
    with accepted as (
        delete from staff_invitations where account_id = $1 and token_hash = $2 and expires_at > $4
        returning role, custom_rights, business_ids
    )
    insert into staff_memberships (account_id, staff_id, role, custom_rights, business_ids, created_at)
    select $1, $3, role, custom_rights, business_ids, $4 from accepted
    on conflict (account_id, staff_id) do nothing
    returning staff_id
"""


async def _join(db: Db, account_id: int, token: str, staff_id: int, now: datetime) -> None:
    if await db.value(JOIN, account_id, token_hash(token), staff_id, now) is None:
        raise LinkUnknown
