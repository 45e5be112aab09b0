"""Whether and in whose name mail leaves this installation, which servers ask: they queue messages and send none."""

import re

import idna

from fanfare.kernel.running.settings import Settings


class MailServer:
    """The mail server and the SMS gateway of the settings; each process sets them as it starts."""

    def __init__(self) -> None:
        """Begin without one."""
        self.use(Settings())

    def use(self, settings: Settings) -> None:
        """Take FANFARE_SMTP_URL, FANFARE_MAIL_FROM, FANFARE_SMS_URL, FANFARE_SMS_SENDERS, and what signs mail."""
        self.is_set = bool(settings.smtp_url)
        self.has_sms = bool(settings.sms_url)
        self.sms_senders = settings.sms_senders
        self.address = sender_of(settings.mail_from)[1]
        self.selector = settings.dkim_selector if settings.dkim_key else ""

    @property
    def domain(self) -> str:
        """The domain of the operator's own sender as the DNS has it; empty without one."""
        return ascii_domain(self.address).rpartition("@")[2]


def sender_of(text: str) -> tuple[str, str]:
    """Return name and address of FANFARE_MAIL_FROM; the name may have commas, in quotes or without."""
    name, mark, address = text.strip().rpartition("<")
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name, address.removesuffix(">").strip() if mark else text.strip()


def ascii_domain(address: str) -> str:
    """Return an address with its domain as the DNS has it (IDNA 2008); ValueError for one that it cannot have."""
    local, mark, domain = address.rpartition("@")
    return f"{local}{mark}{domain if domain.isascii() else idna.encode(domain, uts46=True).decode()}"


mail_server = MailServer()
