"""Undoes disguised spelling: look-alike letters, digits for letters, repeated and separated letters."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby

# Pairs of a letter and the Latin one that it looks like: Cyrillic, Greek, Latin with a stroke, small capitals.
LOOK_ALIKES = (
    "аaвbеeёeіiїiјjкkмmнhоoрpсcтtуyхxѕsԁdԍgһhԛqԝwӏlьbпnгrАAВBЕEІIЈJКKМMНHОOРPСCТTУYХXЅS"  # noqa: RUF001
    "αaβbεeηnιiκkνvοoρpτtυuχxωwγyΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧX"  # noqa: RUF001
    "ƒfғføoØOđdłlħhŧtıiſsɡgɑaɩiʀrɴnʜhʟlᴀaᴄcᴅdᴇeᴋkᴍmᴏoᴘpᴛtᴜuᴠvᴡwᴢz"  # noqa: RUF001
)
CONFUSABLES = str.maketrans(
    dict(zip(LOOK_ALIKES[::2], LOOK_ALIKES[1::2], strict=True)) | {"æ": "ae", "œ": "oe", "Æ": "AE"}
)
# Characters that may stand for a letter inside a word.
STANDS_FOR = {
    "a": "a4@*^",
    "b": "b8",
    "c": "c(*",
    "e": "e3*",
    "g": "g9",
    "h": "h#",
    "i": "i1!|*",
    "k": "kq",
    "l": "l1|!",
    "o": "o0*",
    "s": "s5$z",
    "t": "t7+",
    "u": "uv0*",
}
DIGIT_LETTERS = str.maketrans("0345789@$!+|", "oeastbgasiti")
SYMBOLS = r"@$!+|*#^("
PIECE = re.compile(rf"[{re.escape(SYMBOLS)}]*[^\W_](?:[^\W_]|[{re.escape(SYMBOLS)}])*")
HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+|\d+")
STRETCHED = 3
SCATTERED = 2


def undisguised(text: str) -> str:
    """Return the text in NFKC, without accents and invisible characters, and with Latin letters for look-alikes."""
    letters = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text))
    visible = "".join(letter for letter in letters if unicodedata.category(letter) not in {"Mn", "Me", "Cf"})
    return visible.translate(CONFUSABLES)


def pattern_of(word: str) -> str:
    """Return a regular expression for a word in disguised spellings: letters repeated or replaced."""
    parts = []
    for letter, run in groupby(word):
        length = len(list(run))
        if letter == "f":
            parts.append("(?:f|ph)+")
        else:
            parts.append(f"[{re.escape(STANDS_FOR.get(letter, letter))}]{{{length},}}")
    return "".join(parts)


def pieces(text: str) -> list[str]:
    """Return the words of a text in lower case, separated by spaces and punctuation."""
    return [piece.casefold() for piece in PIECE.findall(text)]


def readings(text: str) -> Iterator[str]:
    """Yield every word that the text may contain: as written, split at capitals, without repetition, decoded."""
    for piece in PIECE.findall(text):
        humps = HUMP.findall(piece)
        for word in {piece, *(humps if len(humps) > 1 else ())}:
            yield from _spellings(word.casefold())


def _spellings(word: str) -> Iterator[str]:
    stem = word.strip("0123456789*!|+")
    plain = {word, stem}
    if not word.isalpha() and stem:
        decodable = {word, word.rstrip("0123456789")} if word[0].isdigit() else {word}
        plain |= {form.replace("1", letter).translate(DIGIT_LETTERS) for form in decodable for letter in "il"}
    for form in plain:
        yield form
        runs = [(letter, len(list(run))) for letter, run in groupby(form)]
        if any(length >= STRETCHED for _, length in runs):
            for count in (1, 2):
                yield "".join(letter * (count if length >= STRETCHED else length) for letter, length in runs)


def scattered(text: str) -> Iterator[tuple[str, bool]]:
    """Yield words joined from runs of pieces of one or two letters, and whether all pieces are single letters.

    `f u c k` and `fu ck` are joined. Longer words with spaces between them, as in `push it`, never are.
    """
    for _, group in groupby(pieces(text), key=lambda piece: len(piece) <= SCATTERED):
        run = list(group)
        if len(run) > 1 and len(run[0]) <= SCATTERED:
            yield "".join(run), all(len(piece) == 1 for piece in run)


def dotted(text: str) -> Iterator[str]:
    """Yield each word that contains punctuation, such as `f.uck`, without it."""
    for group in text.casefold().split():
        inner = pieces(group)
        if len(inner) > 1:
            yield "".join(inner)
