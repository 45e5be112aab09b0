"""Weighted random choice."""

from bisect import bisect
from collections.abc import Iterable
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Shares(Generic[T]):
    """Values that are chosen with given weights."""

    def __init__(self, pairs: Iterable[tuple[float, T]]) -> None:
        """`pairs` are weights with values."""
        items = list(pairs)
        self.values = [value for _, value in items]
        running = list(accumulate(share for share, _ in items))
        self.total = running[-1]
        # The last one has no upper bound, because the product below may be rounded.
        self.running = [*running[:-1], float("inf")]

    def pick(self, chance: Random) -> T:
        """Return a random value."""
        return self.values[bisect(self.running, chance.random() * self.total)]
