"""Finds the tracker of a link by host and key, before the account is known.

A process remembers what it found, to find it without a statement. That is checked by the statement that stores the
click, which accepts only the current version of a tracker: a link that was changed or ended elsewhere is found anew.
"""

from collections import OrderedDict
from datetime import datetime

import msgspec

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.trackers.schemas.urls import MAX_HOST, MAX_KEY

MAX_LINKS = 10_000
# The host of trackers on the operator's domain.
SHARED_HOST = ""
COLUMNS = """
    t.account_id, t.tracker_id, t.version, t.target_url, t.utm_params, t.is_click_id_passed, t.expires_at,
    t.password_hash is not null as is_protected
"""
ON_SHARED_HOST = f"select {COLUMNS} from trackers t where t.host = '' and t.tracker_key = $1"  # noqa: S608 - fixed parts
ON_DOMAIN = f"""
    select {COLUMNS}
    from tracker_domains d
    join trackers t on t.account_id = d.account_id and t.host = d.host and t.tracker_key = $1
    where d.host = $2 and d.confirmed_at is not null
"""  # noqa: S608 - fixed parts


LINK_BUSINESS = """
    select c.business_id from trackers t
    join campaigns c on c.account_id = $1 and c.page_tab_id = t.page_tab_id
    where t.account_id = $1 and t.tracker_id = $2
"""
DOMAIN_ACCOUNT = """
    select a.account_id as id, a.account_name as name, a.time_zone, a.country_code, a.currency
    from tracker_domains d join accounts a on a.account_id = d.account_id
    where d.host = $1 and d.confirmed_at is not null
"""


class Link(msgspec.Struct, frozen=True):
    """What a redirect needs to know of a tracker."""

    account_id: int
    tracker_id: int
    version: int
    target_url: str
    utm_params: tuple[tuple[str, str], ...]
    is_click_id_passed: bool
    expires_at: datetime | None
    is_protected: bool

    def has_ended(self, now: datetime) -> bool:
        """Return whether it redirects no longer."""
        return self.expires_at is not None and self.expires_at <= now

    def is_open(self, now: datetime) -> bool:
        """Return whether it redirects whoever comes."""
        return not self.is_protected and not self.has_ended(now)


async def find_link(db: Db, host: str, tracker_key: str) -> Link | None:
    """Return the tracker of a link; None if there is none."""
    if len(host) > MAX_HOST or len(tracker_key) > MAX_KEY or not tracker_key.isascii() or not tracker_key.isalnum():
        return None
    row = await (db.row(ON_SHARED_HOST, tracker_key) if host == SHARED_HOST else db.row(ON_DOMAIN, tracker_key, host))
    return Link(**{**row, "utm_params": tuple(row["utm_params"].items())}) if row else None


async def link_business(db: Db, account_id: int, tracker_id: int) -> int | None:
    """Return the business of the campaign of a tracker; None if it has none."""
    business_id: int | None = await db.value(LINK_BUSINESS, account_id, tracker_id)
    return business_id


async def domain_of(db: Db, host: str) -> Account | None:
    """Return the account of a confirmed virtual domain; None for any other host."""
    row = await db.row(DOMAIN_ACCOUNT, host) if host != SHARED_HOST else None
    return Account(**row) if row else None


class Links:
    """The links that a process remembers, those used last."""

    def __init__(self) -> None:
        self._links: OrderedDict[tuple[str, str], Link] = OrderedDict()

    async def find(self, db: Db, host: str, tracker_key: str, now: datetime) -> Link | None:
        """Return the tracker of a link, as remembered or from the database.

        One that redirects nobody is looked up each time, for no statement would tell that it does now.
        """
        place = host, tracker_key
        if (link := self._links.get(place)) and link.is_open(now):
            self._links.move_to_end(place)
            return link
        if link := await find_link(db, host, tracker_key):
            self._links[place] = link
            if len(self._links) > MAX_LINKS:
                self._links.popitem(last=False)
        return link

    def forget(self, host: str, tracker_key: str) -> None:
        """Forget a link, which is not current."""
        self._links.pop((host, tracker_key), None)
