"""Verifies id_tokens: who signed them, for whom, and whether they still hold.

The key is one of the provider's own, found by its name; whatever a token says of where keys are is not read. A token is
bounded before it is parsed, and believed only after its signature is verified.
"""

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError

from fanfare.identities.gateways.keys import Key, keys
from fanfare.identities.queries.providers import Provider
from fanfare.identities.schemas.identities import Identity
from fanfare.kernel.base64url import from_base64url
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.wire import storage_fault

# Every algorithm with a key pair, with the kind and the curve of its keys.
ALGORITHMS: dict[str, tuple[str, str | None]] = {
    **{f"{family}{bits}": ("RSA", None) for family in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", None),
    "Ed25519": ("OKP", "Ed25519"),
}
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,1000}\.[A-Za-z0-9_-]{1,8000}\.[A-Za-z0-9_-]{1,1500}")
LEEWAY = timedelta(seconds=60)
# A token older than this logs nobody in, whatever it says; so long used ones are remembered.
MAX_AGE = timedelta(days=1)
MAX_SUBJECT = 255
MAX_NAME = 100


class WrongToken(BadParameters):
    """The token does not show who somebody is"""


class Header(msgspec.Struct):
    """The head of a token, as far as it is read before the signature is verified."""

    alg: str
    kid: str | None = None
    crit: Any = None


class Claims(msgspec.Struct):
    """What a token says, as far as it is used. Times are unix seconds."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: int | float
    iat: int | float
    nbf: int | float = 0
    azp: str | None = None
    nonce: str | None = None
    auth_time: Any = None
    email: Any = None
    # Apple writes it as text
    email_verified: Any = None
    given_name: Any = None
    family_name: Any = None


def wrong(message: str) -> WrongToken:
    """Return the refusal of an id_token."""
    return WrongToken([("id_token", message)])


async def verified_identity(provider: Provider, token: str, nonce: str | None, now: datetime) -> Identity:
    """Return who a token is of; refuses (422) one that does not hold, and (503) when the provider is down.

    `nonce` is what the token must have been asked for with, if that is known.
    """
    header = _header(token)
    key = _matching_key(await keys(provider, header.kid, now), header)
    claims = _claims(token, key, header.alg)
    _check_parties(claims, provider)
    expires_at = _check_times(claims, now)
    if nonce is not None and not hmac.compare_digest((claims.nonce or "").encode(), nonce.encode()):
        message = "has another nonce"
        raise wrong(message)
    is_verified = claims.email_verified is True or claims.email_verified == "true"
    # Without the signature: several of one token can be right.
    token_hash = hashlib.sha256(token.rpartition(".")[0].encode()).digest()
    return Identity(
        provider.issuer,
        claims.sub,
        token_hash,
        expires_at,
        email=_line(claims.email, 254) if is_verified and provider.is_email_trusted else None,
        first_name=_line(claims.given_name, MAX_NAME),
        last_name=_line(claims.family_name, MAX_NAME),
        authenticated_at=_moment(claims.auth_time, now),
    )


def _header(token: str) -> Header:
    if not TOKEN.fullmatch(token):
        message = "is not a signed token (JWS)"
        raise wrong(message)
    head = token.partition(".")[0]
    try:
        header = msgspec.json.decode(from_base64url(head), type=Header)
    except (ValueError, RecursionError):
        message = "has no readable header"
        raise wrong(message) from None
    if header.alg not in ALGORITHMS:
        message = f"must be signed with one of {', '.join(ALGORITHMS)}"
        raise wrong(message)
    if header.crit is not None:
        message = "has extensions that are not supported (crit)"
        raise wrong(message)
    return header


def _matching_key(candidates: list[Key], header: Header) -> Key:
    """Return the key that a token names; without a name, the only one for its algorithm."""
    kind, curve = ALGORITHMS[header.alg]
    fitting = [
        key
        for key in candidates
        if key.key_type == kind
        and (curve is None or key.get("crv") == curve)
        and key.get("alg", header.alg) == header.alg
        and (header.kid is None or key.kid == header.kid)
    ]
    if len(fitting) != 1:
        message = "is signed with a key that the provider does not publish"
        raise wrong(message)
    return fitting[0]


def _claims(token: str, key: Key, algorithm: str) -> Claims:
    try:
        decoded = jwt.decode(token, key, algorithms=[algorithm])
    except (JoseError, ValueError, TypeError, RecursionError):
        message = "has a wrong signature"
        raise wrong(message) from None
    try:
        return msgspec.convert(decoded.claims, Claims)
    except msgspec.ValidationError:
        message = "lacks iss, sub, aud, exp or iat, or has them in a wrong form"
        raise wrong(message) from None


def _check_parties(claims: Claims, provider: Provider) -> None:
    """Refuse a token of another issuer, or for another client."""
    if claims.iss not in provider.issuers:
        message = "is of another issuer (iss)"
        raise wrong(message)
    audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if not audience or not set(audience) <= set(provider.client_ids):
        message = "is for another client (aud)"
        raise wrong(message)
    if claims.azp not in provider.client_ids and (claims.azp is not None or len(audience) > 1):
        message = "was issued to another client (azp)"
        raise wrong(message)
    if not 0 < len(claims.sub) <= MAX_SUBJECT or storage_fault(claims.sub):
        message = f"must have a subject (sub) of 1 to {MAX_SUBJECT} characters"
        raise wrong(message)


def _check_times(claims: Claims, now: datetime) -> datetime:
    """Refuse a token that has expired or has not begun; return when it need not be remembered any more."""
    seconds, leeway = now.timestamp(), LEEWAY.total_seconds()
    # Written so that a NaN is refused.
    if not claims.exp > seconds - leeway:
        message = "has expired"
        raise wrong(message)
    if not (claims.iat <= seconds + leeway and claims.nbf <= seconds + leeway):
        message = "is of the future (iat, nbf)"
        raise wrong(message)
    if not claims.iat > seconds - MAX_AGE.total_seconds():
        message = "was issued more than a day ago (iat)"
        raise wrong(message)
    last = min(claims.exp, claims.iat + MAX_AGE.total_seconds())
    return datetime.fromtimestamp(last, UTC) + LEEWAY


def _moment(value: Any, now: datetime) -> datetime | None:  # noqa: ANN401 - a claim
    """Return a claim that is a usable time, at the latest now.

    The provider's clock may be behind ours: a login after our request would then seem to be one before it.
    """
    try:
        return min(datetime.fromtimestamp(value, UTC) + LEEWAY, now)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _line(value: Any, longest: int) -> str | None:  # noqa: ANN401 - a claim
    """Return a claim that is a usable line of text."""
    text = " ".join(value.split()) if isinstance(value, str) and len(value) <= longest else ""
    return text if text and text.isprintable() and not storage_fault(text) else None
