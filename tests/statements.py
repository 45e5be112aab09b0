"""The statements that a test makes the program send."""

import threading
from typing import Any

import pytest

from fanfare.kernel.data.db import Db


def noted_statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which each statement of the test's own thread is added from now on; the server has another."""
    result: list[str] = []
    thread = threading.get_ident()
    for name in ("rows", "row", "value", "execute"):
        method = getattr(Db, name)

        async def noted(self: Db, sql: Any, *values: Any, method: Any = method, **named: Any) -> Any:
            if threading.get_ident() == thread:
                result.append(str(sql))
            return await method(self, sql, *values, **named)

        monkeypatch.setattr(Db, name, noted)
    return result
