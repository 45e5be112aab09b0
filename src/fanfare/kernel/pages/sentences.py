"""Refusals, and reasons of verdicts, with values in them, in the language of a page: the API has them in English.

Each is an entry of the catalogues, with the values named; what fits none stays in English.
"""

import re
from collections.abc import Callable

SENTENCES = (
    "No item of campaign %(campaign)s has the id %(key)s",
    "No %(thing)s has the id %(key)s",
    "No %(thing)s has the uid %(key)s",
    "No %(thing)s is named '%(key)s'",
    "used by a filter: %(names)s",
    "used by filters: %(names)s",
    "used by a schedule of exports: %(names)s",
    "used by schedules of exports: %(names)s",
    "fan %(key)s was merged later and must be unmerged first",
    "must be a number between %(first)s and %(last)s",
    "must be between %(first)s and %(last)s",
    "must be an email address of at most %(most)s characters",
    "must be an email address. %(reason)s",
    "must be at most %(most)s characters",
    "must be at most %(most)s bytes as JSON",
    "must be at least %(fewest)s characters",
    "must be one of %(choices)s",
    "must be a date in the form YYYY-MM-DD, from %(first)s to %(last)s",
    "must be a province or state of %(country)s, %(example)s",
    "must be within %(days)s days after start_date",
    "must be 1 to %(most)s printable characters",
    "must name a tag of 1 to %(most)s characters",
    "must be %(most)s or fewer, as the operator of the server says",
    "must be %(fewest)s or more",
    "must begin with %(begin)s, the folder of the storage",
    "must not begin with %(begin)s, as the keys of Fanfare's own awards do",
    "refers to an unknown segment: %(key)s",
    "header: %(text)s",
    "list of crawlers: %(text)s",
    "user agent of a program: %(text)s",
    "is required, or %(other)s",
    "is required with %(other)s",
)
# What a thing is called is an entry too; these are named nowhere else.
THING = "thing"
THINGS = ("Custom field", "Event pass", "Fan job", "Point category", "Report link", "Ticket event")
PLACE = re.compile(r"%\((\w+)\)s")


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = PLACE.split(sentence)
    texts = [f"(?P<{part}>.+?)" if number % 2 else re.escape(part) for number, part in enumerate(parts)]
    return re.compile("".join(texts), re.DOTALL)


PATTERNS = tuple((_pattern(sentence), sentence) for sentence in SENTENCES)


def translated(message: str, translate: Callable[[str], str]) -> str:
    """Return the translation of a sentence with values by a catalogue; the message where there is none."""
    for pattern, sentence in PATTERNS:
        if match := pattern.fullmatch(message):
            values = match.groupdict()
            if THING in values:
                values[THING] = translate(values[THING].capitalize())
            return translate(sentence) % values
    return message
