"""How names of places are compared, and how they are kept."""

import re
import unicodedata

LONGEST = 120
# Letters that Unicode does not take apart into a letter and its mark.
LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "\u0131": "i"})
SILENT = re.compile("['\u2018\u2019\u02bb\u02bc`\u00b4.]")
CONTROLS = frozenset({"Cc", "Cs", "Co", "Cn"})


def fold(text: str) -> str:
    """Return what two spellings of one name have in common: no case, accents, points, hyphens, nor a leading `the`.

    Single letters are drawn together, so that `U. S. A.` is `usa`.
    """
    plain = unicodedata.normalize("NFKD", text.casefold().replace("&", " and ")).casefold().translate(LETTERS)
    plain = SILENT.sub("", "".join(letter for letter in plain if not unicodedata.combining(letter)))
    words = re.findall(r"[^\W_]+", plain)
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
    tidied = " ".join(unicodedata.normalize("NFC", text).split())
    if len(tidied) > longest:
        message = f"must be at most {longest} characters"
        raise ValueError(message)
    if any(unicodedata.category(letter) in CONTROLS for letter in tidied):
        message = "must hold no control characters"
        raise ValueError(message)
    return tidied or None
