"""Postal codes of the demo's towns: an excerpt of the public lists, so that nothing is downloaded."""

from datetime import datetime
from importlib.resources import as_file, files

from fanfare.kernel.data.db import Db
from fanfare.places.loading.metro_areas import store_canadian
from fanfare.places.loading.packages import digest
from fanfare.places.loading.readers import excerpt
from fanfare.places.loading.tables import EXCERPT, LoadTask, load


async def load_excerpt(db: Db, now: datetime) -> int:
    """Load the excerpt unless it is loaded, and return the number of postal codes; complete lists are not replaced."""
    await store_canadian(db)
    with as_file(files("fanfare.demo").joinpath("places.csv")) as path:
        reading = LoadTask(EXCERPT, digest(path), path, excerpt)
        return (await load(db, reading, now, lambda _source, _share, _read: None)).postal_code_count
