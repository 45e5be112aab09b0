"""The statements that a test makes the program send."""

from typing import Any

import pytest

from fanfare.kernel.data.db import Db


def noted_statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which each statement of this process is added from now on."""
    result: list[str] = []
    for name in ("rows", "row", "value", "execute"):
        method = getattr(Db, name)

        async def noted(self: Db, sql: Any, *values: Any, method: Any = method, **named: Any) -> Any:
            result.append(str(sql))
            return await method(self, sql, *values, **named)

        monkeypatch.setattr(Db, name, noted)
    return result
