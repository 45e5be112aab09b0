"""The wall of a stream, for sites to embed."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from markupsafe import Markup

from fanfare.accounts.queries import account_by_id
from fanfare.hosted.schemas.walls import Tile, WallQuery
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import View, page
from fanfare.streams.queries.records import public_page
from fanfare.streams.queries.streams import public_stream
from fanfare.streams.schemas.records import RecordFilter, StreamRecord

# Networks as their readers write them; others have no name that says something.
NETWORKS = {"mastodon": "Mastodon", "bluesky": "Bluesky", "youtube": "YouTube"}
FILTERS = ("stream_key", "networks", "label_key", "sku", "is_graphic", "q", "limit")
MAX_ALTERNATIVE = 200


@page.get("/streams/{stream_key}/stream_widget", is_framed=True)
async def stream_wall(db: Db, query: WallQuery) -> View:
    """Show the approved records of a public stream, those that were approved last first."""
    stream = await public_stream(db, query.stream_key)
    account_db = db.for_account(stream.account_id)
    filters = RecordFilter(**{name: getattr(query, name) for name in FILTERS})
    rows = (await public_page(account_db, stream, filters)).data
    return View(
        "hosted/templates/wall.html",
        {
            "stream": stream,
            "wall": query,
            "tiles": [_tile(row, query) for row in rows],
            "time_zone": (await account_by_id(account_db, stream.account_id)).time_zone,
            "css": _css(stream.css_text),
        },
    )


def _tile(row: StreamRecord, query: WallQuery) -> Tile:
    has_text = query.text or not row.image_url
    return Tile(
        record_id=row.feed_record_id,
        caption=row.caption if has_text else "",
        alternative="" if has_text else row.caption[:MAX_ALTERNATIVE],
        image_url=_path(row.image_url),
        author_name=row.author_name or row.author_screen_name or "",
        author_image_url=_path(row.author_image_url),
        network=NETWORKS.get(row.network, ""),
        url=row.record_url or row.video_url or row.link_url,
        is_video=row.video_url is not None,
        moment=datetime.fromtimestamp(row.creation_timestamp, UTC),
    )


def _path(url: str | None) -> str | None:
    """Return where a picture of ours is on the host of the page, whichever that is: the policy allows no other."""
    return urlsplit(url).path if url else None


def _css(text: str) -> Markup:
    """Return the account's CSS as it may stand in the element <style>, which nothing in it can end."""
    return Markup(text.replace("</", "<\\/"))  # noqa: S704 - only an end tag ends the element
