"""Templates: an account's and its businesses' own, in languages, in a sandbox."""

import uuid
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.messages.templates.builtin import BUILTIN, KINDS
from fanfare.messages.templates.rendering import check, render
from tests.api import Api
from tests.messages.gateways import HttpInbox, Mailbox
from tests.messages.sending import CODE, login_code, send_now
from tests.yardstick import cpu_seconds, takes_longer

PATH = "/api/v1/manage/message_templates"


def sms(text: str, **values: Any) -> dict[str, Any]:
    return {"template_name": "login_code", "channel": "sms", "language": "en", "text_body": text, **values}


async def save(api: Api, text: str, **values: Any) -> int:
    saved: int = (await api.ok(await api.post(PATH, **sms(text, **values))))["template_id"]
    return saved


async def arrived(api: Api, db: Db, inbox: HttpInbox, **values: Any) -> str:
    await send_now(db, api.account_id, login_code(channel="sms", recipient="+16045550123", **values))
    return str(inbox.requests[-1][2]["text"])


async def test_the_nearest_language_counts_first_then_the_business(api: Api, db: Db, inbox: HttpInbox) -> None:
    created = await api.post("/api/v1/manage/businesses", business_name="Harbour Rugby")
    business_id = (await api.ok(created))["business_id"]
    await save(api, "account en {{ code }}")
    await save(api, "account fr {{ code }}", language="fr")
    mine = await save(api, "{{ business_name }} fr {{ code }}", language="fr", business_id=business_id)
    await save(api, "account fr-CA {{ code }}", language="fr-CA")
    for language, business, text in (
        ("en", None, "account en"),
        ("en", business_id, "account en"),
        ("fr", business_id, "Harbour Rugby fr"),
        ("fr-BE", business_id, "Harbour Rugby fr"),
        ("fr-ca", business_id, "account fr-CA"),
        # what comes with Fanfare in the language asked for goes before another language
        ("de", business_id, "Harbour Rugby: Ihr Code zum Anmelden:"),
        ("nl", None, "account en"),
    ):
        assert await arrived(api, db, inbox, language=language, business_id=business) == f"{text} {CODE}", language
    assert await api.ok(await api.delete(f"{PATH}/{mine}")) is True
    assert await arrived(api, db, inbox, language="fr", business_id=business_id) == f"account fr {CODE}"
    assert (await api.delete(f"{PATH}/{mine}")).status_code == 404


async def test_saving_again_changes_it(api: Api) -> None:
    first = await save(api, "one {{ code }}", language="it")
    assert await save(api, "two {{ code }}", language="IT") == first
    rows = await api.ok(await api.get(PATH))
    (row,) = (each for each in rows if each["language"] == "it")
    assert (row["text_body"], row["secret_values"]) == ("two {{ code }}", ["code"])
    changeable = [key for key in BUILTIN if not KINDS[key[0]].is_for_staff]
    assert len([each for each in rows if each["template_id"] is None]) == len(changeable)


async def test_the_preview_shows_samples_and_escapes(api: Api, other_api: Api) -> None:
    draft = {
        "template_name": "login_code",
        "channel": "email",
        "subject": "{{ code }}\n for <b>",
        "text_body": "{% if code is defined %}{{ business_name | upper }}{% endif %}",
        "html_body": "<p>{{ business_name }}</p>",
    }
    answer = await api.ok(await api.post(f"{PATH}/preview", **draft))
    assert answer == {"subject": "493817 for <b>", "text_body": "NORTHSIDE FC", "html_body": "<p>Northside FC</p>"}
    assert await other_api.ok(await other_api.post(f"{PATH}/preview", **draft)) == answer


async def test_values_are_escaped_in_html_alone(api: Api, db: Db, mailbox: Mailbox) -> None:
    created = await api.post("/api/v1/manage/businesses", business_name="<script>R&B</script>")
    business_id = (await api.ok(created))["business_id"]
    await send_now(db, api.account_id, login_code(business_id=business_id))
    text, html = (part.get_content() for part in mailbox.mails[0].iter_parts())
    assert "<script>R&B</script>" in text
    assert "&lt;script&gt;R&amp;B&lt;/script&gt;" in html
    assert "<script>" not in html


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ code", "line 1: unexpected end of template"),
        ("a\n{{ cod }}", "line 2: cod is not a value of this template, which has business_name, code, minutes"),
        ("{{ code.__class__.__mro__ }}", "line 1: Getattr is not available"),
        ("{{ code['__class__'] }}", "line 1: Getitem is not available"),
        ("{{ code.format(code) }}", "line 1: Call is not available"),
        ("{% for i in code %}{% for j in code %}x{% endfor %}{% endfor %}", "line 1: For is not available"),
        ("{{ 9 ** 9 ** 9 }}", "line 1: Pow is not available"),
        ("{{ 'x' * 1000000000 }}", "line 1: Mul is not available"),
        ("{{ code ~ code }}", "line 1: Concat is not available"),
        ("{{ '%s' % code }}", "line 1: Mod is not available"),
        ("{% set x = code %}{{ x }}", "line 1: Assign is not available"),
        ("{% include 'x' %}", "line 1: Include is not available"),
        ("{% macro x() %}{{ x() }}{% endmacro %}", "line 1: Macro is not available"),
        ("{{ range(9) }}", "line 1: Call is not available"),
        ("{{ code | center(1000000000) }}", "line 1: the filter center is not available"),
        ("{{ code is callable }}", "line 1: the test callable is not available"),
        ("{{ self }}", "line 1: self is not a value"),
        ("{{ " + "(" * 9000 + "code" + ")" * 9000 + " }}", "is nested too deeply"),
        ("{{ " + "not " * 5000 + "code }}", "is nested too deeply"),
        ("{{ code" + "|upper" * 30 + " }}", "line 1: is nested too deeply"),
        ("{% if code %}" * 200 + "{% endif %}" * 200, "line 1: is nested too deeply"),
        ("{{ " + "9" * 9000 + " }}", "is nested too deeply, or has a number that is too large"),
        ("{% if minutes > 5 %}x{% endif %}", "cannot be rendered: '>' not supported between"),
        ("{{ code | title(3) }}", "cannot be rendered: "),
        ("{{ 'a' in 5 }}", "cannot be rendered: "),
        ("{{ code | e(**5) }}", "cannot be rendered: "),
        ("{% if 0 %}" + "{% elif 0 %}" * 5000 + "{% endif %}", "cannot be rendered: "),
        ("{% raw %}" + "x" * 1001 + "{% endraw %}", "the SMS is longer than 1000 characters"),
    ],
)
async def test_what_a_template_may_not_do_is_named_with_its_line(api: Api, text: str, words: str) -> None:
    for path, values in ((PATH, sms(text)), (f"{PATH}/preview", sms(text))):
        answer = await api.post(path, **values)
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["message"].startswith(words), error
        assert error["field"] == "text_body"


async def test_every_wrong_field_is_named(api: Api) -> None:
    answer = await api.post(PATH, template_name="x", channel="email", language="1", text_body="{{", business_id="x")
    assert [each["field"] for each in answer.json()["errors"]] == [
        "template_name", "language", "business_id", "subject",
    ]  # fmt: skip
    answer = await api.post(PATH, **sms("{{ x }}", subject="{{ y }}", html_body="x"))
    assert [each["field"] for each in answer.json()["errors"]] == ["subject", "html_body", "text_body"]


async def test_a_business_of_another_account_is_unknown(api: Api, other_api: Api) -> None:
    created = await other_api.post("/api/v1/manage/businesses", business_name="Theirs")
    business_id = (await other_api.ok(created))["business_id"]
    assert (await api.post(PATH, **sms("x", business_id=business_id))).status_code == 404


def test_the_worst_template_is_rendered_soon() -> None:
    """64 KiB of values of 4,000 characters, each escaped to five times that: bounded before it is all there."""
    kind = KINDS["login_code"]
    worst = BUILTIN["login_code", "email", "en"].__class__("x", "x", "{{code}}" * (64 * 1024 // 8))
    assert check(kind, "email", worst) == []

    def refused() -> None:
        with pytest.raises(Exception, match="longer than"):
            render(worst, "email", {**kind.samples, "code": "&" * 100_000})

    assert not takes_longer(5000, lambda: cpu_seconds(refused))


@pytest.mark.parametrize(
    "text", ["{{ business_name }}" * 80, "{% if business_name != 'Northside FC' %}{{ business_name < 5 }}{% endif %}"]
)
async def test_a_template_that_fails_gives_way_to_the_one_of_fanfare(
    api: Api, db: Db, inbox: HttpInbox, text: str
) -> None:
    await save(api, text, language="es")
    created = await api.post("/api/v1/manage/businesses", business_name=uuid.uuid4().hex + "B" * 160)
    business_id = (await api.ok(created))["business_id"]
    read = await arrived(api, db, inbox, language="es", business_id=business_id)
    assert read.endswith(f": Your code to log in: {CODE}")


@pytest.mark.parametrize(("name", "channel", "language"), BUILTIN)
def test_what_comes_with_fanfare_is_right(name: str, channel: str, language: str) -> None:
    kind, text = KINDS[name], BUILTIN[name, channel, language]
    assert check(kind, channel, text) == []
    rendered = render(text, channel, kind.samples)
    for secret in kind.secret_names:
        assert kind.samples[secret] in rendered.text
        assert channel == "sms" or kind.samples[secret] in rendered.html
    assert (rendered.subject != "") == (channel == "email")
