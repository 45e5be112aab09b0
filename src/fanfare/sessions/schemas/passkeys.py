"""Shapes of the passkeys of a session's fan."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.kernel.wire import Id
from fanfare.passkeys.schemas.credentials import NewCredential, NewCredentialForm
from fanfare.passkeys.schemas.origins import RpId
from fanfare.passkeys.schemas.passkeys import PasskeyName
from fanfare.sessions.schemas.sessions import OneSession


class PasskeyOptions(msgspec.Struct):
    """What `PublicKeyCredential.parseCreationOptionsFromJSON` takes; valid for five minutes, once."""

    passkey_options: dict[str, Any]


class PasskeyOptionsRequest(OneSession):
    """Where a passkey is to be added."""

    rp_id: RpId = None

    example: ClassVar[Mapping[str, object]] = {"rp_id": "example.com"}


class NewPasskey(OneSession):
    """A passkey that the fan's device made."""

    credential: Annotated[
        NewCredential, NewCredentialForm(), "What the browser returned, as `PublicKeyCredential.toJSON()` writes it."
    ]
    passkey_name: Annotated[PasskeyName | None, "Name by which the fan recognizes it, such as that of the device."] = (
        None
    )

    example: ClassVar[Mapping[str, object]] = {
        "passkey_name": "Ada's phone",
        "credential": {
            "id": "AAAA",
            "rawId": "AAAA",
            "type": "public-key",
            "response": {"clientDataJSON": "AAAA", "attestationObject": "AAAA"},
        },
    }


class SessionPasskey(OneSession):
    """A passkey of the fan."""

    passkey_id: Annotated[Id, "Passkey by its id."]


class RenamedPasskey(SessionPasskey):
    """A passkey of the fan, and its new name."""

    passkey_name: Annotated[PasskeyName, "Name by which the fan recognizes it."]

    example: ClassVar[Mapping[str, object]] = {"passkey_name": "Old phone"}
