"""Templates: Jinja2 with autoescaping and strict undefined names; their paths are relative to the package."""

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from fanfare.kernel.pages import languages
from fanfare.kernel.pages.assets import asset_url
from fanfare.kernel.pages.filling import fill
from fanfare.kernel.pages.forms import TOKEN, token_of
from fanfare.kernel.pages.languages import Language, with_language
from fanfare.kernel.pages.page import View, Visit

FOLDER = Path(__file__).parents[2]


@cache
def environment() -> Environment:
    """Return the Jinja environment; each template is compiled once per process."""
    result = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    result.policies["json.dumps_kwargs"] = {"sort_keys": True, "ensure_ascii": False}
    result.globals.update(asset_url=asset_url, TOKEN=TOKEN)
    return result


def _text(language: Language, message: str, **values: object) -> str:
    """Return the translation of a text with its values inserted and escaped."""
    text = language.text(message)
    return _fill(text, values) if values else text


def _fill(text: str, values: Mapping[str, object]) -> str:
    entries = {name: languages.isolate(value) for name, value in values.items()}
    return Markup(text) % entries  # noqa: S704 - translations are ours


def _plural(language: Language, singular: str, plural: str, number: float, **values: object) -> str:
    """Return the translation of a text with a number, in the form that fits it; `count` is the number unless given."""
    return _fill(language.plural(singular, plural, number), {"count": language.number(number), **values})


def render(view: View, visit: Visit) -> str:
    """Return the HTML of a view.

    A template has its values, `visit`, `language`, `languages`, `in_language(code)` and, in forms, `form_token()`;
    `_()` translates and fills in, and so does `ngettext(singular, plural, number)`, in the form that fits the number.
    """
    language = visit.language
    values: dict[str, Any] = {
        **view.values,
        "visit": visit,
        "language": language,
        "languages": [Language(code) for code in languages.codes()],
        "in_language": partial(with_language, visit.url, is_choice=True),
        "form_token": partial(token_of, visit),
        "_": partial(_text, language),
        "ngettext": partial(_plural, language),
    }
    html = environment().get_template(view.template).render(values)
    return fill(html, visit.submission, partial(_fault, language)) if visit.submission else html


def _fault(language: Language, element_id: str, message: str) -> str:
    """Return the HTML of what is wrong with a field, as `fault_of` of the components has it."""
    icon = environment().get_template("kernel/pages/templates/icons.html").module.icon("warn")  # type: ignore[attr-defined] # a macro
    text = language.text("Please fill this in." if message == "is required" else message)
    return f'<p class="field__error" id="{escape(element_id)}">{icon}{escape(text)}</p>'
