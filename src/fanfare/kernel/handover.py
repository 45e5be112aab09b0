"""What a lower domain needs of higher ones and may not import: app.py hands it over when it is loaded."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Handover(Generic[T]):
    """A value that app.py sets once. Reading it before that raises, so nothing is left undone in silence."""

    def __init__(self, purpose: str) -> None:
        """Take the words that name the value in errors."""
        self._purpose = purpose
        self._values: list[T] = []

    def set(self, value: T) -> None:
        """Keep the value; `RuntimeError` when there is one."""
        if self._values:
            message = f"{self._purpose} were handed over twice"
            raise RuntimeError(message)
        self._values.append(value)

    def get(self) -> T:
        """Return the value; `RuntimeError` when there is none."""
        if not self._values:
            message = f"{self._purpose} were not handed over: import fanfare.app first"
            raise RuntimeError(message)
        return self._values[0]
