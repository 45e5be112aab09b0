"""Follows a link: finds its tracker, judges and stores the click, and says where the visitor goes."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import TargetTooLong, Unavailable, Unknown
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.kernel.running.threads import run_in_thread
from fanfare.trackers.actions.clicks import Click, ClickWriter, StoredClick
from fanfare.trackers.followers import BROWSER_FAN
from fanfare.trackers.queries.click_ids import click_token
from fanfare.trackers.queries.clicks import fan_link
from fanfare.trackers.queries.hosts import is_any_host_shared, link_host
from fanfare.trackers.queries.links import SHARED_HOST, Link, Links, domain_of
from fanfare.trackers.queries.visitors import new_cookie, visitor_of
from fanfare.trackers.schemas.clicks import FanLinkQuery
from fanfare.trackers.schemas.link_queries import CLICK, FAN, read_query
from fanfare.trackers.schemas.urls import with_query
from fanfare.trackers.verdicts import agents
from fanfare.trackers.verdicts.networks import data_centres
from fanfare.trackers.verdicts.rules import HUMAN, Signals, judge, rules_version

FAN_PURPOSE = "tracker fan"
# A longer query is refused: servers accept about 8 KiB in all.
MAX_QUERY = 4096
ATTEMPTS = 3


class NoLink(Unknown):
    """No link has this address, or it has ended"""

    def __init__(self) -> None:
        super().__init__("Look whether the address is complete, or ask whoever gave it to you for another")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request for a link. `cookies` are our pages' cookies, `visitor` the cookie of links."""

    host: str | None
    tracker_key: str
    query: bytes
    signals: Signals
    cookies: Mapping[str, str]
    visitor: str | None
    now: datetime


class Followed(msgspec.Struct, frozen=True):
    """Where a visitor goes, and the visitor's cookie; for a protected link, `location` is None."""

    location: str | None
    visitor: str | None = None


class Redirector:
    """The links and clicks of a process."""

    def __init__(self, db: Db) -> None:
        self.db = db
        self.links = Links()
        self.writer = ClickWriter()

    async def find(self, header: str | None, tracker_key: str, now: datetime) -> tuple[str, Link]:
        """Return the host by which a link is remembered, and its tracker; NoLink (404) for any other and ended ones."""
        host = link_host(header)
        link = await self.links.find(self.db, host, tracker_key, now)
        if link is None and host != SHARED_HOST and is_any_host_shared() and await domain_of(self.db, host) is None:
            host = SHARED_HOST
            link = await self.links.find(self.db, host, tracker_key, now)
        if link is None or link.has_ended(now):
            raise NoLink
        return host, link

    async def follow(self, request: Request, *, has_password: bool = False) -> Followed:
        """Store the click and return where it leads; without `has_password` a protected link leads nowhere yet."""
        if len(request.query) > MAX_QUERY:
            message = f"the query of a link may have {MAX_QUERY} bytes"
            raise TargetTooLong(message)
        visitor = request.visitor
        cookie = visitor or new_cookie()
        if not agents.is_loaded():
            await run_in_thread(agents.load)
        if data_centres.is_due():
            self.db.leave(data_centres.refresh())
        for _ in range(ATTEMPTS):
            host, link = await self.find(request.host, request.tracker_key, request.now)
            if link.is_protected and not has_password:
                return Followed(None)
            click = await self._click(request, link, cookie, is_returning=visitor is not None)
            if stored_click := await self.writer.store(self.db, link.account_id, click):
                return Followed(_location(link, read_query(request.query).passed, stored_click), cookie)
            # It was changed elsewhere since this process found it.
            self.links.forget(host, request.tracker_key)
        raise Unavailable

    async def _click(self, request: Request, link: Link, cookie: str, *, is_returning: bool) -> Click:
        verdict, query = judge(request.signals), read_query(request.query)
        # A program may follow a fan's link too: what it stores is about that fan, though it does not count.
        if verdict.verdict == HUMAN:
            fan_id = await self._fan(request, link.account_id, query.fan_token)
        else:
            fan_id = _named_fan(query.fan_token, link.account_id) if query.fan_token else None
        return Click(
            tracker_id=link.tracker_id,
            version=link.version,
            clicked_at=request.now,
            visitor_uid=visitor_of(link.account_id, cookie),
            is_returning=is_returning,
            fan_id=fan_id,
            verdict=verdict.verdict,
            reason=verdict.reason,
            rules_version=rules_version(),
            method=request.signals.method,
            purpose=request.signals.purpose,
            ip_address=request.signals.ip_address,
            user_agent=request.signals.user_agent,
            url_param_props=query.props,
        )

    async def _fan(self, request: Request, account_id: int, fan_token: str | None) -> int | None:
        """Return the fan whom the link names, or else who is logged in in this browser."""
        if fan_token and (fan_id := _named_fan(fan_token, account_id)):
            return fan_id
        if not request.cookies:
            return None
        return await BROWSER_FAN.get()(self.db.for_account(account_id), request.cookies, account_id, request.now)


def fan_token(account_id: int, fan_id: int) -> str:
    """Return the parameter by which a link names a fan."""
    return secret_keys.seal(FAN_PURPOSE, f"{account_id}.{fan_id}".encode())


async def fan_url(db: Db, account_id: int, query: FanLinkQuery) -> str:
    """Return the link of a tracker that names a fan; Unknown (404) tracker or fan."""
    url = await fan_link(db, account_id, query.tracker_id, query.fan_id)
    return f"{url}?{FAN}={fan_token(account_id, query.fan_id)}"


def _named_fan(token: str, account_id: int) -> int | None:
    """Return the fan whom a link names by a token of the account; None for any other."""
    try:
        owner, _, fan_id = secret_keys.unseal(FAN_PURPOSE, token).decode().partition(".")
    except NotSealed:
        return None
    return int(fan_id) if owner == str(account_id) else None


def _location(link: Link, passed: str, click: StoredClick) -> str:
    if not link.is_click_id_passed:
        return "".join(with_query(link.target_url, passed, link.utm_params))
    start, end = with_query(link.target_url, passed, link.utm_params, CLICK)
    return f"{start}{click_token(link.account_id, click.click_id)}{end}"
