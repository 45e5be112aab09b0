"""The names of advisory locks, as the 64 bits that PostgreSQL takes.

All locks of a database share these bits, and some names hold a text of a caller's choice. They are cut from a
cryptographic hash: nobody can choose a text whose lock is another's.
"""

import hashlib
import json


def lock_key(domain: str, *parts: int | str) -> int:
    """Return the key of the lock with this name: what is locked, then which one, the account first."""
    name = json.dumps([domain, *parts]).encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big", signed=True)
