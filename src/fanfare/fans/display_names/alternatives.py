"""Finds similar names when the requested one is taken."""

from collections.abc import Container, Iterator
from random import Random

from fanfare.fans.display_names.acceptance import LONGEST, PLAIN, NameRules, accepted_name
from fanfare.kernel.folding import fold

TRIES_EACH = 6
# Numbers with an offensive or political meaning.
LOADED = frozenset({14, 18, 28, 69, 88, 420, 666, 1312, 1488})
STEPS = (("", 2, 9), ("_", 10, 99), ("", 100, 999), ("_", 1_000, 9_999), ("_", 100_000, 999_999))


def alternatives(name: str, used: Container[str], rng: Random, rules: NameRules = PLAIN) -> Iterator[str]:
    """Yield allowed names similar to the requested one that are not in use: name2, name_23, name314, ever longer ones.

    `used` contains folded names. `rng` determines the numbers, so a seed makes the result reproducible. Yields
    nothing if the name is not allowed even with a number appended.
    """
    for joint, lowest, highest in STEPS:
        for number in rng.sample(range(lowest, highest + 1), TRIES_EACH):
            ending = f"{joint}{number}"
            candidate = name[: LONGEST - len(ending)].rstrip() + ending
            if number not in LOADED and fold(candidate) not in used and _is_accepted(candidate, rules):
                yield candidate


def _is_accepted(name: str, rules: NameRules) -> bool:
    try:
        accepted_name(name, rules)
    except ValueError:
        return False
    return True
