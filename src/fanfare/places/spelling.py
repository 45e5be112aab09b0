"""How names of places are compared, and how they are kept."""

import re
import unicodedata

from fanfare.kernel import folding

LONGEST = 120
SILENT = re.compile("['\u2018\u2019\u02bb\u02bc`\u00b4.]")
CONTROLS = frozenset({"Cc", "Cs", "Co", "Cn"})


def fold(text: str) -> str:
    """Return what two spellings of one place have in common: also no points, hyphens, nor a leading `the`.

    Single letters are drawn together, so that `U. S. A.` is `usa`.
    """
    words = re.findall(r"[^\W_]+", SILENT.sub("", folding.fold(text.replace("&", " and "))))
    if len(words) > 1 and words[0] == "the":
        words = words[1:]
    return ("" if all(len(word) == 1 for word in words) else " ").join(words)


def tidy(text: str | None, longest: int = LONGEST) -> str | None:
    """Return the text in composed letters with single blanks, or None when nothing is left.

    Raises ValueError when it is too long or holds what is no letter, mark, figure or sign.
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
