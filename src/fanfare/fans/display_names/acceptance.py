"""Validates display names."""

import re
import unicodedata
from functools import lru_cache

import msgspec

from fanfare.fans.display_names.spelling import dotted, pattern_of, pieces, readings, scattered, undisguised
from fanfare.fans.display_names.words import (
    SHORT_APART,
    harmless_words,
    refused_roots,
    refused_words,
    scattered_roots,
)

LONGEST = 64
# Shorter words of the operator are refused only as separate words, longer ones inside other words too.
SHORTEST_INSIDE = 4
MAX_MARKS = 3
# Zero-width joiners, which Persian, Hindi and emoji need, and variation selectors of emoji.
JOINERS = frozenset("\u200c\u200d\ufe0e\ufe0f")
RESERVED = frozenset(
    """
    admin administrator anonymous deleted helpdesk moderator mod none null official root security staff superuser
    support sysadmin system undefined webmaster
    """.split()  # noqa: SIM905 - words are read as a text
)
# Also refused next to other words, as in `Site Admin` and `admin_2`.
CLAIMS = frozenset({"admin", "administrator", "moderator", "sysadmin", "webmaster"})
OFFICES = r"(?:admin|mod|official|support|staff|team|security|help)"
MAIL = re.compile(r"[^\s@]+@[^\s@]+\.\w{2,}|\w\s*[\[(]at[\])]\s*\w", re.IGNORECASE)
LINK = re.compile(
    r"https?:|www\.|://|\bdot\s*com\b|[\w-]{2,}\.(?:com|net|org|info|biz|io|gg|tv|xyz|app|shop|site|online|club|link|top|ru)\b"
    r"|[\w-]{2,}\.[a-z]{2,}/",
    re.IGNORECASE,
)
PHONE = re.compile(r"\+(?:\d[\s().-]{0,2}){7}|(?:\d[\s().-]{0,2}){9}|(?<!\d)\d{3}[-. ]\d{4}(?!\d)")


class NameRules(msgspec.Struct, frozen=True):
    """An operator's own words, and reserved names such as the account's. Case is ignored."""

    allowed: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    reserved: frozenset[str] = frozenset()


PLAIN = NameRules()


def accepted_name(name: str, rules: NameRules = PLAIN) -> str:
    """Return the name in NFC with single spaces; ValueError with the reason if it is not allowed.

    Words that the operator allows are ignored; words that it refuses are found in any disguised spelling.
    """
    display = _normalized(name)
    plain = undisguised(display)
    _refuse_contact(unicodedata.normalize("NFKC", display))
    if _is_reserved(plain, rules.reserved):
        message = "is reserved"
        raise ValueError(message)
    if _is_offensive(display, plain, rules):
        message = "contains a word that is not allowed"
        raise ValueError(message)
    return display


def has_refused_word(text: str, rules: NameRules = PLAIN) -> bool:
    """Return whether a longer text contains a word that is not allowed in display names, however it is spelled."""
    return any(_is_offensive(line, undisguised(line), rules) for line in text.splitlines() if line.strip())


def _normalized(name: str) -> str:
    too_long = f"must be at most {LONGEST} characters"
    # Checked first, to bound the time of everything below, which does not count invisible characters.
    if len(name) > 4 * LONGEST:
        raise ValueError(too_long)
    composed = unicodedata.normalize("NFC", name.strip())
    kinds = [unicodedata.category(letter) for letter in composed]
    if {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"} & set(kinds):
        message = "must not contain control characters"
        raise ValueError(message)
    if "M" * (MAX_MARKS + 1) in "".join(kind[0] for kind in kinds):
        message = "must not stack more than a few accents on one letter"
        raise ValueError(message)
    visible = (x for x, kind in zip(composed, kinds, strict=True) if kind != "Cf" or x in JOINERS)
    result = " ".join("".join(visible).split())
    if not any(unicodedata.category(letter)[0] in "LN" or unicodedata.category(letter) == "So" for letter in result):
        message = "must contain a letter or a digit"
        raise ValueError(message)
    # Some letters stand for many: an Arabic ligature for eighteen.
    if len(result) > LONGEST or len(unicodedata.normalize("NFKC", result)) > 4 * LONGEST:
        raise ValueError(too_long)
    return result


def _refuse_contact(name: str) -> None:
    for pattern, description in ((MAIL, "an email address"), (LINK, "a web address"), (PHONE, "a phone number")):
        if pattern.search(name):
            message = f"must not contain {description}"
            raise ValueError(message)


def _alphanumeric(text: str) -> str:
    return "".join(letter for letter in text if letter.isalnum())


def _is_reserved(plain: str, reserved: frozenset[str]) -> bool:
    if CLAIMS & set(readings(plain)):
        return True
    forms = {_alphanumeric(plain.casefold()), "".join(pieces(plain))}
    forms.update(readings("".join(plain.casefold().split())))
    reserved_forms = {_alphanumeric(undisguised(word).casefold()) for word in reserved} - {""}
    offices = "|".join(map(re.escape, reserved_forms))
    claims = re.compile(rf"(?:the)?(?:{offices}){OFFICES}|{OFFICES}(?:{offices})") if reserved_forms else None
    return any(form in RESERVED or form in reserved_forms or (claims and claims.fullmatch(form)) for form in forms)


@lru_cache(maxsize=32)
def _own_pattern(words: frozenset[str]) -> re.Pattern[str] | None:
    parts = sorted({_alphanumeric(undisguised(word).casefold()) for word in words})
    patterns = [pattern_of(word) for word in parts if len(word) >= SHORTEST_INSIDE]
    return re.compile("|".join(patterns)) if patterns else None


@lru_cache(maxsize=32)
def _own_words(words: frozenset[str]) -> frozenset[str]:
    return frozenset(undisguised(word).casefold().strip() for word in words)


def _is_offensive(name: str, plain: str, rules: NameRules) -> bool:
    allowed = _own_words(rules.allowed)
    words = (refused_words() | _own_words(rules.refused)) - allowed
    plain = harmless_words(allowed).sub(" ", plain)
    # Words in other scripts are checked as written, since `undisguised` replaces their letters by Latin ones.
    native = {word for word in re.findall(r"\w+", name.casefold()) if not word.isascii()}
    if not words.isdisjoint(readings(plain)) or not words.isdisjoint(native):
        return True
    text = plain.casefold()
    pattern = _own_pattern(rules.refused - rules.allowed)
    if refused_roots().search(text) or (pattern and pattern.search(text)):
        return True
    for joined_text, are_single in scattered(text):
        is_word = (
            are_single and joined_text in words and (len(joined_text) >= SHORTEST_INSIDE or joined_text in SHORT_APART)
        )
        if is_word or scattered_roots().match(joined_text) or (pattern and pattern.search(joined_text)):
            return True
    return any(
        scattered_roots().fullmatch(joined_text) or (pattern and pattern.fullmatch(joined_text))
        for joined_text in dotted(text)
    )
