"""Reads people, their second factors and sessions, and the accounts that they belong to."""

import hashlib
from datetime import datetime

import msgspec

from fanfare.accounts.queries import account_by_id
from fanfare.fans.contact import mail_key
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.retention import STAFF_IDLE, STAFF_LIFETIME
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.errors import Unknown
from fanfare.staff.schemas.members import Member, Person, StaffSession
from fanfare.staff.schemas.roles import Rights, rights_of

# Changes with the password, and tells nothing about it.
PASSWORD_MARK = "encode(sha256(convert_to(coalesce(p.password_hash, ''), 'UTF8')), 'hex')"  # noqa: S105 - an expression
PERSON = f"""
    p.staff_id, p.email, p.staff_name, p.password_hash is not null as has_password,
    p.sealed_totp is not null as has_totp,
    (select count(*) from staff_passkeys k where k.staff_id = p.staff_id) as passkey_count,
    p.email_proved_at is not null as is_proved, {PASSWORD_MARK} as password_mark
"""  # noqa: S608 - fixed parts
BY_ID = f"select {PERSON} from staff p where p.staff_id = $1"  # noqa: S608 - fixed parts
BY_EMAIL = f"select {PERSON} from staff p where p.email_key = $1"  # noqa: S608 - fixed parts
SESSION = f"""
    select s.session_id, s.sign_in_method, s.proved_at, s.used_at, s.account_id, {PERSON}
    from staff_sessions s join staff p on p.staff_id = s.staff_id
    where s.token_hash = $1 and s.created_at > $2 and s.used_at > $3
"""  # noqa: S608 - fixed parts


class SessionEntry(msgspec.Struct):
    """A session in a person's list."""

    session_id: int
    sign_in_method: str
    address: str | None
    user_agent: str | None
    created_at: datetime
    used_at: datetime


class PasskeyEntry(msgspec.Struct):
    """A passkey in a person's list."""

    passkey_id: int
    passkey_name: str
    created_at: datetime
    used_at: datetime | None


class AccountChoice(msgspec.Struct):
    """An account that a person belongs to."""

    account_id: int
    account_name: str
    role: str


def token_hash(token: str) -> bytes:
    """Return what is stored of a random token."""
    return hashlib.sha256(token.encode()).digest()


def email_key(email: str) -> str:
    """Return the key by which addresses are compared; of a text that is no address, one that nobody has."""
    try:
        return mail_key(email)
    except ValueError:
        return ""


def _person(row: Record) -> Person:
    return Person(*(row[name] for name in Person.__struct_fields__))


async def person_by_id(db: Db, staff_id: int) -> Person:
    """Return a person; Unknown (404)."""
    row = await db.row(BY_ID, staff_id)
    if row is None:
        raise Unknown(person=staff_id)
    return _person(row)


async def person_by_email(db: Db, email: str) -> Person | None:
    """Return the person with an email address, if there is one."""
    row = await db.row(BY_EMAIL, email_key(email))
    return _person(row) if row else None


async def session_by_token(db: Db, token: str, now: datetime) -> tuple[StaffSession, datetime] | None:
    """Return the session with a token that has not ended, and when it was last used."""
    row = await db.row(SESSION, token_hash(token), now - STAFF_LIFETIME, now - STAFF_IDLE)
    if row is None:
        return None
    session = StaffSession(row["session_id"], _person(row), row["sign_in_method"], row["proved_at"], row["account_id"])
    return session, row["used_at"]


async def sessions(db: Db, staff_id: int, now: datetime) -> list[SessionEntry]:
    """Return the sessions of a person that have not ended, the newest first."""
    rows = await db.rows(
        """
        select session_id, sign_in_method, address, user_agent, created_at, used_at
        from staff_sessions where staff_id = $1 and created_at > $2 and used_at > $3
        order by session_id desc limit 200
        """,
        staff_id,
        now - STAFF_LIFETIME,
        now - STAFF_IDLE,
    )
    return read_rows(SessionEntry, rows)


async def passkeys(db: Db, staff_id: int) -> list[PasskeyEntry]:
    """Return the passkeys of a person, the oldest first."""
    rows = await db.rows(
        "select passkey_id, passkey_name, created_at, used_at from staff_passkeys where staff_id = $1"
        " order by passkey_id",
        staff_id,
    )
    return read_rows(PasskeyEntry, rows)


async def recovery_code_count(db: Db, staff_id: int) -> int:
    """Return how many recovery codes a person has left."""
    count: int = await db.value("select count(*) from staff_recovery_codes where staff_id = $1", staff_id)
    return count


async def accounts_of(db: Db, staff_id: int) -> list[AccountChoice]:
    """Return the accounts that a person belongs to, by name."""
    rows = await db.rows(
        """
        select m.account_id, a.account_name, m.role
        from staff_memberships m join accounts a on a.account_id = m.account_id
        where m.staff_id = $1 order by fold_text(a.account_name), m.account_id limit 500
        """,
        staff_id,
    )
    return read_rows(AccountChoice, rows)


async def session_accounts(db: Db, session: StaffSession) -> list[AccountChoice]:
    """Return the accounts in which a session is good."""
    accounts = await accounts_of(db, session.person.staff_id)
    return [each for each in accounts if session.account_id in (None, each.account_id)]


async def rights_in(db: Db, account_id: int, staff_id: int) -> Rights | None:
    """Return what a person may do in an account; None for an account that is not theirs."""
    row = await db.row(MEMBERSHIP, account_id, staff_id)
    return _rights(row) if row else None


def _rights(row: Record) -> Rights:
    return rights_of(row["role"], row["custom_rights"], is_limited=row["business_ids"] is not None)


async def rights_and_limit(db: Db, account_id: int, staff_id: int) -> tuple[Rights, bool]:
    """Return what a person may do, and whether in some businesses only; changes of it wait. Unknown (404)."""
    row = await db.row(f"{MEMBERSHIP} for share", account_id, staff_id)
    if row is None:
        raise Unknown(account=account_id)
    return _rights(row), row["business_ids"] is not None


MEMBERSHIP = """
    select role, custom_rights, business_ids,
           exists (select from staff_sign_ons o
                   where o.account_id = $1 and o.is_enabled and o.is_forced) as is_sso_forced
    from staff_memberships where account_id = $1 and staff_id = $2
"""


async def member(db: Db, session: StaffSession, account_id: int) -> Member:
    """Return what the person of a session may do in an account; Unknown (404) for any account that is not theirs."""
    row = await db.row(MEMBERSHIP, account_id, session.person.staff_id)
    if row is None or session.account_id not in (None, account_id):
        raise Unknown(account=account_id)
    businesses = row["business_ids"]
    account = await account_by_id(db, account_id)
    ids = None if businesses is None else tuple(businesses)
    return Member(session, account, row["role"], _rights(row), ids, is_sso_forced=row["is_sso_forced"])
