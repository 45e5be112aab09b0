"""`GET /trk/{tracker_key}`: stores a click and redirects. Nobody who clicks has a key."""

from collections import Counter
from datetime import datetime
from urllib.parse import quote

from fanfare.kernel.addresses import nearest_address, subscriber
from fanfare.kernel.data import limits
from fanfare.kernel.pages.cookies import our_cookies, put_cookies
from fanfare.kernel.pages.site import Site
from fanfare.kernel.running.settings import Settings
from fanfare.kernel.web import answers, http
from fanfare.kernel.web.request import Request
from fanfare.kernel.web.response import Response
from fanfare.trackers.actions import redirects
from fanfare.trackers.queries.visitors import visitor_cookie, visitor_cookies
from fanfare.trackers.verdicts.rules import signals

# Clicks of an address in a minute that are counted in the process alone, and how many addresses are.
FREE_CLICKS, MAX_SOURCES = 100, 100_000
HEADERS = {"cache-control": "no-store", "x-robots-tag": "noindex", "x-content-type-options": "nosniff"}


class Redirects:
    """Serves the links of all hosts."""

    def __init__(self, service: http.Service, settings: Settings, site: Site) -> None:
        self.service = service
        self.site = site
        self.redirector = redirects.Redirector(service.db)
        self.is_secure = settings.public_url.startswith("https://")
        self.limits = limits.Limits()
        self._minute, self._counts = 0, Counter[str]()

    async def on_get(self, request: Request, response: Response, tracker_key: str) -> None:
        """Store the click and redirect; a page with 404 for a link that does not exist or has ended."""
        http.assign_request_id(request, response, HEADERS)
        try:
            await self._redirect(request, response, tracker_key)
        except Exception as error:  # noqa: BLE001 - refusal_of logs unexpected exceptions
            # Not in a variable of this frame, which the error's traceback refers to.
            await self.site.refuse(request, response, answers.refusal_of(error))

    on_head = on_get

    async def _count(self, source: str, now: datetime) -> None:
        """Refuse (429) an address that clicks too often."""
        # Most addresses click once: only those that click often are counted in the database.
        if self._clicks_of(source, int(now.timestamp()) // limits.MINUTE) <= FREE_CLICKS:
            return
        counter = limits.visit_counter(source, limits.Visits.CLICKS)
        if (await self.limits.take(self.service.db, counter, now)).is_used_up:
            raise counter.refusal(now)

    def _clicks_of(self, source: str, minute: int) -> int:
        """Return how often an address has clicked in this minute, as far as this process knows."""
        if minute != self._minute or len(self._counts) >= MAX_SOURCES:
            self._minute, self._counts = minute, Counter()
        self._counts[source] += 1
        return self._counts[source]

    async def _redirect(self, request: Request, response: Response, tracker_key: str) -> None:
        service, now, headers = self.service, self.service.clock(), request.headers
        peer = request.scope.get("client")
        address = nearest_address(peer[0] if peer else None, headers, service.admission.proxies)
        await self._count(subscriber(address), now)
        cookies = our_cookies(request.cookies, is_secure=self.is_secure) if "cookie" in headers else {}
        followed = await self.redirector.follow(
            redirects.Request(
                host=headers.get("host"),
                tracker_key=tracker_key,
                query=request.scope["query_string"],
                signals=signals(request.method, headers, address),
                cookies=cookies,
                visitor=visitor_cookie(request.cookies, is_secure=self.is_secure) if "cookie" in headers else None,
                now=now,
            )
        )
        response.status = 302
        if followed.location is None or followed.visitor is None:
            query = request.scope["query_string"].decode("ascii", "replace")
            path = f"/trk/{quote(tracker_key)}/password"
            response.set_header("Location", f"{path}?{query}" if query else path)
            return
        response.headers["location"] = followed.location
        if request.method != "HEAD":
            put_cookies(response, visitor_cookies(followed.visitor), is_secure=self.is_secure)
