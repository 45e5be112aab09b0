"""What is refused is said in the language of the page, with its values; what is in English alone is marked."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from fanfare import app
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Refusal
from fanfare.kernel.pages import languages
from fanfare.kernel.pages.languages import Language, translations
from fanfare.kernel.pages.sentences import PLACE, SENTENCES, THINGS
from fanfare.kernel.pages.templates import environment
from tests.api import Api
from tests.console.people import send, signed_in
from tests.console.visits import many_visits

__all__ = ["many_visits"]
OTHERS = languages.codes()[1:]
STATUSES = (403, 404, 409, 429, 501)
# Pages meet none of these: they are about keys, tokens and the form of calls.
OF_CALLS = (
    "fanfare.kernel.errors", "fanfare.kernel.data.keys", "fanfare.kernel.data.idempotency", "fanfare.openid",
    "fanfare.sessions.actions.passkeys", "fanfare.props",
)  # fmt: skip


def kinds(base: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


@pytest.mark.parametrize("code", OTHERS)
def test_what_pages_refuse_is_translated(code: str) -> None:
    app.endpoints()
    app.pages()
    titles = {
        kind.title()
        for kind in kinds()
        if kind.status in STATUSES
        and kind.__module__.startswith("fanfare.")
        and not kind.__module__.startswith(OF_CALLS)
    }
    assert len(titles) > 80
    assert [title for title in sorted(titles) if translations(code).gettext(title) == title] == []


@pytest.mark.parametrize("code", OTHERS)
def test_things_have_names(code: str) -> None:
    assert [name for name in THINGS if translations(code).gettext(name) == name] == []


@pytest.mark.parametrize("code", OTHERS)
@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_has_its_values_in_each_language(code: str, sentence: str) -> None:
    text = translations(code).gettext(sentence)
    assert text != sentence
    assert sorted(PLACE.findall(text)) == sorted(PLACE.findall(sentence))
    filled = sentence % {name: f"<{name} 5>" for name in PLACE.findall(sentence)}
    text = Language(code).text(filled)
    assert text != filled
    assert [name for name in PLACE.findall(sentence) if name != "thing" and f"<{name} 5>" not in text] == []


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("No campaign has the id 5", "Hier nicht vorhanden: Kampagne 5"),
        ("must be between 1 and 20", "muss zwischen 1 und 20 liegen"),
        ('used by filters: "A" and 2 more', 'verwendet von Filtern: "A" and 2 more'),
        ("100% of nothing we know", "100% of nothing we know"),
    ],
)
def test_values_stay_as_they_are(message: str, text: str) -> None:
    assert Language("de").text(message) == text
    assert Language("en").text(message) == message


@pytest.fixture
async def client(base_url: str, db: Db, api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(base_url, db, api.account_id) as client:
        client.headers["Accept-Language"] = "de"
        yield client


async def test_a_page_that_is_not_there_says_what_was_looked_for(client: httpx.AsyncClient, api: Api) -> None:
    text = (await client.get(f"/manage/{api.account_id}/campaigns/999999")).text
    assert '<p class="muted">Hier nicht vorhanden: Kampagne 999999</p>' in text


def test_what_has_no_translation_is_marked() -> None:
    macro = environment().get_template("kernel/pages/templates/english.html")
    for code, text, attribute in (
        ("de", "nothing we know", ' lang="en"'), ("de", "must be a number", ""), ("en", "nothing we know", ""),
    ):  # fmt: skip
        module = macro.make_module({"language": Language(code), "_": Language(code).text})
        assert module.in_english(text) == attribute  # type: ignore[attr-defined] # a macro


async def test_a_form_says_in_the_language_what_is_wrong(client: httpx.AsyncClient, api: Api) -> None:
    path = f"/manage/{api.account_id}/settings/addresses"
    answer = await send(client, path, ip_address="here", is_blocked="perhaps", page_tab_id="some")
    assert answer.status_code == 422
    main = answer.text.partition("<main")[2]
    assert "muss eine IPv4- oder IPv6-Adresse oder ein Bereich wie 192.0.2.0/24 sein" in main
    assert "must be" not in main
