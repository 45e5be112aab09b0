"""Signatures are those of botocore, for whatever keys and queries have."""

import json
import subprocess
from datetime import UTC, datetime

from fanfare.storages.gateways.buckets import Place
from fanfare.storages.gateways.signing import signed_headers
from fanfare.storages.schemas.credentials import Credentials
from tests.storages.stores import PYTHON

# Reads requests from its input and writes the signature of each to its output.
JUDGE = """
import json, sys
import botocore.auth
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
for line in sys.stdin:
    each = json.loads(line)
    class Then(S3SigV4Auth):
        def _should_sha256_sign_payload(self, request): return True
    request = AWSRequest(each["method"], each["url"], headers=each["headers"], data=each["content"].encode())
    auth = Then(Credentials(each["key"], each["secret"]), "s3", each["region"])
    request.context["timestamp"] = each["moment"]
    request.headers["X-Amz-Content-SHA256"] = auth.payload(request)
    request.headers["X-Amz-Date"] = each["moment"]
    text = auth.canonical_request(request)
    print(auth.signature(auth.string_to_sign(request, text), request))
"""
CREDENTIALS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "eu-central-1")
NOW = datetime(2026, 11, 27, 6, 30, tzinfo=UTC)
KEYS = ("plain.csv", "in folders/a b+c.csv", "Größe~_-.!'()*$&=@:,;?#[]%2F", "日本/語", "")
QUERIES: tuple[dict[str, str], ...] = (
    {}, {"uploads": ""}, {"partNumber": "12", "uploadId": "a/b+c=="},
    {"list-type": "2", "prefix": "a b/ü&=", "start-after": "x%y", "max-keys": "5"},
)  # fmt: skip
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"range": "bytes=0-9", "if-match": '"abc"'},
    {"content-type": "text/plain", "x-amz-meta-a": "b  c"},
)


def test_signatures_are_those_of_the_reference() -> None:
    cases, ours = [], []
    for is_path_style in (True, False):
        place = Place("https://s3.example.com:9000", "club.bucket", CREDENTIALS, is_path_style)
        for key in KEYS:
            for query in QUERIES:
                for headers in HEADERS:
                    method, content = ("PUT", "content of it") if headers else ("GET", "")
                    url = place.url(key, query)
                    signed = signed_headers(method, url, headers, content.encode(), (CREDENTIALS, NOW))
                    ours.append(signed["authorization"].rpartition("Signature=")[2])
                    cases.append(
                        {
                            "method": method, "url": url, "headers": headers, "content": content,
                            "key": CREDENTIALS.access_key_id, "secret": CREDENTIALS.secret,
                            "region": CREDENTIALS.region, "moment": "20261127T063000Z",
                        }
                    )  # fmt: skip
    lines = "\n".join(json.dumps(each) for each in cases)
    ended = subprocess.run([PYTHON, "-c", JUDGE], input=lines, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ours


def test_credentials_do_not_show_their_secret() -> None:
    assert CREDENTIALS.secret not in f"{CREDENTIALS!r} {CREDENTIALS}"
