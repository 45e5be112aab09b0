"""Shapes of the passkeys of fans."""

from typing import Annotated

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id, TextForm

LONGEST_NAME = 100
PasskeyName = Annotated[str, TextForm(LONGEST_NAME)]


class Passkey(msgspec.Struct, kw_only=True):
    """A passkey of a fan. Timestamps are unix seconds.

    rp_id is the host for which it was made. is_synced: it is, or can be, on several devices of the fan.
    """

    passkey_id: int
    fan_id: int
    passkey_name: str
    rp_id: str
    is_synced: bool
    creation_timestamp: int
    use_timestamp: int | None


class FanPasskeys(Params):
    """Whose passkeys."""

    fan_id: Annotated[Id, "Fan whose passkeys."]


class OnePasskey(Params):
    """Which passkey."""

    passkey_id: Annotated[Id, "Passkey by its id."]
