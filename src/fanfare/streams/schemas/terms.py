"""The terms of a record, by which it is searched and counted: words and hashtags of its caption, and its filters.

A filter's term begins with a character that no word has.
"""

import re
from collections.abc import Iterable, Iterator

from fanfare.kernel.folding import fold

MAX_TERMS = 200
MAX_TERM_LENGTH = 60
WORD = re.compile(r"#?\w+(?:['\u2019]\w+)?")
# Scripts that put no spaces between words: any two neighbouring letters are a term.
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
LINK = re.compile(r"https?://\S+")
HASHTAG = "#"
GRAPHIC, TEXT = "@graphic", "@text"


def network_term(network: str) -> str:
    """Return the term of a network."""
    return f"@network:{network}"


def label_term(label_key: str) -> str:
    """Return the term of a label."""
    return f"@label:{label_key}"


def sku_term(sku: str) -> str:
    """Return the term of a product code."""
    return f"@sku:{fold(sku)}"


def words(text: str) -> list[str]:
    """Return the distinct words and hashtags of a text, folded, without links; a hashtag is also a word."""
    return list(dict.fromkeys(_words(fold(LINK.sub(" ", text)))))[:MAX_TERMS]


def _words(text: str) -> Iterator[str]:
    for match in WORD.finditer(text):
        term = match[0][:MAX_TERM_LENGTH]
        plain = term.removeprefix(HASHTAG)
        if term != plain:
            yield term
        if len(plain) > 2 and UNSPACED.search(plain):  # noqa: PLR2004 - neighbours are two
            yield from (plain[start : start + 2] for start in range(len(plain) - 1))
        else:
            yield plain


def terms(caption: str, network: str, labels: Iterable[str], sku: str | None, *, has_picture: bool) -> list[str]:
    """Return the terms of a record."""
    filters = [network_term(network), GRAPHIC if has_picture else TEXT, *(label_term(each) for each in labels)]
    return [*words(caption), *filters, *([sku_term(sku)] if sku else [])]
