"""The address at which links lead back to this installation."""

from fanfare.kernel.running.settings import Settings


class Addresses:
    """The address of this installation, at which links lead back to it."""

    def __init__(self) -> None:
        self.base = ""

    def use(self, settings: Settings) -> None:
        """Take the address of the settings: what others reach the server at, else where it listens."""
        self.base = settings.public_url or f"http://{settings.host}:{settings.port}"


addresses = Addresses()
