"""Serves pages: counts the request by address, reads the form, calls the page and renders the result.

A refusal becomes a page as well. A form with invalid fields is shown again, with a message at each of them; one whose
path has no page is answered by the page above it, which says what was wrong.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import IO, Any
from urllib.parse import quote, urlsplit

import structlog

from fanfare.kernel.addresses import Network, nearest_address, subscriber
from fanfare.kernel.clock import Clock
from fanfare.kernel.data import limits
from fanfare.kernel.data.db import OUTAGES, Db
from fanfare.kernel.errors import BadParameters, Conflict, Refusal, TooManyCalls, Unavailable, Unknown
from fanfare.kernel.pages import cookies, form_copies, forms, languages, policy
from fanfare.kernel.pages.assets import AssetResource
from fanfare.kernel.pages.file_forms import file_form
from fanfare.kernel.pages.filling import Submission
from fanfare.kernel.pages.page import Answer, Data, Detour, Download, Page, Redirect, View, Visit
from fanfare.kernel.pages.templates import render
from fanfare.kernel.parameters import Raw, from_query, read
from fanfare.kernel.running.long_inputs import run_by_size
from fanfare.kernel.running.settings import Settings
from fanfare.kernel.web import answers
from fanfare.kernel.web.application import Application, Responders
from fanfare.kernel.web.body import parse_body, read_body
from fanfare.kernel.web.request import Request
from fanfare.kernel.web.response import Response

log = structlog.get_logger()
# Maximum bytes of a form.
MAX_FORM = 64 * 1024
NONCE_BYTES = 16
# How much of a download is read at once.
CHUNK_BYTES = 256 * 1024
OK = 200
# Answers a refusal in the frame of the pages around it; None where the visitor is not let into that frame.
Frame = Callable[[Db, Visit, Refusal, datetime], Awaitable[Answer | None]]
NO_PAGE = "No page has this address: look whether it is complete"
ERROR = "kernel/pages/templates/error.html"


class Site:
    """The state that all page requests of a server process share."""

    def __init__(
        self,
        db: Db,
        clock: Clock,
        settings: Settings,
        proxies: Iterable[Network],
        visits: Mapping[str, limits.Visits],
        frames: Mapping[str, Frame],
    ) -> None:
        """`visits` are the beginnings of paths whose pages are counted by themselves, `frames` of those framed."""
        self.visits = visits
        self.frames = frames
        self.db = db
        self.clock = clock
        self.proxies = tuple(proxies)
        self.limits = limits.Limits()
        self.public_host = urlsplit(settings.public_url).netloc
        self.is_secure = settings.public_url.startswith("https://")
        # by the path of a form that has no page: the pages above it, the nearest first
        self.pages_above: dict[str, list[Page]] = {}

    def add_routes(self, app: Application, pages: Iterable[Page]) -> None:
        """Serve the pages and the assets."""
        app.add_route("/assets/{checksum}/{name}", AssetResource())
        by_path: dict[str, dict[str, Page]] = {}
        for page in pages:
            by_path.setdefault(page.path, {})[page.method] = page
        for path, methods in by_path.items():
            if "GET" not in methods:
                above = [by_path[each]["GET"] for each in _paths_above(path) if "GET" in by_path.get(each, {})]
                self.pages_above[path] = above
            app.add_responders(path, _responders(self, methods))
        for path in self.frames:
            app.add_fallback(path, self._refuse_path)
        app.add_fallback("", self._refuse_path, is_for_browsers=True)

    async def respond(
        self, request: Request, response: Response, methods: dict[str, Page], path: dict[str, str]
    ) -> None:
        """Answer a request; every exception becomes a page."""
        is_framed = all(page.is_framed for page in methods.values())
        visit = self._visit(request, is_framed=is_framed)
        try:
            result = await self._act(request, visit, methods, path)
            html = render(result, visit) if isinstance(result, View) else ""
        except Detour as detour:
            result, html = detour.redirect, ""
        except Exception as error:  # noqa: BLE001 - refusal_of logs unexpected exceptions
            result = await self._error(response, visit, answers.refusal_of(error))
            html = render(result, visit)
        policy.put_headers(response, visit.nonce, visit.form_target, is_secure=self.is_secure, is_framed=is_framed)
        cookies.put_cookies(response, visit.new_cookies, is_secure=self.is_secure)
        if isinstance(result, View):
            if is_framed and result.status == OK:
                response.set_header("Cache-Control", policy.FRAMED_CACHING)
            await _put_html(request, response, result, html)
        elif isinstance(result, Data):
            response.content_type = "application/json"
            response.data = answers.encode(result.value)
        else:
            _put_other(response, result)

    async def refuse(self, request: Request, response: Response, refusal: Refusal) -> None:
        """Answer with the page of a refusal, for what visitors ask of and is no page."""
        visit = self._visit(request)
        view = await self._error(response, visit, refusal)
        policy.put_headers(response, visit.nonce, is_secure=self.is_secure, is_framed=False)
        cookies.put_cookies(response, visit.new_cookies, is_secure=self.is_secure)
        await _put_html(request, response, view, render(view, visit))

    async def _refuse_path(self, request: Request, response: Response, refusal: Refusal) -> None:
        """Answer below a frame, or to a browser, where no page is; whoever tries many is told to wait."""
        if isinstance(refusal, Unknown):
            refusal = Unknown(NO_PAGE)
        try:
            await self._count(self._visit(request), self._visits(request.path), self.clock())
        except Refusal as limit:
            refusal = limit
        await self.refuse(request, response, refusal)

    def _visit(self, request: Request, *, is_framed: bool = False) -> Visit:
        headers = request.headers
        peer = request.scope.get("client")
        url, code, query = request.path, "", None
        # A query that cannot be read is refused later, by a page that has no query.
        with suppress(Refusal):
            query = from_query(request.scope["query_string"])
            code = str(query.get(languages.PARAMETER, [""])[0])
            url = request.relative_url
        # Caches keep a framed page for everybody, so no cookie decides what it says, and it sets none.
        ours = {} if is_framed else cookies.our_cookies(request.cookies, is_secure=self.is_secure)
        # Chosen once, it goes along to pages whose address names none.
        chosen = code or ours.get(languages.PARAMETER, "")
        language = languages.select_language(chosen, headers.get("accept-language", ""))
        is_choice = code != "" and not is_framed and languages.CHOICE in (query or {})
        return Visit(
            url=url,
            address=nearest_address(peer[0] if peer else None, headers, self.proxies),
            language=language,
            query=query,
            visitor_id=forms.visitor_of(ours),
            nonce=secrets.token_urlsafe(NONCE_BYTES),
            chosen_language={languages.PARAMETER: language.code} if chosen else {},
            cookies=ours,
            new_cookies={languages.PARAMETER: cookies.Cookie(language.code)} if is_choice else {},
            host=headers.get("host"),
            user_agent=headers.get("user-agent"),
            has_body=request.method != "HEAD",
        )

    async def _act(self, request: Request, visit: Visit, methods: dict[str, Page], path: dict[str, str]) -> Answer:
        now = self.clock()
        page = methods["GET" if request.method == "HEAD" else request.method]
        await self._count(visit, limits.Visits.WALLS if page.is_framed else self._visits(page.path), now)
        query = from_query(request.scope["query_string"]) if visit.query is None else visit.query
        fixed: Raw = {**query, **{name: [value] for name, value in path.items()}}
        if page.method == "GET":
            return await self._call(page, visit, fixed, now)
        form = await self._form(request, visit, page)
        try:
            return await self._call(page, visit, {**form, **fixed}, now)
        except Conflict as conflict:
            if not self._frame(page.path):
                raise
            visit.conflict, visit.submission = conflict, Submission(request.path, form)
            pages = [methods["GET"]] if "GET" in methods else self.pages_above[page.path]
            return await self._above(pages, visit, conflict, path, now)
        except BadParameters as wrong:
            visit.submission = Submission(request.path, form, dict(wrong.errors))
            if "GET" not in methods:
                visit.refused = dict(wrong.errors)
                return await self._above(self.pages_above[page.path], visit, wrong, path, now)
            visit.form = {name: values[0] for name, values in form.items() if values and isinstance(values[0], str)}
            visit.entries = form
            visit.faults = dict(wrong.errors)
            view = await self._call(methods["GET"], visit, fixed, now)
            if isinstance(view, View):
                return View(view.template, view.values, wrong.status, wrong.retry_after)
            return view

    async def _above(
        self, pages: Iterable[Page], visit: Visit, refusal: Refusal, path: dict[str, str], now: datetime
    ) -> Answer:
        """Return the first page that shows itself, with what was wrong with a form; raise that if there is none."""
        url, query = visit.url, visit.query
        for above in pages:
            fixed: Raw = {name: [value] for name, value in path.items() if f"{{{name}}}" in above.path}
            visit.url = above.path.format_map(path)
            visit.query = {}
            with suppress(Refusal, Detour):
                view = await self._call(above, visit, fixed, now)
                if isinstance(view, View):
                    return View(view.template, view.values, refusal.status, refusal.retry_after)
        # The page of the refusal says it once.
        visit.url, visit.query, visit.refused, visit.conflict = url, query, {}, None
        raise refusal

    def _visits(self, page_path: str) -> limits.Visits:
        """Return what visits of a page are counted as."""
        return next((kind for path, kind in self.visits.items() if page_path.startswith(path)), limits.Visits.PAGES)

    def _frame(self, path: str) -> Frame | None:
        """Return the frame around a path."""
        frames = self.frames.items()
        return next((frame for each, frame in frames if path == each or path.startswith(f"{each}/")), None)

    async def _count(self, visit: Visit, visits: limits.Visits, now: datetime) -> None:
        """Count the visit by its address; raise the counter's refusal if the limit of this minute is exhausted."""
        counter = limits.visit_counter(subscriber(visit.address), visits)
        if (await self.limits.take(self.db, counter, now)).is_used_up:
            raise counter.refusal(now)

    async def _form(self, request: Request, visit: Visit, page: Page) -> Raw:
        """Return the fields of a form; raises FormRefused unless it is from one of our pages or the page is open."""
        if not page.is_open:
            forms.check_origin(request, self.public_host)
        if page.takes_file and request.headers.get("content-type", "").startswith("multipart/"):
            raw, visit.upload = await file_form(request)
        else:
            body = await read_body(request, MAX_FORM)
            raw = await run_by_size(
                subscriber(visit.address), len(body), parse_body, body, request.headers.get("content-type")
            )
        if not page.is_open:
            forms.check_token(raw, visit.visitor_id)
        return form_copies.fields_of(raw, visit)

    async def _call(self, page: Page, visit: Visit, raw: Raw, now: datetime) -> Answer:
        values: dict[Any, Any] = {Db: self.db, Visit: visit, datetime: now, Raw: raw}
        if page.params:
            values[page.params] = read(page.params, raw)
        return await page.handler(**{name: values[hint] for name, hint in page.arguments})

    async def _error(self, response: Response, visit: Visit, refusal: Refusal) -> View:
        """Return the page of a refusal, in the frame of the pages around it where the visitor is let into that."""
        response.set_headers(dict(refusal.headers))
        visit.submission = None
        frame = self._frame(visit.url.partition("?")[0])
        if frame and not isinstance(refusal, TooManyCalls | Unavailable):
            # Without the frame, whatever ails it, the refusal is said all the same.
            with suppress(Refusal, *OUTAGES):
                view = await frame(self.db, visit, refusal, self.clock())
                if isinstance(view, View):
                    return view
        return View(ERROR, {"refusal": refusal}, refusal.status, refusal.retry_after)


def _paths_above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts) - 1, 1, -1)]


async def _put_html(request: Request, response: Response, view: View, html: str) -> None:
    if view.retry_after is not None:
        response.set_header("Retry-After", str(view.retry_after))
    response.content_type = "text/html; charset=utf-8"
    response.append_header("Vary", "Accept-Language")
    await answers.put(request, response, view.status, html.encode())


def _put_other(response: Response, result: Redirect | Download) -> None:
    if isinstance(result, Redirect):
        response.status = 303
        response.set_header("Location", result.location)
        return
    response.content_type = result.media_type
    response.set_header("Content-Disposition", f'attachment; filename="{result.file_name}"')
    response.stream = _chunks(result.file)


async def _chunks(file: IO[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield a file in parts and close it, whether the visitor takes all of it or not."""
    with file:
        file.seek(0)
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk


def _responders(site: Site, methods: dict[str, Page]) -> Responders:
    """Return the responders of one path, by method."""

    async def respond(request: Request, response: Response, **path: str) -> None:
        await site.respond(request, response, methods, path)

    async def lead_up(_: Request, response: Response, **path: str) -> None:
        above = site.pages_above[methods["POST"].path]
        values = {name: quote(value, safe="") for name, value in path.items()}
        _put_other(response, Redirect(above[0].path.format_map(values)))

    if "GET" in methods:
        return dict.fromkeys([*methods, "HEAD"], respond)
    if not site.pages_above[methods["POST"].path]:
        return {"POST": respond}
    # Whoever opens the address of a form is led to the page that has it.
    return {"POST": respond, "GET": lead_up, "HEAD": lead_up}
