"""The mail server and the HTTP gateway of a test, which this process sends to."""

from collections.abc import Iterator

import pytest

from fanfare.kernel.running.settings import Settings
from fanfare.messages.gateways.outgoing import outgoing
from tests.messages.gateways import HttpInbox, Mailbox, http_gateway, mail_server
from tests.messages.sending import FROM


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
