"""Failures of storages in the language of a page: they are stored as sentences in English, as the API has them."""

import re

from fanfare.kernel.pages.languages import Language

# How a sentence begins, behind which stands what the storage does.
BEGINS = (
    "The storage ",
    "An object cannot be written: the storage ",
    "An object cannot be read: the storage ",
    "An object cannot be deleted: the storage ",
)
# With values in them.
PATTERNS = {
    re.compile(
        r"sends us to another address: its bucket is in the region (?P<region>[a-z0-9-]+); set its endpoint and region"
    ): "sends us to another address: its bucket is in the region %(region)s; set its endpoint and region",
    re.compile(
        r"has an object of more than (?P<bytes>\d+) bytes under this key; split it"
    ): "has an object of more than %(bytes)s bytes under this key; split it",
    re.compile(r"answers (?P<status>HTTP \d+(?: \([A-Za-z0-9.]+\))?)"): "answers %(status)s",
    re.compile(r"fails \((?P<error>\w+)\)"): "fails (%(error)s)",
}


def failure_text(language: Language, failure: str) -> str:
    """Return a failure in a language; one that is not of a storage as the catalogues have it."""
    for begin in BEGINS:
        if failure.startswith(begin):
            return language.text(begin.rstrip()) + " " + _fault_text(language, failure.removeprefix(begin))
    return language.text(failure)


def _fault_text(language: Language, fault: str) -> str:
    for pattern, text in PATTERNS.items():
        if match := pattern.fullmatch(fault):
            return language.text(text) % match.groupdict()
    return language.text(fault)
