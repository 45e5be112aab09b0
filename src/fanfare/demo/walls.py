"""The demo's wall: a month of posts of several networks, of which some wait for staff."""

import io
from datetime import datetime, timedelta
from random import Random

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.folding import fold
from fanfare.streams.actions.moderation import moderate_all
from fanfare.streams.actions.pictures import show_picture
from fanfare.streams.actions.storing import store
from fanfare.streams.actions.streams import create_stream
from fanfare.streams.gateways.pictures import scale
from fanfare.streams.queries.streams import stream_by_key
from fanfare.streams.schemas.entries import Author, Entry, Origin
from fanfare.streams.schemas.records import BulkAction
from fanfare.streams.schemas.streams import NewStream

DAYS, WAITING_DAYS = 30, 4
EVENING = timedelta(hours=23)
GROUND = (49.2768, -123.1119)
HOST = "https://posts.harbourcity.example"
# One post in so many has a picture, one a place.
PICTURES, PLACES = 3, 4
# Two colours of each picture.
DUOTONES = (
    ("#0b2545", "#8da9c4"), ("#3a0f1a", "#e0a458"), ("#12343b", "#c9e4ca"), ("#2b193d", "#e8a598"),
    ("#1d3b2a", "#f2d492"), ("#3d1f1f", "#f6bd60"),
)  # fmt: skip
NAMES = (
    "Maren Holt", "Tomás Rivera", "Ines Okafor", "Jonas Petit", "Wei Lindqvist", "Aroha Bell", "Sami Novak",
    "Priya Castellan", "Leo Marchetti", "Hana Kowalczyk", "Oskar Dube", "Noor van Dijk",
)  # fmt: skip
STARTS = (
    "Last bus home and the whole deck is singing.", "That save in the 89th minute!", "First match with my daughter.",
    "New scarf, old seat, same nerves.", "The tide was in and so were we.", "Rain, mud, glory.",
    "Three down at half-time. You know the rest.", "Found my grandfather's season ticket from 1974.",
    "Queue for pies is longer than the one for tickets.", "What is the new song called? Asking for a full stand.",
    "Sunset over the harbour end.", "Cold hands, warm voices.", "The brass band is back!",
    "Away days are the best days.", "My voice is gone until Tuesday.",
)  # fmt: skip
ENDS = ("#harbourcity", "#harbourcity #derby", "#tideline", "See you next week.", "#womensteam #harbourcity", "")
LABELS = ((), ("match day",), ("match day", "best of the week"), ("festival",))


# Posts a day by network, and what a post's address looks like there.
NETWORKS = {"mastodon": 3, "bluesky": 2, "rss": 1, "direct": 2, "mail": 1}
PATHS = {"mastodon": "@{author}/{number}", "bluesky": "profile/{author}/post/{number}", "rss": "news/{number}"}


async def make_wall(db: Db, account: Account, now: datetime, seed: int) -> None:
    """Create the stream and store its posts day by day; staff approves all that wait but those of the last days."""
    chance = Random(f"{seed} wall")  # noqa: S311 - reproducible sample data
    new = NewStream(stream_name="Harbour City wall", trust_level="regulars", is_public=True, record_limit=30)
    stream_key = await create_stream(db, account.id, new, now - timedelta(days=DAYS))
    stream = await stream_by_key(db, account.id, stream_key)
    pictures = [_picture(*colours) for colours in DUOTONES]
    for day in range(DAYS):
        morning = now - timedelta(days=DAYS - day)
        record_ids: list[int] = []
        for network, count in NETWORKS.items():
            entries = [_entry(chance, network, day * 100 + number, morning) for number in range(count)]
            result = await store(db, stream, entries, Origin(network, limits_authors=False), morning + EVENING)
            record_ids += result.record_ids.values()
            for entry in entries:
                if entry.image_url:
                    record_id = result.record_ids[entry.record_key]
                    await show_picture(db, account.id, record_id, entry.image_url, chance.choice(pictures), now)
        if day < DAYS - WAITING_DAYS:
            order = BulkAction(stream_key=stream_key, feed_record_ids=record_ids, action="approve")
            await moderate_all(db, account.id, order, morning + EVENING)


def _entry(chance: Random, network: str, number: int, morning: datetime) -> Entry:
    name = "Harbour City FC" if network == "rss" else chance.choice(NAMES)
    author = fold(name).replace(" ", ".")
    is_claimed = network in ("direct", "mail")
    has_place = chance.randrange(PLACES) == 0
    return Entry(
        record_key=f"demo-{number}",
        author=Author(
            f"email:{author}@example.com" if is_claimed else author,
            name,
            None if is_claimed else author,
            follower_count=0 if is_claimed else chance.randrange(20, 4000),
        ),
        created_at=morning + timedelta(seconds=chance.randrange(80_000)),
        caption=f"{chance.choice(STARTS)} {chance.choice(ENDS)}".strip(),
        record_url=f"{HOST}/{PATHS[network].format(author=author, number=number)}" if network in PATHS else None,
        image_url=f"{HOST}/pictures/{number}.jpg" if chance.randrange(PICTURES) == 0 else None,
        latitude=round(GROUND[0] + chance.gauss(0, 0.01), 5) if has_place else None,
        longitude=round(GROUND[1] + chance.gauss(0, 0.01), 5) if has_place else None,
        labels=list(chance.choice(LABELS)),
    )


def _picture(dark: str, light: str) -> bytes:
    """Return a sun over water in two colours, as our copy of a picture."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - takes 10 MB, which only the demo needs here

    sky = ImageOps.invert(Image.radial_gradient("L")).resize((960, 960)).crop((0, 120, 960, 600))
    water = ImageOps.flip(sky).point(lambda level: level // 2)
    grey = Image.new("L", (960, 720))
    grey.paste(sky, (0, 0))
    grey.paste(water.resize((960, 240)), (0, 480))
    file = io.BytesIO()
    ImageOps.colorize(grey, dark, light).save(file, "PNG")
    return scale(file.getvalue())
