"""An S3-compatible service that checks signatures, and what can stand between it and Fanfare."""

import json
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from xml.sax.saxutils import unescape

import httpx

from fanfare.kernel.clock import system_clock
from fanfare.storages.gateways.buckets import NOTHING, Place
from fanfare.storages.gateways.signing import signed_headers
from fanfare.storages.schemas.credentials import Credentials
from tests.api import Api
from tests.rules.project import ROOT
from tests.running import PATIENCE, Program
from tests.servers import Reply, Request, http_server

PATH = "/api/v1/manage/storages"
PYTHON = ROOT / ".venv-storages" / "bin" / "python"
SCRIPT = ROOT / "tests" / "storages" / "moto_service.py"
REGION = "us-east-1"


class Service(NamedTuple):
    """A service and its access key."""

    url: str
    access_key_id: str
    secret: str

    def call(
        self, method: str, bucket: str, key: str = "", content: bytes = b"", query: Mapping[str, str] = NOTHING
    ) -> httpx.Response:
        """Make a call as the owner of the access key."""
        credentials = Credentials(self.access_key_id, self.secret, REGION)
        url = Place(self.url, bucket, credentials, is_path_style=True).url(key, query)
        headers = signed_headers(method, url, {}, content, (credentials, system_clock()))
        answer = httpx.request(method, url, headers=headers, content=content, timeout=PATIENCE)
        assert answer.status_code < 300, answer.text
        return answer

    def new_bucket(self) -> str:
        """Make a bucket and return its name."""
        name = f"bucket-{secrets.token_hex(6)}"
        self.call("PUT", name)
        return name

    def keys(self, bucket: str) -> list[str]:
        """Return the keys of all objects."""
        text = self.call("GET", bucket, query={"list-type": "2"}).text
        return [unescape(each) for each in re.findall("<Key>(.*?)</Key>", text)]

    def content(self, bucket: str, key: str) -> bytes:
        """Return an object."""
        return self.call("GET", bucket, key).content

    def upload_count(self, bucket: str) -> int:
        """Return the number of uploads in parts that are neither complete nor aborted."""
        return self.call("GET", bucket, query={"uploads": ""}).text.count("<UploadId>")


@contextmanager
def service() -> Iterator[Service]:
    """Run a service."""
    with Program([str(PYTHON), str(SCRIPT)]) as program:
        yield Service(**json.loads(program.line()))
        program.kill()


async def new_storage(api: Api, store: Service, bucket_name: str, **fields: Any) -> dict[str, Any]:
    """Make a bucket and a storage of it, and return the storage."""
    values = {
        "name": bucket_name, "endpoint": store.url, "bucket": bucket_name, "access_key_id": store.access_key_id,
        "secret": store.secret, **fields,
    }  # fmt: skip
    uid = (await api.ok(await api.post(PATH, **values)))["storage_uid"]
    result: dict[str, Any] = await api.ok(await api.get(f"{PATH}/{uid}"))
    return result


class Between:
    """Stands between Fanfare and a service: it passes calls on, unless `meddle` answers in its place."""

    def __init__(self, store: Service) -> None:
        self._store = store
        self.url = ""
        self.requests: list[Request] = []
        self.meddle: Callable[[Request], Reply | None] = lambda _: None

    def respond(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.meddle(request) or self.passed_on(request)

    def passed_on(self, request: Request) -> Reply:
        """Ask the service, to which the request seems to come directly: its Host is signed."""
        url = f"{self._store.url}{request.path}{'?' if request.query else ''}{request.query}"
        answer = httpx.request(request.method, url, headers=request.headers, content=request.body, timeout=PATIENCE)
        names = ("etag", "content-type", "content-range", "x-amz-meta-sha256")
        headers = {name: answer.headers[name] for name in names if name in answer.headers}
        if request.method == "HEAD":
            headers["content-length"] = answer.headers.get("content-length", "0")
        return Reply(answer.content, answer.status_code, headers)


@contextmanager
def between(store: Service) -> Iterator[Between]:
    """Run what stands between Fanfare and a service."""
    result = Between(store)
    with http_server(result.respond) as url:
        result.url = url
        yield result


class Gate:
    """Stops whoever comes to it until it is opened."""

    def __init__(self) -> None:
        self.is_reached = threading.Event()
        self._open = threading.Event()

    def wait(self) -> None:
        self.is_reached.set()
        self._open.wait(PATIENCE)

    def open(self) -> None:
        self._open.set()
