"""The two ceremonies of WebAuthn: options for a browser, and the verification of what it returns.

Everything that is returned may be made up. Its CBOR is flat and has no tags: one that refers to itself would be
unfolded to gigabytes when it is encoded again.

Importing this takes 15 MB and half a second, so `loading.py` does it when it is needed, beside the event loop.
"""

import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NoReturn

import cbor2
import webauthn
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    options_to_json_dict,
    parse_attestation_object,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AttestationFormat,
    AuthenticationCredential,
    AuthenticatorAssertionResponse,
    AuthenticatorAttestationResponse,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from fanfare.kernel.data.db import Record
from fanfare.passkeys.actions.challenges import FIELD, LIFETIME, WrongPasskey
from fanfare.passkeys.queries import RelyingParty
from fanfare.passkeys.schemas.credentials import NewCredential, Registration, UsedCredential, User

ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
RSA_BITS = range(2048, 4097)
RSA_EXPONENT = 65537
# As CTAP2 limits it: nothing that an authenticator writes is nested deeper.
MAX_DEPTH = 4
# The fixed part of the data of an authenticator, the bits of its flags, and what precedes the id of a new credential.
HEAD_BYTES, FLAGS_AT = 37, 32
HAS_CREDENTIAL = 0x40
AAGUID_BYTES, LENGTH_BYTES = 16, 2


def registration_options(
    party: RelyingParty, site_name: str, user: User, challenge: bytes, present: Sequence[Record]
) -> dict[str, Any]:
    """Return what `PublicKeyCredential.parseCreationOptionsFromJSON` takes; `present` are the fan's passkeys so far."""
    options = webauthn.generate_registration_options(
        rp_id=party.rp_id,
        rp_name=site_name,
        user_id=user.handle,
        user_name=user.name,
        user_display_name=user.display_name,
        challenge=challenge,
        timeout=LIFETIME // timedelta(milliseconds=1),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(
                id=each["credential_id"], transports=[AuthenticatorTransport(name) for name in each["transports"]]
            )
            for each in present
        ],
        supported_pub_key_algs=ALGORITHMS,
    )
    return options_to_json_dict(options)


def verify_new(new: NewCredential, party: RelyingParty) -> Registration:
    """Return what is stored of a new passkey; refuses (422) one that is not for this host, or was made elsewhere.

    What the device says of its maker is not asked for; a statement with certificates is refused, not followed.
    """
    ways = [AuthenticatorTransport(name) for name in new.transports]
    response = AuthenticatorAttestationResponse(new.client_data, new.attestation, ways)
    try:
        _check_frame(new)
        _check_attestation(new.attestation)
        verified = webauthn.verify_registration_response(
            credential=RegistrationCredential(new.id_text, new.credential_id, response),
            expected_challenge=new.challenge,
            expected_rp_id=party.rp_id,
            expected_origin=list(party.origins),
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
        _check_key(verified.credential_public_key)
    except Exception as error:  # noqa: BLE001 - made-up data fails anywhere in the decoders
        raise _reason(error) from None
    if verified.credential_id != new.credential_id:
        raise WrongPasskey([(FIELD, "has an id that the device did not sign")])
    is_synced = verified.credential_device_type == CredentialDeviceType.MULTI_DEVICE
    return Registration(
        new.credential_id, verified.credential_public_key, verified.sign_count, is_synced, new.transports
    )


def verify_used(used: UsedCredential, party: RelyingParty, public_key: bytes) -> int:
    """Return the counter of the device; refuses (422) an answer that is not signed by the key, for this host, here.

    The counter is not compared: the store does that, for answers that come at once.
    """
    response = AuthenticatorAssertionResponse(used.client_data, used.authenticator_data, used.signature)
    try:
        _check_frame(used)
        _check_authenticator_data(used.authenticator_data)
        verified = webauthn.verify_authentication_response(
            credential=AuthenticationCredential(used.id_text, used.credential_id, response),
            expected_challenge=used.challenge,
            expected_rp_id=party.rp_id,
            expected_origin=list(party.origins),
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception as error:  # noqa: BLE001 - as above
        raise _reason(error) from None
    return verified.new_sign_count


def _check_frame(answer: NewCredential | UsedCredential) -> None:
    if answer.is_cross_origin:
        raise WrongPasskey([(FIELD, "was made in a frame of another site")])


def _reason(error: Exception) -> Exception:
    """Return the refusal for an error of a decoder or a check, which says no more than that it failed."""
    return error if isinstance(error, WrongPasskey) else WrongPasskey([(FIELD, "was not accepted")])


class _NoTags(dict[int, Any]):
    """The decoders of CBOR tags: none."""

    def __missing__(self, tag: int) -> NoReturn:
        raise ValueError(tag)


def _check_items(data: bytes) -> list[Any]:
    """Return the CBOR items that follow each other in data; raises for a tag, an open end, a deeper nesting."""
    source, items = io.BytesIO(data), list[Any]()
    while source.tell() < len(data):
        decoder = cbor2.CBORDecoder(
            source, semantic_decoders=_NoTags(), max_depth=MAX_DEPTH, allow_indefinite=False, read_size=1
        )
        items.append(decoder.decode())
    return items


def _check_attestation(attestation: bytes) -> None:
    (items,) = _check_items(attestation)
    _check_authenticator_data(items["authData"])
    statement = parse_attestation_object(attestation)
    is_bare = statement.fmt == AttestationFormat.NONE
    if not is_bare and (statement.fmt != AttestationFormat.PACKED or statement.att_stmt.x5c is not None):
        raise WrongPasskey([(FIELD, "has a statement of its maker, which was not asked for")])


def _check_authenticator_data(data: bytes) -> None:
    place = HEAD_BYTES
    if data[FLAGS_AT] & HAS_CREDENTIAL:
        place += AAGUID_BYTES + LENGTH_BYTES
        place += int.from_bytes(data[place - LENGTH_BYTES : place], "big")
    _check_items(data[place:])


def _check_key(public_key: bytes) -> None:
    """Raise for a key of another kind than its algorithm says, or of a size that nobody uses."""
    decoded = decode_credential_public_key(public_key)
    key = decoded_public_key_to_cryptography(decoded)
    if isinstance(key, rsa.RSAPublicKey):
        is_right = key.key_size in RSA_BITS and key.public_numbers().e == RSA_EXPONENT
        algorithm = COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256
    elif isinstance(key, ec.EllipticCurvePublicKey):
        is_right, algorithm = isinstance(key.curve, ec.SECP256R1), COSEAlgorithmIdentifier.ECDSA_SHA_256
    else:
        is_right, algorithm = isinstance(key, ed25519.Ed25519PublicKey), COSEAlgorithmIdentifier.EDDSA
    if not is_right or decoded.alg != algorithm:
        raise ValueError(algorithm)
