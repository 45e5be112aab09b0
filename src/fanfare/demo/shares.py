"""Picks things by their shares."""

from bisect import bisect
from collections.abc import Iterable
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Shares(Generic[T]):
    """Things that are picked as often as their shares say."""

    def __init__(self, pairs: Iterable[tuple[float, T]]) -> None:
        """Take pairs of share and thing."""
        items = list(pairs)
        self.values = [value for _, value in items]
        running = list(accumulate(share for share, _ in items))
        self.total = running[-1]
        # The last has no upper end, whatever rounding does to the product below.
        self.running = [*running[:-1], float("inf")]

    def pick(self, chance: Random) -> T:
        """Return one thing."""
        return self.values[bisect(self.running, chance.random() * self.total)]
