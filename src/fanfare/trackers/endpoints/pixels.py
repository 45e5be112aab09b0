"""The sales pixel: a GIF, a POST and a script. Pages of other sites call it, without the secret.

`GET /trk/check` answers what proxies and our own check of virtual domains ask.
"""

from pathlib import Path

from fanfare.kernel.addresses import nearest_address, subscriber
from fanfare.kernel.callers import Account
from fanfare.kernel.data import limits
from fanfare.kernel.data.keys import Credentials
from fanfare.kernel.errors import NoKey, Unknown
from fanfare.kernel.parameters import Raw, from_query, read
from fanfare.kernel.running.settings import Settings
from fanfare.kernel.web import answers, http
from fanfare.kernel.web.body import parse_body, read_body
from fanfare.kernel.web.request import Request
from fanfare.kernel.web.response import Response
from fanfare.trackers.actions.sales import Origin, record_sale
from fanfare.trackers.gateways.domains import check_answer
from fanfare.trackers.queries.hosts import link_host
from fanfare.trackers.queries.links import domain_of
from fanfare.trackers.queries.visitors import visitor_cookie, visitor_of
from fanfare.trackers.schemas.sales import NewSale
from fanfare.trackers.schemas.urls import MAX_HOST
from fanfare.trackers.verdicts.rules import signals

GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b")
SCRIPT = (Path(__file__).parents[1] / "pixel.js").read_bytes()
MAX_BODY = 16 * 1024
MAX_NONCE = 64
SCRIPT_AGE = 3600
# What sendBeacon sends a text as.
PLAIN = "text/plain"
FORM = "application/x-www-form-urlencoded"


class Pixels:
    """`GET /trk/pixel.gif` and `POST /trk/events`: record a sale."""

    def __init__(self, service: http.Service, settings: Settings) -> None:
        self.service = service
        self.is_secure = settings.public_url.startswith("https://")
        self.limits = limits.Limits()

    async def on_get(self, request: Request, response: Response) -> None:
        """Record the sale of the query, and return a GIF of one pixel."""
        await self._respond(request, response)
        if response.status == 200:  # noqa: PLR2004 - recorded
            response.content_type = "image/gif"
            response.data = GIF

    async def on_post(self, request: Request, response: Response) -> None:
        """Record the sale of the body, a form or JSON."""
        await self._respond(request, response)
        if response.status == 200:  # noqa: PLR2004 - recorded
            response.status = 204
            response.data = b""

    async def _respond(self, request: Request, response: Response) -> None:
        request_id = http.assign_request_id(request, response)
        response.set_header("Access-Control-Allow-Origin", "*")
        response.set_header("Cache-Control", "no-store")
        try:
            await self._record(request)
            response.status = 200
        except Exception as error:  # noqa: BLE001 - refusal_of logs unexpected exceptions
            answers.put_refusal(response, answers.refusal_of(error), request_id)

    async def _record(self, request: Request) -> None:
        service, now = self.service, self.service.clock()
        peer = request.scope.get("client")
        address = nearest_address(peer[0] if peer else None, request.headers, service.admission.proxies)
        counter = limits.visit_counter(subscriber(address), limits.Visits.SALES)
        if (await self.limits.take(service.db, counter, now)).is_used_up:
            raise counter.refusal(now)
        raw = from_query(request.scope["query_string"])
        if request.method == "POST":
            body = await read_body(request, MAX_BODY)
            kind = request.headers.get("content-type", FORM)
            raw = {**raw, **parse_body(body, FORM if kind.startswith(PLAIN) else kind)}
        account = await self._account(request, raw)
        new = read(NewSale, raw)
        facts = signals(request.method, request.headers, address)
        visitor = visitor_cookie(request.cookies, is_secure=self.is_secure)
        visitor_uid = visitor_of(account.id, visitor) if visitor else None
        origin = Origin(visitor_uid, facts.ip_address, facts.user_agent)
        await record_sale(service.db.for_account(account.id), account, new, origin, now)

    async def _account(self, request: Request, raw: Raw) -> Account:
        """Return the account of the virtual domain, else that of the public key; NoKey (401)."""
        service, host = self.service, link_host(request.headers.get("host"))
        if account := await domain_of(service.db, host):
            return account
        (api_key, *_) = raw.get("api_key") or [None]
        if not isinstance(api_key, str):
            raise NoKey
        key, _ = await service.admission.keyring.find(service.db, Credentials(api_key), service.clock())
        return key.account


class PixelScript:
    """`GET /trk/pixel.js`."""

    async def on_get(self, request: Request, response: Response) -> None:
        """Return the script."""
        http.assign_request_id(request, response)
        response.content_type = "text/javascript; charset=utf-8"
        response.set_header("Cache-Control", f"public, max-age={SCRIPT_AGE}")
        response.set_header("Access-Control-Allow-Origin", "*")
        response.set_header("X-Content-Type-Options", "nosniff")
        response.data = SCRIPT


class DomainCheck:
    """`GET /trk/check`: whether to get a certificate for a host (`domain`), and that it leads here (`nonce`)."""

    def __init__(self, service: http.Service) -> None:
        self.service = service

    async def on_get(self, request: Request, response: Response) -> None:
        """Return 200 for a confirmed virtual domain, 404 for any other; with a nonce, what proves who we are."""
        request_id = http.assign_request_id(request, response)
        response.content_type = "text/plain; charset=utf-8"
        response.set_header("Cache-Control", "no-store")
        try:
            query = from_query(request.scope["query_string"])
            nonce, domain = (str((query.get(name) or [""])[0]) for name in ("nonce", "domain"))
            if nonce:
                response.data = check_answer(nonce[:MAX_NONCE]).encode()
            elif len(domain) > MAX_HOST or await domain_of(self.service.db, domain) is None:
                raise Unknown(domain=domain[:MAX_HOST])  # noqa: TRY301 - answered below
        except Exception as error:  # noqa: BLE001 - refusal_of logs unexpected exceptions
            answers.put_refusal(response, answers.refusal_of(error), request_id)
