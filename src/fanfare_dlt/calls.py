"""Calls to the server. Those that it refuses for now are repeated by the session of dlt."""

from collections.abc import Iterator
from typing import Any

from dlt.sources.helpers import requests

Row = dict[str, Any]
FIRST_DAY, LAST_DAY = "1900-01-01", "2199-12-31"
SECONDS = 120
NOT_FOUND, CONFLICT = 404, 409


class Trimmed(Exception):  # noqa: N818 - a state of the feed
    """The changes after this position are not there any more: everything is copied again."""


class Server:
    """The API of an account, by its secret."""

    def __init__(self, url: str, api_secret: str) -> None:
        """`url` is the address of the server, such as https://fans.example.com."""
        self._url = url.rstrip("/")
        self._session = requests.Client(request_timeout=SECONDS, raise_for_status=False).session
        self._headers = {"Api-Secret": api_secret}

    def _answer(self, path: str, params: Row) -> Any:  # noqa: ANN401 - a response
        query = {name: value for name, value in params.items() if value is not None}
        return self._session.get(f"{self._url}/api/v1/{path}", params=query, headers=self._headers)

    def get(self, path: str, **params: object) -> Any:  # noqa: ANN401 - JSON of a call
        """Return the JSON of a call; an HTTPError if it is refused."""
        answer = self._answer(path, params)
        answer.raise_for_status()
        return answer.json()

    def one(self, path: str) -> Row | None:
        """Return a record, None if there is none."""
        answer = self._answer(path, {})
        if answer.status_code == NOT_FOUND:
            return None
        answer.raise_for_status()
        row: Row = answer.json()
        return row

    def pages(self, path: str, **params: object) -> Iterator[list[Row]]:
        """Yield the pages of a list that has its cursor in the header X-Next-Cursor."""
        cursor = None
        while True:
            answer = self._answer(path, {**params, "cursor": cursor})
            answer.raise_for_status()
            yield answer.json()
            cursor = answer.headers.get("X-Next-Cursor")
            if cursor is None or "Link" not in answer.headers:
                return

    def ascending(self, path: str, key: str, lowest: int, **params: object) -> Iterator[list[Row]]:
        """Yield the pages of a list by ids behind `lowest`."""
        while True:
            answer = self.get(path, **{f"min_{key}": lowest}, **params)
            if not answer["data"]:
                return
            yield answer["data"]
            lowest = answer["meta"][f"max_{key}"]

    def fans(self) -> Iterator[list[Row]]:
        """Yield all fans."""
        key = None
        while True:
            answer = self.get("crm/fans/latest", min_time_key=key)
            if not answer["data"]:
                return
            yield answer["data"]
            key = answer["meta"]["max_fan_time_key"]

    def newest_position(self) -> str:
        """Return the position of the newest change."""
        answer = self._answer("manage/changes", {"after": "latest", "limit": 1})
        answer.raise_for_status()
        return str(answer.headers["X-Next-Cursor"])

    def changes(self, position: str, topics: str) -> Iterator[tuple[list[Row], str]]:
        """Yield pages of changes after a position, each with the position behind it; Trimmed if they are deleted."""
        while True:
            answer = self._answer("manage/changes", {"after": position, "limit": 1000, "topics": topics})
            if answer.status_code == CONFLICT:
                raise Trimmed
            answer.raise_for_status()
            position = str(answer.headers["X-Next-Cursor"])
            yield answer.json(), position
            if "Link" not in answer.headers:
                return
