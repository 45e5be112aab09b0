"""Challenges: sealed texts that a device signs. Nothing is stored before one is answered, and then only its hash."""

import base64
import hashlib
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from fanfare.kernel.base64url import base64url
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys

LIFETIME = timedelta(minutes=5)
SEALED_FOR = "passkey challenge"
REGISTRATION: Literal["registration"] = "registration"
LOGIN: Literal["login"] = "login"
# The parameter with what a device answered.
FIELD = "credential"


class WrongPasskey(BadParameters):
    """The passkey is unknown or was not accepted"""


class Challenge(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a challenge was made for.

    A registration is bound to a session, with the handle of its fan. A login can be bound to what identifies the fan
    (network and value).
    """

    account_id: int
    purpose: Literal["registration", "login"]
    rp_id: str
    expires_at: datetime
    session_id: int = 0
    user_handle: bytes = b""
    identity: tuple[str, str] | None = None

    def seal(self) -> bytes:
        """Return the challenge as the device gets it; two are never the same."""
        return base64.urlsafe_b64decode(secret_keys.seal(SEALED_FOR, msgspec.msgpack.encode(self)))


def login_options(challenge: Challenge) -> dict[str, object]:
    """Return what `PublicKeyCredential.parseRequestOptionsFromJSON` takes.

    They name no passkey, so they tell nothing of the fan; the device offers those that it has for the host.
    """
    return {
        "challenge": base64url(challenge.seal()),
        "timeout": LIFETIME // timedelta(milliseconds=1),
        "rpId": challenge.rp_id,
        "allowCredentials": [],
        "userVerification": "required",
    }


def open_challenge(sealed: bytes, account_id: int, purpose: str, now: datetime) -> Challenge:
    """Return what a challenge was made for; refuses one of another account or purpose, of nobody, or that expired."""
    try:
        data = secret_keys.unseal(SEALED_FOR, base64.urlsafe_b64encode(sealed).decode())
        challenge = msgspec.msgpack.decode(data, type=Challenge)
    except (NotSealed, msgspec.MsgspecError):
        raise WrongPasskey([(FIELD, "answers no challenge of ours; request new options")]) from None
    if (challenge.account_id, challenge.purpose) != (account_id, purpose):
        raise WrongPasskey([(FIELD, "answers a challenge that was made for something else; request new options")])
    if challenge.expires_at <= now:
        raise WrongPasskey([(FIELD, "answers a challenge that has expired; request new options")])
    return challenge


async def spend(db: Db, account_id: int, sealed: bytes, expires_at: datetime) -> bool:
    """Note that a challenge is answered, and return whether this is the first time: the primary key decides."""
    is_first = await db.value(
        """
        insert into answered_challenges (account_id, challenge_hash, expires_at) values ($1, $2, $3)
        on conflict (account_id, challenge_hash) do nothing returning true
        """,
        account_id,
        hashlib.sha256(sealed).digest(),
        expires_at,
    )
    return bool(is_first)


async def forget_challenges(db: Db, account_id: int, now: datetime) -> None:
    """Delete the hashes of challenges that have expired."""
    await db.execute("delete from answered_challenges where account_id = $1 and expires_at <= $2", account_id, now)
