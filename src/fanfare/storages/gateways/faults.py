"""What a storage does wrong, in words that contain nothing secret: neither its answers nor our requests."""

import re
from http import HTTPStatus

from fanfare.kernel.running.http_client import AddressRefused, CallError, HttpAnswer, NotConnected

# Codes of errors are short words; the texts beside them can repeat what was signed.
CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")
REGION = re.compile(r"[a-z0-9-]{1,40}")
CODE_BYTES = 64 * 1024
LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
WORDS = {
    "NoSuchBucket": "has no such bucket",
    "NoSuchKey": "has no such object",
    "InvalidAccessKeyId": "refuses the access key",
    "InvalidClientTokenId": "refuses the access key",
    "SignatureDoesNotMatch": "refuses the secret of the access key",
    "AccessDenied": "does not allow this to the access key",
    "RequestTimeTooSkewed": "has another time than this server",
    "QuotaExceeded": "has no room",
    "EntityTooLarge": "refuses an object of this size",
}


class StorageFault(Exception):  # noqa: N818 - a message
    """A storage does not do what it is asked; the message says why, and the same call can succeed later."""

    # the code of the service's error, if it has one
    code = ""


class StorageRefused(StorageFault):
    """A storage does not do what it is asked, and will not until something is changed."""


class ObjectChanged(StorageRefused):
    """An object is another one than when reading began."""


def fault_of_call(error: CallError) -> StorageFault:
    """Return the fault of a call without an answer."""
    if isinstance(error, AddressRefused):
        return StorageRefused("has an address that is not public; FANFARE_OUTGOING_ALLOWED can allow it")
    if isinstance(error, NotConnected):
        return StorageFault("cannot be reached")
    return StorageFault("does not answer in time, or answers too much")


def fault_of_answer(answer: HttpAnswer) -> StorageFault:
    """Return the fault of an answer that is no success."""
    match = CODE.search(answer.body[:CODE_BYTES])
    code = match[1].decode() if match else ""
    if answer.status == HTTPStatus.PRECONDITION_FAILED:
        fault: StorageFault = ObjectChanged("has another object under this key than when reading began")
    elif code in WORDS:
        fault = StorageRefused(WORDS[code])
    elif answer.status in LATER or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status < HTTPStatus.OK:
        fault = StorageFault(f"answers {_status(answer, code)}")
    else:
        fault = StorageRefused(_refusal(answer, code))
    fault.code = code
    return fault


def _refusal(answer: HttpAnswer, code: str) -> str:
    if answer.status == HTTPStatus.NOT_FOUND:
        return "has no such object or bucket"
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return "does not allow this to the access key"
    region = answer.headers.get("x-amz-bucket-region", "")
    if answer.status < HTTPStatus.BAD_REQUEST or code in ("PermanentRedirect", "AuthorizationHeaderMalformed"):
        if REGION.fullmatch(region):
            return f"sends us to another address: its bucket is in the region {region}; set its endpoint and region"
        return "sends us to another address; set its endpoint and region"
    return f"answers {_status(answer, code)}"


def _status(answer: HttpAnswer, code: str) -> str:
    return f"HTTP {answer.status} ({code})" if code else f"HTTP {answer.status}"
