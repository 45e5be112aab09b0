"""Who signs requests to a storage."""

import msgspec


class Credentials(msgspec.Struct, frozen=True):
    """Who signs, and for which region."""

    access_key_id: str
    secret: str
    region: str

    def __repr__(self) -> str:
        """Return nothing of the secret."""
        return f"Credentials(access_key_id={self.access_key_id!r})"
