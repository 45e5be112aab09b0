"""The mail server and the SMS gateway that codes are sent to."""

from collections.abc import Iterator

import pytest

from fanfare.kernel.running.settings import Settings
from fanfare.messages.gateways.outgoing import outgoing
from tests.messages.gateways import HttpInbox, Mailbox, http_gateway, mail_server
from tests.messages.sending import FROM


@pytest.fixture
def gateways(settings: Settings) -> Iterator[tuple[Mailbox, HttpInbox]]:
    with mail_server() as mailbox, http_gateway() as inbox:
        outgoing.use(settings.replace(smtp_url=mailbox.url, mail_from=FROM, sms_url=f"{inbox.url}/send"))
        yield mailbox, inbox
        outgoing.use(settings)
