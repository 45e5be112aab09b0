"""The mail server and the HTTP gateway of a test, which this process sends to."""

from collections.abc import Iterator

import pytest

from fanfare.kernel.running.settings import Settings
from fanfare.messages.gateways.outgoing import outgoing
from fanfare.messages.templates.builtin import BUILTIN, KINDS, Text, new_kind
from tests.messages.gateways import HttpInbox, Mailbox, http_gateway, mail_server
from tests.messages.sending import FROM, NewsMaker, news_message


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    with mail_server() as box:
        outgoing.use(settings.replace(smtp_url=box.url, mail_from=FROM))
        yield box
        outgoing.use(settings)


@pytest.fixture
def inbox(settings: Settings) -> Iterator[HttpInbox]:
    with http_gateway() as box:
        outgoing.use(settings.replace(sms_url=f"{box.url}/send"))
        yield box
        outgoing.use(settings)


@pytest.fixture
def news(monkeypatch: pytest.MonkeyPatch) -> NewsMaker:
    """Makes messages of a marketing kind, which only tests have so far."""
    monkeypatch.setitem(KINDS, "news", new_kind({"title": "New dates"}, is_marketing=True))
    texts = {
        "email": Text(
            "{{ title }}\n{{ unsubscribe_url }}\n{{ preferences_url }}\n",
            "{{ title }}",
            '<p>{{ title }}</p><p><a href="{{ unsubscribe_url }}">no more</a></p>',
        ),
        "sms": Text("{{ title }} {{ preferences_url }}"),
    }
    for channel, text in texts.items():
        monkeypatch.setitem(BUILTIN, ("news", channel, "en"), text)
    return news_message
