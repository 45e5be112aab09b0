"""Languages of pages: selecting one, translations, and the formats of dates and numbers.

Templates are in English; `fanfare/locale/<language>.po` has the translations, which are compiled on first use.
"""

import gettext
import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import msgspec
from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import (
    format_compact_currency,
    format_compact_decimal,
    format_currency,
    format_decimal,
    format_percent,
)

from fanfare.kernel.pages import sentences
from fanfare.kernel.parameters import from_query
from fanfare.kernel.wire.zones import zone_of

FOLDER = Path(__file__).parents[2] / "locale"
ENGLISH = "en"
# The query parameter that selects the language, whatever the browser asks for.
PARAMETER = "language"
# Says besides that the visitor pressed on the language: then it stays until the browser is closed.
CHOICE = "is_chosen"
# Amounts of as many digits are written in few letters where there is little space.
SHORT_FROM = 100_000
# In the class below, `date` is a method.
CalendarDay = date
# Letters of scripts that are written from right to left: from Hebrew to Arabic, their forms, and those beyond 16 bits.
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
# What stands around a name whose direction is its own.
ISOLATE, END_OF_ISOLATE = "\u2068", "\u2069"
MINUS = "\N{MINUS SIGN}"
# Characters of Accept-Language that are read.
MAX_LENGTH = 200


class Language(msgspec.Struct, frozen=True):
    """A language of pages, given by its code such as `de`."""

    code: str

    @property
    def name(self) -> str:
        """The language's name in itself, such as Deutsch."""
        return (Locale.parse(self.code).get_display_name(self.code) or self.code).capitalize()

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return str(Locale.parse(self.code).text_direction)

    def date(self, moment: datetime, time_zone: str) -> str:
        """Return the day of a moment in a time zone, such as 3 Jul 2026."""
        return format_date(moment.astimezone(zone_of(time_zone)), "medium", locale=self.code)

    def moment(self, moment: datetime, time_zone: str) -> str:
        """Return a moment in a time zone, such as 3 Jul 2026, 14:05."""
        return f"{self.date(moment, time_zone)}, {moment.astimezone(zone_of(time_zone)):%H:%M}"

    def day(self, timestamp: int, time_zone: str) -> str:
        """Return the day of a moment in unix seconds."""
        return self.date(datetime.fromtimestamp(timestamp, UTC), time_zone)

    def instant(self, timestamp: int, time_zone: str) -> str:
        """Return a moment in unix seconds, such as 3 Jul 2026, 14:05."""
        return self.moment(datetime.fromtimestamp(timestamp, UTC), time_zone)

    def clock(self, timestamp: int, time_zone: str) -> str:
        """Return the time of day of a moment in unix seconds, such as 14:05:31."""
        return f"{datetime.fromtimestamp(timestamp, zone_of(time_zone)):%H:%M:%S}"

    def calendar_day(self, day: CalendarDay) -> str:
        """Return a day, such as 3 Jul 2026."""
        return format_date(day, "medium", locale=self.code)

    def iso_day(self, text: str) -> str:
        """Return a day that is written as 2026-07-03, as in JSON, such as 3 Jul 2026."""
        return self.calendar_day(CalendarDay.fromisoformat(text))

    def short_day(self, day: CalendarDay) -> str:
        """Return a day without its year, such as 3 Jul."""
        return format_skeleton("MMMd", day, locale=self.code)

    def weekday(self, day: CalendarDay) -> str:
        """Return the name of a day of the week, such as Friday."""
        return format_date(day, "EEEE", locale=self.code)

    def number(self, value: float | Decimal) -> str:
        """Return a number with its groups of digits; one below zero with a minus sign, which is no hyphen."""
        return _signed(format_decimal(value, locale=self.code))

    def signed(self, value: float | Decimal) -> str:
        """Return a number with its sign, such as +12; zero has none."""
        return f"+{self.number(value)}" if value > 0 else self.number(value)

    def compact(self, value: float) -> str:
        """Return a number in few letters, such as 12K; in full where the language has no letters for its size."""
        text = _signed(format_compact_decimal(value, locale=self.code, fraction_digits=1))
        return self.number(round(value)) if text.isdecimal() else text

    def money(self, amount: Decimal | float, currency: str) -> str:
        """Return an amount with its currency."""
        return _signed(format_currency(amount, currency, locale=self.code))

    def short_money(self, amount: Decimal | float, currency: str, limit: int = SHORT_FROM) -> str:
        """Return an amount with its currency, one from the limit on in few letters, such as $433.3K."""
        if -limit < amount < limit:
            return self.money(amount, currency)
        return _signed(format_compact_currency(amount, currency, locale=self.code, fraction_digits=1))

    def percent(self, value: Decimal | float) -> str:
        """Return a number of per cent, such as 1.5%."""
        return _signed(format_percent(value / 100, locale=self.code, decimal_quantization=False))

    def signed_percent(self, value: Decimal | float) -> str:
        """Return a number of per cent with its sign, such as +1.5%; zero has none."""
        return f"+{self.percent(value)}" if value > 0 else self.percent(value)

    def text(self, message: str) -> str:
        """Return the translation of a text, also of a refusal with values in it, or the text if there is none."""
        if not message or self.code == ENGLISH:
            return message
        translate = translations(self.code).gettext
        text = translate(message)
        return sentences.translated(message, translate) if text == message else text

    def plural(self, singular: str, plural: str, number: float) -> str:
        """Return the translation of a text with a number, in the form that fits it; its English form if there is none.

        Of numbers with a fraction, the whole part decides. Minus one is as one.
        """
        return translations(self.code).ngettext(singular, plural, int(abs(number)))


def _signed(number: str) -> str:
    """Return a formatted number with a minus sign, as wide as a plus and never at the end of a line."""
    return str(number).replace("-", MINUS)


@cache
def codes() -> tuple[str, ...]:
    """Return the codes of all languages, English first."""
    return (ENGLISH, *sorted(path.stem for path in FOLDER.glob("*.po")))


@cache
def translations(code: str) -> gettext.NullTranslations:
    """Return the translations into a language; English texts are not translated."""
    if code == ENGLISH:
        return gettext.NullTranslations()
    with (FOLDER / f"{code}.po").open("rb") as file:
        catalogue = read_po(file, locale=code)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def isolate(value: object) -> object:
    """Return a value of a sentence, such as a name, so that its direction leaves that of the sentence alone."""
    if isinstance(value, str) and RIGHT_TO_LEFT.search(value):
        return ISOLATE + value + END_OF_ISOLATE
    return value


def without_isolates(text: str) -> str:
    """Return a text that somebody took from a sentence of ours as it was before."""
    return text.replace(ISOLATE, "").replace(END_OF_ISOLATE, "")


def select_language(explicit: str, accepted: str) -> Language:
    """Return the language with this code if there is one, else the best match of Accept-Language, else English."""
    for code in (explicit, *preferences(accepted)):
        short = code.strip().lower().partition("-")[0]
        if short in codes():
            return Language(short)
    return Language(ENGLISH)


def preferences(accepted: str) -> list[str]:
    """Return the codes in an Accept-Language header, most preferred first; invalid parts are skipped."""
    entries: list[tuple[float, str]] = []
    for part in accepted[:MAX_LENGTH].split(","):
        code, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if code and weight > 0:
            entries.append((-weight, code))
    return [code for _, code in sorted(entries, key=lambda entry: entry[0])]


def with_language(url: str, code: str, *, is_choice: bool = False) -> str:
    """Return the URL of a page in another language; `is_choice`: whoever follows it has chosen that."""
    path, _, query = url.partition("?")
    pairs = [(name, value) for name, values in from_query(query.encode()).items() for value in values]
    rest = [(name, str(value)) for name, value in pairs if name not in (PARAMETER, CHOICE)]
    return f"{path}?{urlencode([*rest, (PARAMETER, code), *([(CHOICE, 'true')] if is_choice else [])])}"
