"""The address at which browsers and mail programs reach this installation, for links that lead back to it."""

from fanfare.kernel.running.settings import Settings


class PublicAddress:
    """The address of the settings; each process sets it as it starts."""

    def __init__(self) -> None:
        self.base = ""
        # whether the operator has named it
        self.is_named = False

    def use(self, settings: Settings) -> None:
        """Take FANFARE_PUBLIC_URL, else the address at which the server listens."""
        self.is_named = bool(settings.public_url)
        self.base = settings.public_url or f"http://{settings.host}:{settings.port}"


public_address = PublicAddress()
