"""The folded form of a text, for comparisons that ignore case, accents and variant letter forms.

The SQL function `fold_text` of migration 0037 returns the same for the letters of Unicode 14, whatever the database's
locale: if one side of a comparison is a column, both are folded in SQL. A test compares the two functions.
"""

import re
import unicodedata

# Optional accents and points of Latin, Greek, Cyrillic, Hebrew and Arabic letters. In other scripts a mark makes
# another letter: ハハ is mother, パパ is father.
MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f]"
)
# Letters that Unicode does not decompose into a letter and a mark.
LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "\u0131": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)


def fold(text: str) -> str:
    """Return a text without case and accents: İstanbul and ISTANBUL become istanbul, Straße becomes strasse."""
    if text.isascii():
        return text.lower()
    plain = MARKS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", plain.casefold().translate(LETTERS))


def like_pattern(part: str) -> str:
    """Return a LIKE pattern that matches folded texts containing a part."""
    plain = fold(part).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{plain}%"
