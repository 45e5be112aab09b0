"""Shapes of the wall that sites embed."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from fanfare.kernel.wire import ChoiceForm, Flag, IntegerForm, LimitForm, OuterKey, Text
from fanfare.streams.schemas.records import Label, NetworkNames, query_faults
from fanfare.streams.schemas.streams import OneStream

MAX_TILES = 100
MAX_COLUMNS = 6
Mode = Literal["tiled", "list"]
Theme = Literal["light", "dark"]
Columns = Annotated[int, IntegerForm(1, MAX_COLUMNS)]


class WallQuery(OneStream, kw_only=True):
    """What a wall shows of a stream, and how."""

    render_mode: Annotated[
        Annotated[Mode, ChoiceForm("tiled", "list")], "Tiles in columns, or one below the other."
    ] = "tiled"
    min_cell: Annotated[Columns, "Fewest columns, where there is room for them."] = 1
    max_cell: Annotated[Columns, "Most columns."] = 4
    text: Annotated[Flag, "Whether texts are shown beside pictures."] = True
    rate: Annotated[
        Annotated[int, IntegerForm(0, 3600)], "Seconds between looks for new records, 5 or more; 0: none."
    ] = 30
    single: Annotated[Flag, "Whether new records come one at each look, or all at once."] = False
    theme: Annotated[
        Annotated[Theme | None, ChoiceForm("light", "dark")], "Light or dark, by default as the reader's."
    ] = None
    networks: Annotated[NetworkNames | None, "Networks to include."] = None
    label_key: Annotated[Label | None, "Label to filter by."] = None
    sku: Annotated[OuterKey | None, "Product code of the records."] = None
    is_graphic: Annotated[Flag | None, "Only records with (yes) or without (no) a picture."] = None
    q: Annotated[Text | None, "Words of the captions."] = None
    limit: Annotated[Annotated[int | None, LimitForm(MAX_TILES)], "Number of tiles."] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse more columns at least than at most."""
        if values.get("min_cell", 1) > values.get("max_cell", 4):
            yield "min_cell", "must not be more than max_cell"
        yield from query_faults(values)


class Tile(msgspec.Struct, frozen=True):
    """A record as a wall shows it. `alternative` is the text for who does not see the picture."""

    record_id: int
    caption: str
    alternative: str
    image_url: str | None
    author_name: str
    author_image_url: str | None
    network: str
    url: str | None
    is_video: bool
    moment: datetime
