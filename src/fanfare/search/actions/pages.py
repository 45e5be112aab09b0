"""The first page of a search as both ways of starting one return it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.search.queries.searches import Search
from fanfare.search.schemas.search import FanSearch, SearchMeta


class FanRow(Protocol):
    """A row of a page, whatever its other fields."""

    fan_id: int


R = TypeVar("R", bound=FanRow)
SearchPage = Page[SearchMeta, R]
# Reads the rows of a page: those of the given fans (account, fan ids) who still exist, by fan id.
ReadRows = Callable[[Db, int, Sequence[int], FanSearch], Awaitable[list[R]]]


def first_meta(search: Search, row_count: int, limit: int) -> SearchMeta:
    """Return the meta of the first page of a search, which has `row_count` rows of its set."""
    has_more = not search.is_complete or row_count < search.rows
    following = f"{search.search_uid}.{row_count}" if has_more else None
    count = search.rows if search.is_complete else None
    return SearchMeta(search.search_uid, following, count, limit, has_more=has_more)
