"""Random codes that people read and type."""

from random import Random

# Without I, O, 0 and 1, which are easily confused: 32 letters, five bits each.
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def random_code(rng: Random, length: int) -> str:
    """Return a random code; a unique index ensures that it is new."""
    return "".join(rng.choices(LETTERS, k=length))
