"""A fan in front of a page: a browser's cookies and headers, without the browser."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.api import Api
from tests.running import PATIENCE
from tests.transport import Client

TERMS = re.compile(r'name="terms" value="([^"]+)"')
TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


@asynccontextmanager
async def visitor(base_url: str, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Give a browser of its own."""
    headers = {"Accept-Language": "en"}
    async with Client(base_url=base_url, headers=headers, timeout=PATIENCE, **options) as client:
        yield client


def relative(url: str) -> str:
    """Return the path and query of an address."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def token_in(page: httpx.Response) -> str:
    """Return the token of the form of a page."""
    match = TOKEN.search(page.text)
    assert match, page.text
    return unescape(match[1])


def terms_in(page: httpx.Response) -> dict[str, str]:
    """Return the field that names the wording of the terms of a page, if it shows terms."""
    return {"terms": match[1]} if (match := TERMS.search(page.text)) else {}


async def links(api: Api, fan_id: int, **query: Any) -> dict[str, str]:
    """Return the links for a fan."""
    result: dict[str, str] = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/preference_links", **query))
    return result
