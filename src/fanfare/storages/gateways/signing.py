"""Signs requests to S3-compatible services: Signature Version 4 of AWS, with the hash of the content."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urlsplit

from fanfare.storages.schemas.credentials import Credentials

SERVICE = "s3"
ALGORITHM = "AWS4-HMAC-SHA256"


def encoded(text: str, safe: str = "") -> str:
    """Return a text as it is in a path or a query that is signed."""
    return quote(text, safe=f"-_.~{safe}")


def query_of(values: Mapping[str, str]) -> str:
    """Return a query in the order in which it is signed."""
    return "&".join(f"{encoded(name)}={encoded(values[name])}" for name in sorted(values))


def signed_headers(
    method: str, url: str, headers: Mapping[str, str], content: bytes, signer: tuple[Credentials, datetime]
) -> dict[str, str]:
    """Return the headers of a request, in lower case, with those that sign it; the client sends Host.

    The query of the URL is that of `query_of`; the time is that of the service, give or take a quarter of an hour.
    """
    credentials, now = signer
    parts, moment = urlsplit(url), now.strftime("%Y%m%dT%H%M%SZ")
    content_hash = hashlib.sha256(content).hexdigest()
    result = {**headers, "x-amz-content-sha256": content_hash, "x-amz-date": moment}
    signed = {name: " ".join(value.split()) for name, value in {**result, "host": parts.netloc}.items()}
    names = ";".join(sorted(signed))
    lines = [f"{name}:{signed[name]}" for name in sorted(signed)]
    canonical = "\n".join([method, parts.path or "/", parts.query, *lines, "", names, content_hash])
    scope = f"{moment[:8]}/{credentials.region}/{SERVICE}/aws4_request"
    text = "\n".join([ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(_key(credentials, moment[:8]), text.encode(), hashlib.sha256).hexdigest()
    result["authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return result


def _key(credentials: Credentials, day: str) -> bytes:
    """Return the key of a day."""
    key = f"AWS4{credentials.secret}".encode()
    for part in (day, credentials.region, SERVICE, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
