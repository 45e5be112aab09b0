"""The gateways of this process, as the settings name them."""

from fanfare.kernel.running.settings import BadSettings, Settings
from fanfare.messages.gateways import Gateway
from fanfare.messages.gateways.mail import domain_of, signer


class Outgoing:
    """The gateway of each channel; there may be none."""

    def __init__(self) -> None:
        """Begin without any."""
        self._gateways: dict[str, Gateway] = {}
        self.days = Settings().messages_days

    def use(self, settings: Settings) -> None:
        """Send by the gateways of the settings from now on; raises BadSettings."""
        from fanfare.messages.gateways.sms import sms_gateway  # noqa: PLC0415 - servers send nothing
        from fanfare.messages.gateways.smtp import SmtpGateway  # noqa: PLC0415 - the same

        self._gateways = {}
        self.days = settings.messages_days
        if settings.smtp_url:
            if not settings.mail_from:
                message = "FANFARE_SMTP_URL needs FANFARE_MAIL_FROM, the sender of mail"
                raise BadSettings(message)
            signing = signer(settings.dkim_key, settings.dkim_selector, domain_of(settings.mail_from))
            self._gateways["email"] = SmtpGateway(settings.smtp_url, settings.mail_from, signing)
        if settings.sms_url:
            self._gateways["sms"] = sms_gateway(settings.sms_url)

    def gateway(self, channel: str) -> Gateway | None:
        """Return what carries messages of a channel, or None."""
        return self._gateways.get(channel)


# Those of this process; `use` is called as a worker starts.
outgoing = Outgoing()
