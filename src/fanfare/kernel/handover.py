"""Values that a lower domain needs from higher ones, which it must not import: app.py sets them when it is imported."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Handover(Generic[T]):
    """A value that app.py sets once. Reading it earlier raises, so that nothing is skipped unnoticed."""

    def __init__(self, purpose: str) -> None:
        """`purpose` names the value in error messages."""
        self._purpose = purpose
        self._values: list[T] = []

    def set(self, value: T) -> None:
        """Set the value; raises `RuntimeError` if it is already set."""
        if self._values:
            message = f"{self._purpose} were handed over twice"
            raise RuntimeError(message)
        self._values.append(value)

    def get(self) -> T:
        """Return the value; raises `RuntimeError` if it is not set."""
        if not self._values:
            message = f"{self._purpose} were not handed over: import fanfare.app first"
            raise RuntimeError(message)
        return self._values[0]
