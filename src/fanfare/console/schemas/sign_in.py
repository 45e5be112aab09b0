"""Shapes of the sign-in, of links, and of a person's own settings."""

from typing import Annotated

from fanfare.kernel.pages.form_copies import DIGEST_LENGTH, MAX_LENGTH
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id, TextForm
from fanfare.passkeys.schemas.credentials import NewCredential, NewCredentialForm, UsedCredential, UsedCredentialForm
from fanfare.passkeys.schemas.passkeys import PasskeyName
from fanfare.staff.schemas.invitations import Email

# An address within another is encoded once more, which makes it up to three times as long.
Path = Annotated[Annotated[str, TextForm(12_000)] | None, "Path of the page that follows."]
Password = Annotated[Annotated[str, TextForm(200)], "The password."]
Code = Annotated[Annotated[str, TextForm(40)], "A code of the app, or a recovery code."]
WaitingCopy = Annotated[Annotated[str, TextForm(MAX_LENGTH)] | None, "The form that waits, sealed."]
Token = Annotated[Annotated[str, TextForm(100)], "The token of a link."]
PersonName = Annotated[Annotated[str, TextForm(100)], "Name of the person."]


class Next(Params):
    """What follows."""

    next: Path = None


class WaitingForm(Next):
    """The form that waits in a cookie, and what follows where it cannot be sent."""

    copy: Annotated[Annotated[str, TextForm(DIGEST_LENGTH)] | None, "Which form, by the digest of its copy."] = None


class WaitingFile(Next):
    """The path of a file that waits, and the page with the link to it."""

    back: Path = None


class SignIn(Next, kw_only=True):
    """The first step: address and password."""

    email: Annotated[Email, "Email address."]
    password: Password


class CodeEntry(Next, kw_only=True):
    """The second step."""

    code: Code


class PasskeySignIn(Next, kw_only=True):
    """The sign-in by a passkey."""

    credential: Annotated[UsedCredential, UsedCredentialForm(), "What the browser returned, as JSON."]


class Proof(Next):
    """Shows who somebody is once more, with the form that waits for it."""

    password: Annotated[Annotated[str, TextForm(200)] | None, "The password."] = None
    code: Annotated[Annotated[str, TextForm(40)] | None, "A code of the app, or a recovery code."] = None
    form_copy: WaitingCopy = None


class PasskeyProof(PasskeySignIn, kw_only=True):
    """The same by a passkey."""

    form_copy: WaitingCopy = None


class ForgottenPassword(Params):
    """Who has forgotten a password."""

    email: Annotated[Email, "Email address."]


class LinkQuery(Params):
    """The link that was opened."""

    token: Token


class NewPassword(LinkQuery):
    """The new password of the person of a link."""

    password: Password


class Acceptance(LinkQuery):
    """The acceptance of an invitation; name and password for somebody new."""

    name: Annotated[Annotated[str, TextForm(100)] | None, "Name of the person."] = None
    password: Annotated[Annotated[str, TextForm(200)] | None, "The password."] = None


class AppSetUp(Params):
    """The first code of an authenticator app."""

    secret: Annotated[Annotated[str, TextForm(2000)], "The sealed secret of the form."]
    code: Code


class PasskeySetUp(Params):
    """A passkey that the browser made."""

    credential: Annotated[NewCredential, NewCredentialForm(), "What the browser returned, as JSON."]
    passkey_name: Annotated[PasskeyName | None, "Name of the passkey."] = None


class OnePasskey(Params):
    """Which passkey."""

    passkey_id: Annotated[Id, "Passkey by its id."]


class OneSession(Params):
    """Which session."""

    session_id: Annotated[Id, "Session by its id."]


class PasswordChange(Params):
    """A new password of one's own."""

    password: Password


class PersonChanges(Params):
    """A new name of one's own."""

    name: PersonName


class ThemeChoice(Next):
    """Light, dark, or as the system has it."""

    theme: Annotated[Annotated[str, TextForm(10)] | None, "light, dark or empty."] = None
