"""Pages speak the language that a browser asks for, and every text of every template has its translation."""

import ast
import re
from collections.abc import Iterator, Sequence

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from fanfare.kernel.pages import languages
from fanfare.kernel.pages.languages import FOLDER, Language
from fanfare.kernel.pages.templates import FOLDER as PACKAGE

OTHERS = languages.codes()[1:]
ASSETS = PACKAGE / "kernel/pages/assets"
# `flash(visit, "The filter is saved.")`
FLASH = re.compile(r'\bflash\(\s*visit,\s*("(?:[^"\\]|\\.)*")')
# A number, and behind it the noun of so many: "%(count)s fans", "%(count)s further rows".
COUNTED = re.compile(
    r"%\(\w+\)s(?: (?:further|more|budget))? (?:clicks|codes|days|deliveries|entries|errors|fans|jobs|letters|lines"
    r"|links|members|minutes|parameters|places|points|records|rows|sales|seats|sheets|times|topics|totals|tries|viewers|winners)\b"
)
# `("%(count)s fan is frozen.", "%(count)s fans are frozen.")`
FORMS = re.compile(r'\(\s*("(?:[^"\\]|\\.)*%\(count\)s(?:[^"\\]|\\.)*"),\s*("(?:[^"\\]|\\.)*"),?\s*\)')


@pytest.mark.parametrize(
    ("explicit", "accepted", "code"),
    [
        ("", "", "en"),
        ("", "de", "de"),
        ("", "de-AT,de;q=0.9,en;q=0.8", "de"),
        ("", "en;q=0.2, fr-CA;q=0.7", "fr"),
        ("", "xx, *;q=0.5", "en"),
        ("", "de;q=0, fr;q=0.1", "fr"),
        ("", "de;q=x, fr;q=0.1", "fr"),
        ("", ", ,;;;q=,=", "en"),
        ("fr", "de", "fr"),
        ("xx", "de", "de"),
        ("../../etc/passwd", "de", "de"),
    ],
)
def test_the_language_is_the_one_asked_for(explicit: str, accepted: str, code: str) -> None:
    assert languages.select_language(explicit, accepted).code == code


@pytest.mark.parametrize(
    ("code", "texts"), [("en", ["999", "13.9K", "2.5M"]), ("de", ["999", "13.870", "2,5\xa0Mio."])]
)
def test_a_number_in_few_letters_is_whole_where_there_are_none(code: str, texts: list[str]) -> None:
    assert [Language(code).compact(value) for value in (999, 13_870, 2_500_000)] == texts


@pytest.mark.parametrize("code", languages.codes())
def test_what_is_below_zero_has_one_sign_everywhere(code: str) -> None:
    language = Language(code)
    texts = [
        language.number(-20), language.number(-0.5), language.percent(-3), language.compact(-13_870),
        language.compact(-20), language.money(-5, "CAD"), language.short_money(-433_300, "CAD"), language.signed(-20),
        language.signed_percent(-3),
    ]  # fmt: skip
    assert [each for each in texts if "-" in each or each.count("\N{MINUS SIGN}") != 1] == []
    assert [language.signed(value) for value in (0, 20)] == ["0", "+20"]
    assert [language.signed_percent(value)[0] for value in (0, 20)] == ["0", "+"]


def test_no_template_writes_a_sign_by_itself() -> None:
    """`language.number` and `language.signed` know it."""
    sign = re.compile(r'\u2212|"\+"|\+\{\{ language')
    paths = (path for path in PACKAGE.rglob("templates/**/*.html") if path.name != "all_components.html")
    assert [path.name for path in paths if sign.search(path.read_text())] == []


def test_an_endless_header_is_read_in_part() -> None:
    assert languages.select_language("", "xx," * 100_000 + "de").code == "en"


def _texts(message: str | Sequence[str]) -> Sequence[str]:
    """Return the text of a message, or the two of one that has a number."""
    return (message,) if isinstance(message, str) else message


def texts() -> Iterator[str]:
    """Every text that a template or a page marks for translation, or that a page says on the next one."""
    for path in sorted(PACKAGE.rglob("templates/**/*.html")):
        for _, message, _, _ in extract_from_file("jinja2", path):
            yield from _texts(message)
    for path in sorted(PACKAGE.rglob("*.py")):
        code = path.read_text()
        yield from (ast.literal_eval(text) for text in FLASH.findall(code))
        yield from (ast.literal_eval(text) for forms in FORMS.findall(code) for text in forms)


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_is_translated_and_nothing_else(code: str) -> None:
    with (FOLDER / f"{code}.po").open("rb") as file:
        catalogue = read_po(file, locale=code)
    entries = {text: entry for entry in catalogue if entry.id for text in _texts(entry.id)}
    in_templates = set(texts())
    assert in_templates - entries.keys() == set()
    # What is not in a template stands in the code: the titles of refusals, and what a page says.
    code_text = "\n".join(path.read_text() for path in sorted(PACKAGE.rglob("*.py")))
    assert [each for each in entries if each not in in_templates and str(each) not in code_text] == []
    for text, entry in entries.items():
        assert entry.string, text
        assert all(_texts(entry.string)), text
        assert not entry.fuzzy, text
        assert [str(fault) for fault in entry.check(catalogue)] == [], text


def test_styles_of_public_pages_know_no_left_and_right() -> None:
    """In a language from right to left they are mirrored as they are."""
    text = "".join((ASSETS / name).read_text() for name in ("tokens.css", "base.css", "components.css", "hosted.css"))
    assert re.findall(r"[\w-]*-(?:left|right)\s*:|\b(?:left|right)\s*:|: (?:left|right);", text) == []


def test_there_are_german_and_french() -> None:
    assert {"de", "fr"} <= set(OTHERS)


def test_names_and_other_addresses() -> None:
    assert [Language(code).name for code in ("en", "de", "fr")] == ["English", "Deutsch", "Français"]
    assert languages.with_language("/a?b=1&language=de&b=2", "fr") == "/a?b=1&b=2&language=fr"
    assert languages.with_language("/a", "fr") == "/a?language=fr"


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        ("en", ["%(count)s fans", "%(count)s fan", "%(count)s fans", "%(count)s fan"]),
        ("de", ["%(count)s Fans", "%(count)s Fan", "%(count)s Fans", "%(count)s Fan"]),
        ("fr", ["%(count)s fan", "%(count)s fan", "%(count)s fans", "%(count)s fan"]),
    ],
)
def test_a_text_has_the_form_of_its_number(code: str, texts: list[str]) -> None:
    assert [Language(code).plural("%(count)s fan", "%(count)s fans", number) for number in (0, 1, 2, -1)] == texts


def test_what_is_counted_has_two_forms() -> None:
    """A text of one form says "1 fans": use `ngettext` in templates, and `flash_count` for the next page."""
    alone = [
        message
        for path in sorted(PACKAGE.rglob("templates/**/*.html"))
        for _, message, _, _ in extract_from_file("jinja2", path)
        if isinstance(message, str)
    ]
    for path in sorted(PACKAGE.rglob("*.py")):
        alone += [ast.literal_eval(text) for text in FLASH.findall(path.read_text())]
    assert [each for each in alone if COUNTED.search(each)] == []
