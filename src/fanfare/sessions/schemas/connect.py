"""Shapes of logging in: the steps of `connect`, and what each returns."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.fans.contact import read_contact
from fanfare.fans.schemas.fans import Mail, Phone
from fanfare.identities.schemas.presets import OIDC, PRESETS
from fanfare.kernel.parameters import Params, RequestContext
from fanfare.kernel.wire import Address, ChoiceForm, Flag, Id, OuterKey, Text, TextForm, Uuid
from fanfare.passkeys.schemas.credentials import UsedCredential, UsedCredentialForm
from fanfare.passkeys.schemas.origins import RpId

# The steps that need more than one of their fields.
GUEST, REGISTER, EMAIL, PHONE, PASSWORD = "guest", "register", "email", "phone", "password"
VERIFY_SMS, VERIFY_EMAIL, SUBMIT = "verify_sms", "verify_email", "submit_verification_code"
PASSKEY_OPTIONS, PASSKEY = "passkey_options", "passkey"
IDENTITY_NETWORKS = tuple(PRESETS)
NETWORKS = (
    GUEST, REGISTER, EMAIL, PHONE, PASSWORD, VERIFY_SMS, VERIFY_EMAIL, SUBMIT, PASSKEY_OPTIONS, PASSKEY,
    *IDENTITY_NETWORKS,
)  # fmt: skip
# How a session began that a code opened.
CODE = "code"
# What a step cannot do without; of a tuple one is enough.
NEEDED: dict[str, tuple[tuple[str, ...], ...]] = {
    REGISTER: (("email", "phone"),),
    EMAIL: (("email",),),
    PHONE: (("phone",),),
    PASSWORD: (("email", "phone"), ("password",)),
    VERIFY_SMS: (("phone",),),
    VERIFY_EMAIL: (("email",),),
    SUBMIT: (("request_uid",), ("verification_code",)),
    PASSKEY: (("credential",),),
    **{name: ((("id_token",) if each.has_id_token else ("access_token",)),) for name, each in PRESETS.items()},
    OIDC: (("provider",), ("id_token",)),
}
SHORTEST_PASSWORD = 8

NetworkChoice = Annotated[str, ChoiceForm(*NETWORKS)]
DeviceNetwork = Annotated[str, ChoiceForm("ios", "android")]
LoginPassword = Annotated[str, TextForm(256)]
LoginToken = Annotated[str, TextForm(10_000)]


DeviceId = Annotated[OuterKey | None, "Hardware id when a mobile app calls."]
DeviceKind = Annotated[DeviceNetwork | None, "ios or android."]
FanAddress = Annotated[
    Address | None, "IP address of the fan; used only with the secret, otherwise it is the caller's."
]


class Connect(Params):
    """A step of logging in."""

    ip_address: FanAddress = None
    device_id: DeviceId = None
    device_network: DeviceKind = None
    network: Annotated[
        NetworkChoice | None,
        "The step. Empty or guest: a session without login. register: a new fan. email or phone: whether a fan has it,"
        " or with a password the login. password: the login by email or phone. verify_sms or verify_email: send a code;"
        " submit_verification_code: log in with it. passkey_options: begin the login by passkey; passkey: log in with"
        " what the browser returned. oidc, google, facebook, apple, spotify: log in with a token of this identity"
        " provider.",
    ] = None
    business_id: Annotated[Id | None, "Business the session is for; required if the account has several."] = None
    page_tab_id: Annotated[Id | None, "Campaign the session is for."] = None
    last_name: Annotated[Text | None, "Family name of the fan."] = None
    first_name: Annotated[Text | None, "Given name of the fan."] = None
    email: Annotated[Mail | None, "Email address for check, code, login or registration."] = None
    phone: Annotated[Phone | None, "Phone number for check, code, login or registration."] = None
    password: Annotated[LoginPassword | None, "Password for login or registration, at least 8 characters."] = None
    is_accepted: Annotated[Flag | None, "Terms were accepted; needed once terms_required was answered."] = None
    request_uid: Annotated[Uuid | None, "Id of the running verification; needed with submit_verification_code."] = None
    verification_code: Annotated[Text | None, "Code the fan received; needed with submit_verification_code."] = None
    rp_id: RpId = None
    credential: Annotated[
        UsedCredential | None,
        UsedCredentialForm(),
        "What the browser returned, as `PublicKeyCredential.toJSON()` writes it; needed with passkey.",
    ] = None
    language: Annotated[Annotated[str, TextForm(35)] | None, "Language of the message with a code, such as de-CA."] = (
        None
    )
    provider: Annotated[
        Annotated[str, TextForm(2048)] | None, "Identity provider by its id or issuer; needed with oidc."
    ] = None
    id_token: Annotated[
        LoginToken | None, "Token of the identity provider (a signed JWT), valid once; needed with all but spotify."
    ] = None
    access_token: Annotated[
        LoginToken | None, "Access token, for spotify; only if the provider is_access_token_accepted."
    ] = None
    nonce: Annotated[Annotated[str, TextForm(255)] | None, "What the id_token was asked for with, if anything."] = None
    session_uid: Annotated[
        Uuid | None,
        "Present session of the device. It ends with the login, and what a guest did in it goes to the fan.",
    ] = None

    example: ClassVar[Mapping[str, object]] = {"network": "guest", "business_id": 4}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a step that lacks what it needs, and a new password that is easily guessed."""
        network = values.get("network") or GUEST
        for names in NEEDED.get(network, ()):
            if not any(values.get(name) for name in names):
                rest = f", or {names[1]}" if len(names) > 1 else ""
                yield names[0], f"is required with network={network}{rest}"
        if network == REGISTER:
            yield from weak_password(values)

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Refuse what is no address or number."""
        contact = {name: values.get(name) for name in ("email", "phone")}
        yield from read_contact(contact, context.account.country_code).faults


def weak_password(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a fault when a new password is too short, or the fan's own address."""
    password = values.get("password")
    if password and len(password) < SHORTEST_PASSWORD:
        yield "password", f"must be at least {SHORTEST_PASSWORD} characters"
    elif password and password in (values.get("email"), values.get("phone")):
        yield "password", "must not be the email address or the phone number"


class Session(msgspec.Struct, kw_only=True):
    """A session. expiration_timestamp is in unix seconds and moves on with use; props are those of the fan."""

    session_uid: uuid.UUID
    fan_id: int
    account_id: int
    props: dict[str, Any]
    expiration_timestamp: int


class Connection(msgspec.Struct, kw_only=True):
    """The session after a step that finished the login; otherwise its fields are absent and status says what is next.

    `register`: no fan has the email address or phone number. `login`: a fan has it. `terms_required`: repeat the step
    with is_accepted, after the fan has agreed to the texts. After a code was sent, request_uid alone; passkey_options
    alone are for `PublicKeyCredential.parseRequestOptionsFromJSON`.
    """

    session_uid: uuid.UUID | UnsetType = UNSET
    fan_id: int | UnsetType = UNSET
    account_id: int | UnsetType = UNSET
    props: dict[str, Any] | UnsetType = UNSET
    expiration_timestamp: int | UnsetType = UNSET
    status: str | UnsetType = UNSET
    request_uid: uuid.UUID | UnsetType = UNSET
    passkey_options: dict[str, Any] | UnsetType = UNSET
    business_id: int | UnsetType = UNSET
    legal_terms: str | None | UnsetType = UNSET
    legal_privacy: str | None | UnsetType = UNSET
