"""Keys of advisory locks, as the 64 bits that PostgreSQL takes.

All locks of a database share one key space, and some names contain text from clients. The key is taken from a
cryptographic hash, so that nobody can choose a text that collides with another lock.
"""

import hashlib
import json


def lock_key(domain: str, *parts: int | str) -> int:
    """Return the key of a lock; `domain` is the kind of lock, `parts` say which one, the account first."""
    name = json.dumps([domain, *parts]).encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big", signed=True)
