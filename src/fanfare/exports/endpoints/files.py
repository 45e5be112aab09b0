"""The file of an export, by a link and without a key."""

from collections.abc import AsyncGenerator

from fanfare.exports.actions.links import LinkEnded, Target, target_of
from fanfare.exports.queries.exports import export_of
from fanfare.exports.schemas.exports import Export
from fanfare.kernel.addresses import nearest_address, subscriber
from fanfare.kernel.data import files, limits
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.pages.site import Site
from fanfare.kernel.web import answers, http
from fanfare.kernel.web.request import Request
from fanfare.kernel.web.response import Response

MEDIA_TYPES = {"parquet": "application/vnd.apache.parquet"}
PART_BYTES = 1024 * 1024
HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class ExportFiles:
    """`GET /exports/{export_link}`: the file, compressed with gzip."""

    def __init__(self, service: http.Service, site: Site) -> None:
        self.service = service
        self.site = site

    async def on_get(self, request: Request, response: Response, export_link: str) -> None:
        """Send the file in parts; a browser gets the page of a refusal."""
        request_id = http.assign_request_id(request, response, HEADERS)
        try:
            await self._count_visit(request)
            target = target_of(export_link, self.service.clock())
            db = self.service.db.for_account(target.account_id)
            export = await _export(db, target)
            response.content_type = MEDIA_TYPES.get(export.format, "application/gzip")
            response.set_header("Content-Disposition", f'attachment; filename="{export.file_name}"')
            response.set_stream(_parts(db, target, export.file_bytes), export.file_bytes)
        except Exception as error:  # noqa: BLE001 - refusal_of logs unexpected exceptions
            # Not in a variable of this frame, which the error's traceback refers to.
            if request.is_by_browser:
                await self.site.refuse(request, response, answers.refusal_of(error))
            else:
                answers.put_refusal(response, answers.refusal_of(error), request_id)

    on_head = on_get

    async def _count_visit(self, request: Request) -> None:
        """Count a request by its address; raises the counter's refusal if the limit of this minute is exhausted."""
        service, now = self.service, self.service.clock()
        peer = request.scope.get("client")
        address = nearest_address(peer[0] if peer else None, request.headers, service.admission.proxies)
        counter = limits.visit_counter(subscriber(address), limits.Visits.PAGES)
        if (await service.admission.limits.take(service.db, counter, now)).is_used_up:
            raise counter.refusal(now)


async def _export(db: Db, target: Target) -> Export:
    """Return the export that a link leads to; LinkEnded (404) once it has no file."""
    try:
        export = await export_of(db, target.account_id, target.export_uid)
    except Unknown:
        raise LinkEnded from None
    if not export.is_fetchable:
        raise LinkEnded
    return export


async def _parts(db: Db, target: Target, size: int) -> AsyncGenerator[bytes, None]:
    for offset in range(0, size, PART_BYTES):
        part = await files.read_from(db, target.account_id, target.export_uid, offset, PART_BYTES)
        if not part:
            # The connection ends before the announced length: no reader takes the file for complete.
            raise LinkEnded
        yield part
