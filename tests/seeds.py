"""Seeds of random tests: fixed in `make test`, where the same inputs must pass each time, random in the long runs."""

import os
import random


def run_seed(fixed: int) -> int:
    """Return and print the seed of a test: FANFARE_SEED, a random one if inputs are drawn, else the fixed one."""
    drawn = random.randrange(1, 10**6) if os.environ.get("FANFARE_INPUTS") == "drawn" else fixed
    seed = int(os.environ.get("FANFARE_SEED", "0")) or drawn
    print(f"FANFARE_SEED={seed}")  # noqa: T201 - a failed run is replayed from it
    return seed
