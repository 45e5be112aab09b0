"""The source: tables of an account, and what of them changed since the last run."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import dlt

from fanfare_dlt.calls import FIRST_DAY, LAST_DAY, Row, Server, Trimmed

# What changes without a fan who is named, and must be read again for all.
ALL_FANS = "field.deleted"
# After these, rows of a fan have another fan or less data.
REGROUPED = ("fan.merged", "fan.unmerged", "fan.deleted")
# What each table follows.
TOPICS = {
    "fans": ("fan.*", "consent.*", "tag.added", "tag.removed", ALL_FANS),
    "activities": (*REGROUPED, "activity.deleted"),
    "tickets": (*REGROUPED, "ticket.created", "ticket.updated", "ticket.deleted"),
    "points": (*REGROUPED, "points.awarded", "points.deleted"),
}
JSON = {"data_type": "json"}
DELETED = "is_erased"

# Columns of each table that is kept by changes: what other tables have, or what is computed, is not repeated.
FAN = (
    "fan_id", "first_name", "last_name", "email", "phone", "add_phone", "display_name", "birth_date", "gender",
    "country_code", "province", "city", "postal_code", "metro_area", "latitude", "longitude", "ip_address", "image_url",
    "is_subscribed", "is_phone_subscribed", "is_optout", "is_confirmed", "is_phone_confirmed", "fan_source", "tags",
    "field_values", "opted_in_business_ids", "creation_timestamp",
)  # fmt: skip
ACTIVITY = ("activity_id", "fan_id", "page_tab_id", "ip_address", "user_key", "details", "creation_timestamp")
TICKET = (
    "ticket_id", "fan_id", "event_uid", "ticket_key", "network", "purchase_timestamp", "paid_amount", "currency",
    "num_seats", "price_code", "customer_key", "order_key", "is_deleted",
)  # fmt: skip
POINT = (
    "fan_point_uid", "fan_id", "point_uid", "point_count", "point_type", "point_source", "page_tab_id", "activity_id",
    "performance_uid", "reward_uid", "props", "creation_timestamp",
)  # fmt: skip
# Small tables, read as a whole by each run.
LISTS = {
    "businesses": ("businesses", "business_id"),
    "campaigns": ("crm/campaigns", "page_tab_id"),
    "point_categories": ("manage/points", "point_uid"),
    "custom_fields": ("crm/fields", "crm_field_key"),
}


class Changes:
    """What happened to a table since its last run: each has a position of its own, since a run may load only some."""

    def __init__(self, server: Server, table: str) -> None:
        """Read nothing yet."""
        self.server = server
        self.is_first = True
        self._topics = ",".join(TOPICS[table])
        # Fans to read again, and those whose rows have another fan or less data now.
        self.fans: set[int] = set()
        self.regrouped: set[int] = set()
        self.tickets: set[int] = set()
        self.awarded: set[int] = set()
        # Keys of rows that the undo of an import deleted.
        self.deleted: set[str] = set()

    def read(self) -> "Changes":
        """Read the feed from the position in the state of the table, and move the position on."""
        state = dlt.current.resource_state()
        position = state.get("position")
        if position is not None:
            try:
                state["position"] = self._follow(position)
                self.is_first = False
            except Trimmed:
                position = None
        if position is None:
            # Before the rows are read, so that nothing falls between.
            state["position"] = self.server.newest_position()
            self.is_first = True
        return self

    def _follow(self, position: str) -> str:
        for rows, following in self.server.changes(position, self._topics):
            for row in rows:
                self._add(row)
            position = following
        return position

    def _add(self, row: Row) -> None:
        topic, data = row["topic"], row["data"]
        if topic == ALL_FANS:
            self.fans |= {fan["fan_id"] for page in self.server.fans() for fan in page}
            return
        fan_ids = {row["fan_id"], row["merged_into"], data.get("into_fan_id"), data.get("from_fan_id")} - {None}
        if topic.startswith("ticket."):
            self.tickets.add(int(row["subject_id"]))
        elif topic == "points.awarded":
            self.awarded |= fan_ids
        elif topic in ("activity.deleted", "points.deleted"):
            self.deleted.add(str(row["subject_id"]))
        else:
            self.fans |= fan_ids
        if topic in REGROUPED:
            self.regrouped |= fan_ids


@dlt.source(name="fanfare", max_table_nesting=0)  # type: ignore[untyped-decorator] # dlt is an extra
def fanfare(url: str = dlt.config.value, api_secret: str = dlt.secrets.value) -> Any:  # noqa: ANN401 - resources of dlt
    """Return the tables of an account: fans, activities, tickets, awards of points, and the small ones around them.

    `url` is the address of the server. Without arguments both come from the configuration and the secrets of dlt.
    """
    server = Server(url, api_secret)
    yield _table(
        "fans", "fan_id", _fans(server), dict.fromkeys(("tags", "field_values", "opted_in_business_ids"), JSON)
    )
    yield _table("activities", "activity_id", _activities(server), {"details": JSON})
    yield _table("tickets", "ticket_id", _tickets(server), {})
    yield _table("points", "fan_point_uid", _points(server), {"props": JSON})
    yield dlt.resource(
        lambda: (page["data"] for page in [server.get("crm/tickets/events")]),
        name="ticket_events", primary_key="event_uid", write_disposition="replace",
    )  # fmt: skip
    for name, (path, key) in LISTS.items():
        yield dlt.resource(_list(server, path), name=name, primary_key=key, write_disposition="replace")


def _list(server: Server, path: str) -> Callable[[], Iterator[list[Row]]]:
    def read() -> Iterator[list[Row]]:
        yield server.get(path)

    return read


def _table(name: str, key: str, read: Callable[[], Iterator[list[Row]]], columns: dict[str, Any]) -> Any:  # noqa: ANN401
    """Return a resource whose rows replace those with the same key, and are deleted where they are marked so."""
    hints = {**columns, DELETED: {"data_type": "bool", "hard_delete": True}}
    return dlt.resource(read, name=name, primary_key=key, write_disposition="merge", columns=hints)


def _rows(rows: list[Row], columns: tuple[str, ...]) -> list[Row]:
    return [{**{name: row.get(name) for name in columns}, DELETED: None} for row in rows]


def _first(rows: Iterator[list[Row]], columns: tuple[str, ...]) -> Iterator[Any]:
    """Yield all rows in place of those that the destination has."""
    is_first_page = True
    for page in rows:
        plain = _rows(page, columns)
        if is_first_page:
            yield dlt.mark.with_hints(plain, dlt.mark.make_hints(write_disposition="replace"))
            is_first_page = False
        else:
            yield plain


def _fans(server: Server) -> Callable[[], Iterator[Any]]:
    def read() -> Iterator[Any]:
        changes = Changes(server, "fans").read()
        if changes.is_first:
            yield from _first(server.fans(), FAN)
            return
        for fan_id in sorted(changes.fans):
            row = server.one(f"crm/fans/{fan_id}")
            # The id of a merged fan leads to the fan who stays.
            if row is None or row["fan_id"] != fan_id:
                yield [{"fan_id": fan_id, DELETED: True}]
            if row is not None:
                yield _rows([row], FAN)

    return read


def _activities(server: Server) -> Callable[[], Iterator[Any]]:
    def read() -> Iterator[Any]:
        changes, state = Changes(server, "activities").read(), dlt.current.resource_state()
        lowest = 0 if changes.is_first else state.get("activity_id", 0)
        pages = _noted(server.ascending("crm/activities", "activity_id", lowest), state, "activity_id")
        yield from _first(pages, ACTIVITY) if changes.is_first else (_rows(page, ACTIVITY) for page in pages)
        for activity_id in _stored("activities", "activity_id", changes):
            answer = server.get("crm/activities", min_activity_id=activity_id - 1, limit=1)
            yield _rows([row for row in answer["data"] if row["activity_id"] == activity_id], ACTIVITY)
        yield from _deleted("activity_id", map(int, changes.deleted))

    return read


def _tickets(server: Server) -> Callable[[], Iterator[Any]]:
    def read() -> Iterator[Any]:
        changes = Changes(server, "tickets").read()
        if changes.is_first:
            yield from _first(server.ascending("crm/tickets", "ticket_id", 0, include_deleted="true"), TICKET)
            return
        for ticket_id in sorted(changes.tickets | set(_stored("tickets", "ticket_id", changes))):
            row = server.one(f"crm/tickets/{ticket_id}")
            yield _rows([row], TICKET) if row else [{"ticket_id": ticket_id, DELETED: True}]

    return read


def _points(server: Server) -> Callable[[], Iterator[Any]]:
    def read() -> Iterator[Any]:
        changes = Changes(server, "points").read()
        window = {"start_date": FIRST_DAY, "end_date": LAST_DAY, "limit": 10_000}
        if changes.is_first:
            yield from _first(server.pages("crm/fan_points", **window), POINT)
            return
        for fan_id in sorted(changes.awarded | changes.regrouped):
            for page in server.pages("crm/fan_points", fan_id=fan_id, **window):
                yield _rows(page, POINT)
        yield from _deleted("fan_point_uid", changes.deleted)

    return read


def _deleted(key: str, values: Iterable[Any]) -> Iterator[list[Row]]:
    """Yield rows to delete, if there are any."""
    if rows := [{key: value, DELETED: True} for value in sorted(values)]:
        yield rows


def _noted(pages: Iterator[list[Row]], state: Row, key: str) -> Iterator[list[Row]]:
    """Yield pages, and note the highest id in the state of the resource."""
    for page in pages:
        state[key] = max(state.get(key, 0), *(row[key] for row in page))
        yield page


def _stored(table: str, key: str, changes: Changes) -> list[int]:
    """Return the ids of rows in the destination whose fan was merged, separated or erased: they are read again."""
    if changes.is_first or not changes.regrouped:
        return []
    pipeline = dlt.current.pipeline()
    ids = ", ".join(str(int(each)) for each in sorted(changes.regrouped))
    with pipeline.sql_client() as client:
        name = client.make_qualified_table_name(table)
        rows = client.execute_sql(f"select {key} from {name} where fan_id in ({ids})")  # noqa: S608 - numbers
        return [row[0] for row in rows or ()]
