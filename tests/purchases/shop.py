"""A Shopify shop of our own on this machine: its Admin API over GraphQL, with cursors, points and refusals."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.servers import Reply, Request, http_server

TOKEN = "shpat_made-up-token-of-the-shop-0123456789"
FIRST_COST, COST_OF_PRODUCT = 2.0, 1.0


class Shop:
    """The shop. It has points, which come back over time; a query costs some for each product that it asks for."""

    def __init__(self) -> None:
        self.url = ""
        self.titles: list[str] = []
        self.points = self.maximum = 1000.0
        self.restore_rate = 50.0
        self.asked_at = time.monotonic()
        # the variables of each query, and an answer in the place of the next: status, headers, body
        self.queries: list[dict[str, Any]] = []
        self.replies: list[tuple[int, dict[str, str], bytes]] = []

    def answer(self, token: str, body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        self.queries.append(body["variables"])
        if self.replies:
            return self.replies.pop(0)
        if token != TOKEN:
            message = {"errors": f"[API] Invalid API key or access token: {token}"}
            return 401, {}, json.dumps(message).encode()
        cost = FIRST_COST + COST_OF_PRODUCT * body["variables"].get("first", 0)
        now = time.monotonic()
        self.points = min(self.maximum, self.points + (now - self.asked_at) * self.restore_rate)
        self.asked_at = now
        is_throttled = self.points < cost
        self.points -= 0 if is_throttled else cost
        status = {
            "maximumAvailable": self.maximum, "currentlyAvailable": self.points, "restoreRate": self.restore_rate,
        }  # fmt: skip
        extensions = {
            "cost": {"requestedQueryCost": cost, "actualQueryCost": None if is_throttled else cost,
                     "throttleStatus": status}
        }  # fmt: skip
        if is_throttled:
            error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return 200, {}, json.dumps({"errors": [error], "extensions": extensions}).encode()
        return 200, {}, json.dumps({"data": self.data(body), "extensions": extensions}).encode()

    def data(self, body: dict[str, Any]) -> dict[str, Any]:
        if "products(" not in body["query"]:
            return {"shop": {"name": "Harbour City Shop"}}
        after, text = body["variables"]["after"], body["variables"]["query"]
        words = [word.rstrip("*") for word in (text or "").split()]
        rows = [
            (number, title) for number, title in enumerate(self.titles)
            if all(any(part.startswith(word) for part in title.lower().split()) for word in words)
        ]  # fmt: skip
        start = json.loads(base64.b64decode(after))["last_id"] + 1 if after else 0
        later = [row for row in rows if row[0] >= start]
        page = later[: body["variables"]["first"]]
        end = base64.b64encode(json.dumps({"last_id": page[-1][0]}).encode()).decode() if page else None
        info = {"hasNextPage": len(later) > len(page), "endCursor": end}
        return {"products": {"nodes": [product(*row) for row in page], "pageInfo": info}}


def product(number: int, title: str) -> dict[str, Any]:
    return {
        "legacyResourceId": str(8000 + number),
        "title": title,
        "productType": "Shirts" if number % 2 else "",
        "status": "DRAFT" if number == 1 else "ACTIVE",
        "onlineStoreUrl": None if number == 1 else f"https://shop.example.com/products/{number}",
        "createdAt": "2026-05-01T10:00:00Z",
        "updatedAt": "2026-05-02T10:00:00Z",
        "featuredMedia": {"preview": {"image": {"url": "https://cdn.example.com/1.jpg"}}} if number == 0 else None,
        "priceRangeV2": {"minVariantPrice": {"amount": "49.90", "currencyCode": "CAD"}},
    }


@contextmanager
def shop() -> Iterator[Shop]:
    """Run a shop."""
    result = Shop()

    def respond(request: Request) -> Reply:
        assert request.path.startswith("/admin/api/20"), request.path
        assert request.path.endswith("/graphql.json"), request.path
        token = request.headers.get("x-shopify-access-token", "")
        status, headers, content = result.answer(token, json.loads(request.body))
        return Reply(content, status, headers)

    with http_server(respond) as result.url:
        yield result
