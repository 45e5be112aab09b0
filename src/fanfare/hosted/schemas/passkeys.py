"""Shapes of passkeys on pages."""

from typing import Annotated

from fanfare.hosted.schemas.login import LoginQuery
from fanfare.hosted.schemas.my_data import MyDataQuery
from fanfare.kernel.wire import Id, TextForm
from fanfare.passkeys.schemas.credentials import NewCredential, NewCredentialForm
from fanfare.passkeys.schemas.passkeys import PasskeyName

LONGEST_CREDENTIAL = 12_000
# As text: the login repeats it once the terms are accepted.
CredentialText = Annotated[Annotated[str, TextForm(LONGEST_CREDENTIAL)], "What the browser returned, as JSON."]


class PasskeyLogin(LoginQuery, kw_only=True):
    """The login by a passkey."""

    credential: CredentialText


class AddedPasskey(MyDataQuery, kw_only=True):
    """A passkey that the browser made."""

    credential: Annotated[NewCredential, NewCredentialForm(), "What the browser returned, as JSON."]


class OwnPasskey(MyDataQuery, kw_only=True):
    """A passkey of the fan, such as one to remove."""

    passkey_id: Annotated[Id, "Passkey by its id."]


class NamedPasskey(OwnPasskey, kw_only=True):
    """A passkey of the fan, and its new name."""

    passkey_name: Annotated[PasskeyName, "Name by which the fan recognizes it."]
