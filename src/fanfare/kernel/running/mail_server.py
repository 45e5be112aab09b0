"""Whether and in whose name mail leaves this installation, which servers ask: they queue messages and send none."""

from email.utils import parseaddr

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
        self.address = parseaddr(settings.mail_from)[1]
        self.selector = settings.dkim_selector if settings.dkim_key else ""

    @property
    def domain(self) -> str:
        """The domain of the operator's own sender; empty without one."""
        return self.address.rpartition("@")[2]


mail_server = MailServer()
