"""What browsers return for a new passkey and for a login, as `PublicKeyCredential.toJSON()` writes it.

Everything in it may be made up, so each part is bounded before it is decoded. What it means is decided by the actions.
"""

from typing import Annotated, Any, NamedTuple

import msgspec

from fanfare.kernel.base64url import from_base64url
from fanfare.kernel.wire import Form, JsonForm

# Characters of each part, of which three quarters are its bytes: together they are verified within a millisecond.
ClientData = Annotated[str, msgspec.Meta(max_length=4096)]
Attestation = Annotated[str, msgspec.Meta(max_length=4096)]
AuthenticatorData = Annotated[str, msgspec.Meta(max_length=1024)]
Signature = Annotated[str, msgspec.Meta(max_length=1024)]
CredentialId = Annotated[str, msgspec.Meta(max_length=1364)]
UserHandle = Annotated[str, msgspec.Meta(max_length=88)]
# How a browser reaches a device, as WebAuthn names it.
TRANSPORTS = ("usb", "nfc", "ble", "internal", "cable", "hybrid", "smart-card")
TransportName = Annotated[str, msgspec.Meta(max_length=32)]


class _AttestationResponse(msgspec.Struct, rename="camel"):
    attestation_object: Attestation
    client_data: ClientData = msgspec.field(name="clientDataJSON")
    transports: Annotated[list[TransportName], msgspec.Meta(max_length=16)] = []


class _AssertionResponse(msgspec.Struct, rename="camel"):
    authenticator_data: AuthenticatorData
    signature: Signature
    client_data: ClientData = msgspec.field(name="clientDataJSON")
    user_handle: UserHandle | None = None


class _New(msgspec.Struct, rename="camel", tag_field="type", tag="public-key"):
    id: CredentialId
    raw_id: CredentialId
    response: _AttestationResponse


class _Used(msgspec.Struct, rename="camel", tag_field="type", tag="public-key"):
    id: CredentialId
    raw_id: CredentialId
    response: _AssertionResponse


class _ClientData(msgspec.Struct, rename="camel"):
    challenge: str
    cross_origin: bool = False


class NewCredential(NamedTuple):
    """What a browser returned for a new passkey, not verified; `challenge` is what it says it answers."""

    challenge: bytes
    is_cross_origin: bool
    id_text: str
    credential_id: bytes
    client_data: bytes
    attestation: bytes
    transports: list[str]


class UsedCredential(NamedTuple):
    """What a browser returned for a login, not verified."""

    challenge: bytes
    is_cross_origin: bool
    id_text: str
    credential_id: bytes
    client_data: bytes
    authenticator_data: bytes
    signature: bytes
    user_handle: bytes


class Registration(NamedTuple):
    """What is stored of a new passkey."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    is_synced: bool
    transports: list[str]


class User(NamedTuple):
    """Who a passkey is for, as the device shows it; the handle identifies the fan to the device."""

    handle: bytes
    name: str
    display_name: str


class CredentialForm(Form):
    """What a browser returned, decoded and not verified; an object, or a text with it."""

    shape = JsonForm()

    def read(self, raw: object) -> NewCredential | UsedCredential:
        """Return the parts; raises ValueError for anything else."""
        values = self.shape.read(raw)
        try:
            return self.decode(values)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            message = "must be what the browser returned, of usual size"
            raise ValueError(message) from None

    def decode(self, values: dict[str, Any]) -> NewCredential | UsedCredential:
        """Return the parts; raises ValueError or what msgspec raises."""
        raise NotImplementedError

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema."""
        return self.shape.schema()


class NewCredentialForm(CredentialForm):
    """What `navigator.credentials.create` returned."""

    def decode(self, values: dict[str, Any]) -> NewCredential:
        """Return the parts; ways to reach the device that nobody knows are left out."""
        message = msgspec.convert(values, _New)
        response = message.response
        return NewCredential(
            *_head(message),
            from_base64url(response.attestation_object),
            [name for name in response.transports if name in TRANSPORTS],
        )


class UsedCredentialForm(CredentialForm):
    """What `navigator.credentials.get` returned."""

    def decode(self, values: dict[str, Any]) -> UsedCredential:
        """Return the parts."""
        message = msgspec.convert(values, _Used)
        response = message.response
        return UsedCredential(
            *_head(message),
            from_base64url(response.authenticator_data),
            from_base64url(response.signature),
            from_base64url(response.user_handle or ""),
        )


def _head(message: _New | _Used) -> tuple[bytes, bool, str, bytes, bytes]:
    """Return the challenge, whether it was answered in a frame of another site, the id twice, and the client data."""
    client_data = from_base64url(message.response.client_data)
    parts = msgspec.json.decode(client_data, type=_ClientData)
    return from_base64url(parts.challenge), parts.cross_origin, message.id, from_base64url(message.raw_id), client_data
