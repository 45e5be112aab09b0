"""What a wall reads without a key: the records of public streams, and copies of pictures."""

import re

from fanfare.kernel.addresses import nearest_address, subscriber
from fanfare.kernel.data import limits
from fanfare.kernel.errors import Unknown
from fanfare.kernel.parameters import Raw, from_query, read
from fanfare.kernel.web import answers, http
from fanfare.kernel.web.request import Request
from fanfare.kernel.web.response import Response
from fanfare.streams.queries.pictures import picture
from fanfare.streams.queries.records import public_page
from fanfare.streams.queries.streams import public_stream
from fanfare.streams.schemas.records import RecordFilter

# Seconds that browsers and proxies may show a page before they ask again.
MAX_AGE = 10
# A copy never changes; a week, since a picture is deleted with its fan.
PICTURE_AGE = 7 * 24 * 3600
RECORD_HEADERS = {**http.PUBLIC_HEADERS, "x-content-type-options": "nosniff"}
PICTURE_HEADERS = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
}
PICTURE_KEY = re.compile(r"[0-9a-f]{32}")


async def count_visit(service: http.Service, request: Request, visits: limits.Visits) -> None:
    """Count a request by its address; raises the counter's refusal if the limit of this minute is exhausted."""
    now = service.clock()
    peer = request.scope.get("client")
    address = nearest_address(peer[0] if peer else None, request.headers, service.admission.proxies)
    counter = limits.visit_counter(subscriber(address), visits)
    if (await service.admission.limits.take(service.db, counter, now)).is_used_up:
        raise counter.refusal(now)


class PublicRecords:
    """`GET /streams/api/{stream_key}/records`: what streams_records_search answers, without a key."""

    def __init__(self, service: http.Service) -> None:
        self.service = service

    async def on_get(self, request: Request, response: Response, stream_key: str) -> None:
        """Return a page of the approved records of a public stream."""
        request_id = http.assign_request_id(request, response, RECORD_HEADERS)
        try:
            await count_visit(self.service, request, limits.Visits.WALLS)
            raw: Raw = {**from_query(request.scope["query_string"]), "stream_key": [stream_key]}
            query = read(RecordFilter, raw)
            stream = await public_stream(self.service.db, query.stream_key)
            page = await public_page(self.service.db.for_account(stream.account_id), stream, query)
            await answers.put(request, response, 200, answers.encode(page), has_etag=True)
            response.set_header("Cache-Control", f"public, max-age={MAX_AGE}")
        except Exception as error:  # noqa: BLE001 - refusal_of logs unexpected exceptions
            answers.put_refusal(response, answers.refusal_of(error), request_id)

    on_head = on_get


class Pictures:
    """`GET /streams/pictures/{account_id}/{picture_key}`: a copy of a picture."""

    def __init__(self, service: http.Service) -> None:
        self.service = service

    async def on_get(self, request: Request, response: Response, account_id: str, picture_key: str) -> None:
        """Return the picture as WebP."""
        request_id = http.assign_request_id(request, response, PICTURE_HEADERS)
        try:
            await count_visit(self.service, request, limits.Visits.PICTURES)
            if not PICTURE_KEY.fullmatch(picture_key) or not account_id.isdecimal() or len(account_id) > 18:  # noqa: PLR2004 - digits of an id
                raise Unknown(picture=picture_key)  # noqa: TRY301 - as every refusal
            [signature, *_] = from_query(request.scope["query_string"]).get("signature", [""])
            db = self.service.db.for_account(int(account_id))
            response.data = await picture(db, int(account_id), picture_key, str(signature))
            response.content_type = "image/webp"
            caching = "private, no-store" if signature else f"public, max-age={PICTURE_AGE}, immutable"
            response.set_header("Cache-Control", caching)
        except Exception as error:  # noqa: BLE001 - refusal_of logs unexpected exceptions
            answers.put_refusal(response, answers.refusal_of(error), request_id)

    on_head = on_get
