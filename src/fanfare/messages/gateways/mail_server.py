"""Whether mail leaves this installation, which servers ask: they queue messages and send none."""

from fanfare.kernel.running.settings import Settings


class MailServer:
    """The mail server of the settings; each process sets it as it starts."""

    def __init__(self) -> None:
        """Begin without one."""
        self.is_set = False

    def use(self, settings: Settings) -> None:
        """Take FANFARE_SMTP_URL."""
        self.is_set = bool(settings.smtp_url)


mail_server = MailServer()
