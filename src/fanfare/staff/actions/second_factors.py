"""Second factors: codes of an authenticator app (TOTP, RFC 6238) and recovery codes. Each code works once."""

import hmac
import secrets
from datetime import datetime

import pyotp
import segno

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.limits import NO_ACCOUNT
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.folding import fold
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.kernel.running.threads import run_in_thread
from fanfare.sessions.actions.budgets import count, give_back
from fanfare.staff.actions.budgets import Origin, code_attempts
from fanfare.staff.actions.ways_back import check_ways_back, lock_full_accounts
from fanfare.staff.queries.people import email_key, token_hash
from fanfare.staff.schemas.members import Person

PURPOSE = "staff totp"
# Seconds of a time step, and how many steps a clock may be behind or ahead.
STEP_SECONDS, DRIFT = 30, 1
# 80 random bits each: a fast hash of them is safe.
RECOVERY_CODES, RECOVERY_LENGTH, RECOVERY_ALPHABET = 10, 16, "abcdefghijklmnopqrstuvwxyz234567"
ISSUER = "Fanfare"
# What apps show at the most; the time of the QR code grows with it.
LONGEST_LABEL = 60
CODE = "code"
WRONG_CODE = "This code is not valid. Enter the current code of your app, or a recovery code."


class WrongCode(BadParameters):
    """The code is not valid"""


def new_secret() -> str:
    """Return a new secret for an authenticator app, in base32."""
    return pyotp.random_base32()


def app_url(secret: str, email: str) -> str:
    """Return the URL by which an app takes the secret; of a long address it shows the beginning."""
    label = "".join(letter if letter.isascii() else "_" for letter in email)[:LONGEST_LABEL]
    return pyotp.TOTP(secret).provisioning_uri(name=label, issuer_name=ISSUER)


async def app_picture(secret: str, email: str) -> str:
    """Return the QR code of the URL as an SVG element in the colours of the page."""
    # Beside the loop: it takes 20 to 40 ms.
    return await run_in_thread(lambda: _picture(secret, email))


def _picture(secret: str, email: str) -> str:
    code = segno.make(app_url(secret, email), micro=False)
    return code.svg_inline(scale=4, border=2, dark="#000", light="#fff", omitsize=True, title="QR code")


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step whose code this is, if it is near now."""
    digits = code.replace(" ", "")
    current, totp = int(now.timestamp()) // STEP_SECONDS, pyotp.TOTP(secret)
    matches = [
        step
        for step in range(current - DRIFT, current + DRIFT + 1)
        if hmac.compare_digest(totp.generate_otp(step).encode(), digits.encode("utf-8", "replace"))
    ]
    return matches[0] if matches else None


async def set_totp(db: Db, staff_id: int, secret: str, code: str, now: datetime) -> list[str]:
    """Set the secret of a person's app, once a code shows that the app has it; return new recovery codes."""
    step = matching_step(secret, code, now)
    if step is None:
        raise WrongCode([(CODE, WRONG_CODE)])
    async with db.transaction() as tx:
        await tx.execute(
            "update staff set sealed_totp = $2, totp_step = $3 where staff_id = $1",
            staff_id,
            secret_keys.seal(PURPOSE, secret.encode()),
            step,
        )
        return await new_recovery_codes(tx, staff_id)


async def remove_totp(db: Db, staff_id: int) -> None:
    """Forget the secret of a person's app. NoWayBack (409)."""
    async with db.transaction() as tx:
        account_ids = await lock_full_accounts(tx, staff_id)
        await tx.execute("update staff set sealed_totp = null where staff_id = $1", staff_id)
        await check_ways_back(tx, account_ids)


async def new_recovery_codes(db: Db, staff_id: int) -> list[str]:
    """Replace the recovery codes of a person and return the new ones, which the store does not have."""
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    async with db.transaction() as tx:
        # Two sets at once follow each other: the second replaces the first.
        await tx.execute("select from staff where staff_id = $1 for no key update", staff_id)
        await tx.execute("delete from staff_recovery_codes where staff_id = $1", staff_id)
        await tx.execute(
            "insert into staff_recovery_codes (staff_id, code_hash) select $1, unnest($2::bytea[])",
            staff_id,
            [token_hash(_bare(code)) for code in codes],
        )
    return codes


def _recovery_code() -> str:
    text = "".join(secrets.choice(RECOVERY_ALPHABET) for _ in range(RECOVERY_LENGTH))
    return "-".join(text[place : place + 4] for place in range(0, len(text), 4))


def _bare(code: str) -> str:
    return "".join(letter for letter in fold(code) if letter.isalnum())


async def check_code(db: Db, person: Person, code: str, origin: Origin, now: datetime) -> None:
    """Use up a code of a person's app, or a recovery code; WrongCode (422), TooManyAttempts (429)."""
    receipts = await count(db, NO_ACCOUNT, code_attempts(email_key(person.email), origin), now)
    if not (await _use_totp(db, person.staff_id, code, now) or await _use_recovery_code(db, person.staff_id, code)):
        raise WrongCode([(CODE, WRONG_CODE)])
    await give_back(db, NO_ACCOUNT, receipts)


async def _use_totp(db: Db, staff_id: int, code: str, now: datetime) -> bool:
    sealed = await db.value("select sealed_totp from staff where staff_id = $1", staff_id)
    try:
        secret = secret_keys.unseal(PURPOSE, sealed).decode() if sealed else None
    except NotSealed:
        # Its key has ended; recovery codes and passkeys still work.
        return False
    step = matching_step(secret, code, now) if secret else None
    if step is None:
        return False
    used = await db.value(
        "update staff set totp_step = $2 where staff_id = $1 and totp_step < $2 returning true", staff_id, step
    )
    return bool(used)


async def _use_recovery_code(db: Db, staff_id: int, code: str) -> bool:
    used = await db.value(
        "delete from staff_recovery_codes where staff_id = $1 and code_hash = $2 returning true",
        staff_id,
        token_hash(_bare(code)),
    )
    return bool(used)
