"""A function that counts how often it is called."""

from collections.abc import Callable
from typing import Any


class Counted:
    """Such a function, to be put in the place of another."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.count = 0

    def __call__(self, *values: Any, **named: Any) -> Any:
        self.count += 1
        return self.function(*values, **named)
