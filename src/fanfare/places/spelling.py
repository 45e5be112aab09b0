"""Normalises names of places, for comparison and for storage."""

import re
import unicodedata

from fanfare.kernel import folding

LONGEST = 120
IGNORED = re.compile("['\u2018\u2019\u02bb\u02bc`\u00b4.]")
CONTROLS = frozenset({"Cc", "Cs", "Co", "Cn"})


def fold(text: str) -> str:
    """Return the key by which names of places are compared: folded, without punctuation and a leading `the`.

    Single letters are joined, so that `U. S. A.` becomes `usa`.
    """
    words = re.findall(r"[^\W_]+", IGNORED.sub("", folding.fold(text.replace("&", " and "))))
    if len(words) > 1 and words[0] == "the":
        words = words[1:]
    return ("" if all(len(word) == 1 for word in words) else " ").join(words)


def tidy(text: str | None, longest: int = LONGEST) -> str | None:
    """Return the text in NFC with single spaces, or None if it is blank.

    Raises ValueError if it is too long or contains control characters.
    """
    if text is None:
        return None
    if len(text) > 4 * longest:
        message = f"must be at most {longest} characters"
        raise ValueError(message)
    result = " ".join(unicodedata.normalize("NFC", text).split())
    if len(result) > longest:
        message = f"must be at most {longest} characters"
        raise ValueError(message)
    if any(unicodedata.category(letter) in CONTROLS for letter in result):
        message = "must not contain control characters"
        raise ValueError(message)
    return result or None
