"""Seeds of draws: random, sealed until the draw, known by their hash."""

import hashlib
import secrets

from fanfare.kernel.errors import Conflict
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys

PURPOSE = "draw seed"
SEED_BYTES = 32


class SeedLost(Conflict):
    """The secret key that sealed the seed of this draw has ended; withdraw the draw and create another"""


def new_seed() -> tuple[bytes, str]:
    """Return the SHA-256 of a new random seed, and the seed sealed."""
    seed = secrets.token_bytes(SEED_BYTES)
    return hashlib.sha256(seed).digest(), secret_keys.seal(PURPOSE, seed)


def unsealed(sealed_seed: str) -> bytes:
    """Return a seed; SeedLost (409)."""
    try:
        return secret_keys.unseal(PURPOSE, sealed_seed)
    except NotSealed:
        raise SeedLost from None


def unsealed_if_possible(sealed_seed: str) -> bytes | None:
    """Return a seed, or None if its key has ended."""
    try:
        return unsealed(sealed_seed)
    except SeedLost:
        return None
