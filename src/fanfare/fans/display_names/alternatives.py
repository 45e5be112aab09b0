"""Offers another name when the wanted one is taken."""

from collections.abc import Container, Iterator
from random import Random

from fanfare.fans.display_names.acceptance import LONGEST, PLAIN, NameRules, accepted_name
from fanfare.kernel.folding import fold

TRIES_EACH = 6
# Figures that say something: years of birth of nobody, a position, a slogan, the devil.
LOADED = frozenset({14, 18, 28, 69, 88, 420, 666, 1312, 1488})
STEPS = (("", 2, 9), ("_", 10, 99), ("", 100, 999), ("_", 1_000, 9_999), ("_", 100_000, 999_999))


def alternatives(name: str, used: Container[str], chance: Random, rules: NameRules = PLAIN) -> Iterator[str]:
    """Yield acceptable names that are not taken, near the wanted one: name2, name_23, name314, ever longer ones.

    `taken` holds folded names. The same state of `chance` gives the same names. Empty when even the wanted name with
    figures behind it is not acceptable.
    """
    for joint, lowest, highest in STEPS:
        figures = chance.sample(range(lowest, highest + 1), TRIES_EACH)
        for figure in figures:
            ending = f"{joint}{figure}"
            candidate = name[: LONGEST - len(ending)].rstrip() + ending
            if figure not in LOADED and fold(candidate) not in used and _is_accepted(candidate, rules):
                yield candidate


def _is_accepted(name: str, rules: NameRules) -> bool:
    try:
        accepted_name(name, rules)
    except ValueError:
        return False
    return True
