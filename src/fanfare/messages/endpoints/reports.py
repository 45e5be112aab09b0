"""Over HTTP: bounces and complaints. They come from mail servers and gateways, which sign them and have no key."""

from fanfare.kernel.addresses import nearest_address, subscriber
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data import limits
from fanfare.kernel.errors import Unknown
from fanfare.kernel.running.long_inputs import run_by_size
from fanfare.kernel.web import answers, http
from fanfare.kernel.web.application import NO_PATH
from fanfare.kernel.web.body import read_body
from fanfare.kernel.web.endpoint import endpoint
from fanfare.kernel.web.request import Request
from fanfare.kernel.web.response import Response
from fanfare.messages.actions import reports
from fanfare.messages.queries import reports as queries
from fanfare.messages.reports.parsing import read_json, read_mail
from fanfare.messages.reports.signatures import WrongSignature, verify
from fanfare.messages.schemas.reports import ReportSettings, ReportsNoted

MAX_REPORT_BYTES = 256 * 1024
# More digits than an account id has.
MAX_DIGITS = 40


@endpoint.get("/api/v1/manage/message_reports", scope="manage", key=SECRET)
async def manage_message_reports_get(account: Account) -> ReportSettings:
    """Return where mail servers and gateways report bounces and complaints, and the secrets that sign the reports."""
    return await queries.report_settings(account.id)


class MessageReports:
    """`POST /hooks/messages/{account_id}`: a returned mail, or JSON of a gateway."""

    def __init__(self, service: http.Service) -> None:
        self.service = service

    async def on_post(self, request: Request, response: Response, account_id: str) -> None:
        """Note the reports; refuses (401) what is not signed, and counts that by IP address."""
        request_id = http.assign_request_id(request, response)
        try:
            count = await self._noted(request, _account_id(account_id))
            await answers.put(request, response, 200, answers.encode(ReportsNoted(count)))
        except Exception as error:  # noqa: BLE001 - every fault gets an answer, and refusal_of logs what is ours
            answers.put_refusal(response, answers.refusal_of(error), request_id)

    async def _noted(self, request: Request, account_id: int) -> int:
        service, now = self.service, self.service.clock()
        peer = request.scope.get("client")
        address = nearest_address(peer[0] if peer else None, request.headers, service.admission.proxies)
        source = subscriber(address)
        counter = limits.refusal_counter(source)
        if service.admission.limits.is_used_up(counter, now):
            raise counter.refusal(now)
        body = await read_body(request, MAX_REPORT_BYTES)
        try:
            verify(account_id, request.headers, body, now)
        except WrongSignature:
            allowance = await service.admission.limits.take(service.db, counter, now)
            raise counter.refusal(now) if allowance.is_used_up else WrongSignature from None
        is_json = (request.headers.get("content-type") or "").startswith("application/json")
        parsed = await run_by_size(account_id, len(body), read_json if is_json else read_mail, body)
        return await reports.note(service.db, parsed, now, account_id=account_id)


def _account_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise Unknown(NO_PATH)
    return int(text)
