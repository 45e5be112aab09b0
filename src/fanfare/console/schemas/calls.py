"""Shapes of the API console's own forms."""

from typing import Annotated

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Flag, TextForm

CallId = Annotated[str, TextForm(100)]


class ConsoleQuery(Params):
    """Which call to show."""

    call: Annotated[CallId | None, "The operationId of the call."] = None
    find: Annotated[Annotated[str, TextForm(100)] | None, "Only calls with these words."] = None


class ConsoleKeyForm(Params):
    """Whether the key only reads."""

    is_read_only: Annotated[Flag, "Whether the key only reads."] = True
