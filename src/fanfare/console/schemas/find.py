"""Shapes of the command palette."""

from typing import Annotated

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Flag, TextForm

MAX_LETTERS = 100


class FindQuery(Params):
    """What to look for; `part` asks for the list alone."""

    q: Annotated[Annotated[str, TextForm(MAX_LETTERS)] | None, "Letters of a name."] = None
    part: Annotated[Flag, "Whether only the list is wanted."] = False


class FoundEntry(msgspec.Struct, frozen=True):
    """Something to go to: its name, its path, what kind of thing it is, and its sign."""

    name: str
    path: str
    kind: str
    icon: str
