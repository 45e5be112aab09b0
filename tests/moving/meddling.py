"""A source before the module's server whose answers a test changes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError

import msgspec

from fanfare.moving.schemas import MoveReport
from tests.api import Api
from tests.calls import made_values
from tests.moving.moves import Target, relay
from tests.servers import Reply, Request, http_server

Row = dict[str, Any]
# Gets the path and the rows of an answer, and returns other rows.
Change = Callable[[str, list[Row]], list[Row]]
NETWORKS, GROUPS = ("shop", "festival"), ("Tideline",)


class Meddler:
    """The address of the source, and what a test does to its answers."""

    def __init__(self) -> None:
        self.url = ""
        self.change: Change = lambda _, rows: rows
        # Gets the path and the `meta` of an answer, and changes it.
        self.change_meta: Callable[[str, Row], object] = lambda *_: None
        # Paths that are refused, and how.
        self.refused: dict[str, int] = {}
        # Both accounts have links on the domain of this server, where keys are taken once.
        self.key_suffix = "-moved"

    def respond(self, base_url: str, request: Request) -> Reply:
        if (status := self.refused.get(request.path)) is not None:
            return Reply(b"{}", status)
        try:
            body = relay(base_url, request)
        except HTTPError as error:
            return Reply(error.read(), error.code)
        if isinstance(body, list):
            if request.path == "/api/v1/trackers":
                body = [{**row, "tracker_key": f"{row['tracker_key']}{self.key_suffix}"} for row in body]
            body = self.change(request.path, body)
        elif isinstance(body.get("data"), list):
            body["data"] = self.change(request.path, body["data"])
            self.change_meta(request.path, body["meta"])
        return Reply(msgspec.json.encode(body))


@contextmanager
def meddling(base_url: str) -> Iterator[Meddler]:
    """Serve a source whose answers can be changed."""
    meddler = Meddler()
    with http_server(lambda request: meddler.respond(base_url, request)) as meddler.url:
        yield meddler


async def fill(there: Api) -> None:
    """Make at least one row of each table in an account, with its own key of a link."""
    values = await made_values(there, f"m{there.account_id}")
    await there.ok(
        await there.post(f"/api/v1/manage/campaigns/{values['page_tab_id']}/close", winner_fan_id=values["fan_id"])
    )


async def move_all(target: Target, **options: Any) -> MoveReport:
    """Move with all networks and groups of `fill`."""
    return await target.move(networks=NETWORKS, scan_groups=GROUPS, **options)


def figures(report: MoveReport) -> dict[str, tuple[int, int, int]]:
    """Return of each table how many rows were read, are here, and are different."""
    return {each.table: (each.rows_read, each.here, each.different) for each in report.tables}
