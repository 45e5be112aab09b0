"""What two spellings of one text have in common: no case, no accents, one form for each letter.

The SQL function `fold_text` of migration 0037 returns the same, for the letters of Unicode 14, in whatever locale a
database was made: where one side of a comparison is a column, both are folded there. A test holds the two together.
"""

import re
import unicodedata

# Accents and points of Latin, Greek, Cyrillic, Hebrew and Arabic letters, which are written or left out. What other
# scripts write as marks says another letter: ハハ is mother, パパ is father.
MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f]"
)
# Letters that Unicode does not take apart into a letter and its mark.
LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "\u0131": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)


def fold(text: str) -> str:
    """Return a text without case and accents: İstanbul and ISTANBUL are istanbul, Straße is strasse."""
    if text.isascii():
        return text.lower()
    plain = MARKS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", plain.casefold().translate(LETTERS))


def holding(part: str) -> str:
    """Return a LIKE pattern for folded texts that hold a part."""
    plain = fold(part).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{plain}%"
