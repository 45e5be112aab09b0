"""What can be wrong with what a browser returned: parts by which `Authenticator` replaces its own."""

from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.passkeys.authenticator import EXTENDED, ORIGIN, PRESENT, VERIFIED, b64, cose, new_key


def bomb(levels: int = 40, width: int = 10) -> bytes:
    """Return a little CBOR that refers to itself: unfolded, it is ten times as large at each level."""
    start, reference = b"\xd8\x1c" + bytes([0x80 + width]), b"\xd8\x1d"
    items = [start + (reference + cbor2.dumps(level - 1)) * width for level in range(1, levels)]
    return b"\x98" + bytes([levels]) + start + b"\x00" * width + b"".join(items)


def nested(depth: int) -> bytes:
    return b"\x81" * depth + b"\x00"


# What is wrong with the answer of a device to a login.
WRONG_LOGINS: dict[str, dict[str, Any]] = {
    "another challenge": {"challenge": b64(b"x" * 200)},
    "no challenge": {"challenge": ""},
    "another origin": {"origin": "https://evil.example"},
    "an origin that begins alike": {"origin": f"{ORIGIN}.evil.example"},
    "the host without the name before it": {"origin": "https://example.com"},
    "without TLS": {"origin": ORIGIN.replace("https", "http")},
    "in a frame of another site": {"cross_origin": True},
    "another host": {"rp_id": "evil.example"},
    "a host below": {"rp_id": "tickets.example.com"},
    "nobody was there": {"flags": VERIFIED},
    "nobody was verified": {"flags": PRESENT},
    "a registration": {"type": "webauthn.create"},
    "a signature of another key": {"key": new_key(-7)},
    "a signature of a key of another kind": {"key": new_key(-8)},
    "an empty signature": {"signature": b""},
    "a made-up signature": {"signature": b"\x30" * 70},
    "an unknown passkey": {"credential_id": b"x" * 32},
    "another handle": {"handle": b"x" * 32},
    "no handle": {"response": {"userHandle": None}},
    "an id that is not the other": {"credential": {"id": b64(b"x" * 32)}},
    "no data": {"response": {"authenticatorData": ""}},
    "short data": {"response": {"authenticatorData": b64(b"x" * 36)}},
    "data that ends in a credential": {"response": {"authenticatorData": b64(b"x" * 32 + b"\x45" + b"\xff" * 30)}},
    "extensions that refer to themselves": {"flags": PRESENT | VERIFIED | EXTENDED, "extensions": bomb(20)},
    "deep extensions": {"flags": PRESENT | VERIFIED | EXTENDED, "extensions": nested(700)},
    "extensions without an end": {"flags": PRESENT | VERIFIED | EXTENDED, "extensions": b"\x9f" * 700},
    "data behind the end": {"extensions": b"\x00"},
}

# Answers that no browser would write, or of a size that nobody needs.
WRONG_FORMS: dict[str, dict[str, Any]] = {
    "a challenge that is no text": {"challenge": 5},
    "a challenge that is no base64": {"challenge": "%%%"},
    "another kind of credential": {"credential": {"type": "password"}},
    "no id": {"credential": {"id": None}},
    "no response": {"credential": {"response": None}},
    "a response that is a list": {"credential": {"response": []}},
    "data that is no base64": {"response": {"authenticatorData": "a"}},
    "data with padding": {"response": {"signature": "AA=="}},
    "letters that are none": {"response": {"signature": "AAé"}},
    "client data that is no JSON": {"response": {"clientDataJSON": b64(b"{")}},
    "client data that is a list": {"response": {"clientDataJSON": b64(b"[]")}},
    "deep client data": {"response": {"clientDataJSON": b64(b"[" * 2000)}},
    "huge data": {"response": {"authenticatorData": "A" * 1025}},
    "huge client data": {"client_data": {"x": "x" * 4000}},
    "a huge signature": {"response": {"signature": "A" * 1025}},
    "a huge handle": {"response": {"userHandle": "A" * 89}},
    "a huge id": {"credential": {"rawId": "A" * 1365}},
}


def packed(x5c: list[bytes] | None) -> dict[str, Any]:
    return {"fmt": "packed", "attStmt": {"alg": -7, "sig": b"\x30" * 70, **({"x5c": x5c} if x5c else {})}}


P256 = cose(new_key(-7))
# What is wrong with a new passkey.
WRONG_PASSKEYS: dict[str, dict[str, Any]] = {
    "another challenge": {"challenge": b64(b"x" * 200)},
    "another origin": {"origin": "https://evil.example"},
    "in a frame of another site": {"cross_origin": True},
    "another host": {"rp_id": "evil.example"},
    "nobody was there": {"flags": VERIFIED},
    "nobody was verified": {"flags": PRESENT},
    "a login": {"type": "webauthn.get"},
    "an id that is not the signed one": {"credential_id": b"x" * 32},
    "no statement": {"attestation": b""},
    "a statement that is no map": {"attestation": cbor2.dumps([1])},
    "two statements": {"attestation": cbor2.dumps({}) * 2},
    "a statement of no form": {"statement": {"fmt": 5}},
    "a statement without data": {"statement": {"authData": b""}},
    "data that is a text": {"statement": {"authData": "x" * 200}},
    "a statement of certificates": {"statement": packed([b"\x30" * 200])},
    "a wrong signature of its own": {"statement": packed(None)},
    "a statement in another form": {"statement": {"fmt": "android-safetynet", "attStmt": {"response": b"{}"}}},
    "a none with a statement": {"statement": {"attStmt": {"sig": b"x"}}},
    "no key": {"public_key": b""},
    "a key that is a number": {"public_key": b"\x04"},
    "a key that is a list": {"public_key": b"\x80"},
    "a key without a kind": {"public_key": cbor2.dumps({1: 2})},
    "a key twice of one name": {"public_key": b"\xa2\x01\x02\x01\x02"},
    "a point that is not on the curve": {"public_key": cbor2.dumps({**P256, -2: b"\x01" * 32})},
    "a key on a larger curve": {"public_key": cbor2.dumps(cose(ec.generate_private_key(ec.SECP384R1())))},
    "a key of an unknown curve": {"public_key": cbor2.dumps({**P256, -1: 99})},
    "an unknown algorithm": {"public_key": cbor2.dumps({**P256, 3: -47})},
    "an algorithm of another kind of key": {"public_key": cbor2.dumps({**P256, 3: -257})},
    "a hash that is broken": {"public_key": cbor2.dumps({**cose(rsa.generate_private_key(65537, 2048)), 3: -65535})},
    "a short key": {"public_key": cbor2.dumps({1: 3, 3: -257, -1: b"\xff" * 128, -2: b"\x01\x00\x01"})},
    "a slow exponent": {"public_key": cbor2.dumps({1: 3, 3: -257, -1: b"\xff" * 256, -2: b"\xff" * 200})},
    "a key that refers to itself": {"public_key": bomb()},
    "a deep key": {"public_key": nested(2000)},
    "a key without an end": {"public_key": b"\x9f" * 2000},
    "a statement that refers to itself": {"attestation": bomb()},
    "extensions that refer to themselves": {"flags": PRESENT | VERIFIED | EXTENDED, "extensions": bomb()},
    "a number of a thousand digits": {"public_key": b"\xc2\x59\x03\xe8" + b"\xff" * 1000},
    "data behind the end": {"extensions": b"\x00"},
}
WRONG_PASSKEY_FORMS: dict[str, dict[str, Any]] = {
    "a huge statement": {"attestation": b"x" * 3073},
    "many ways": {"response": {"transports": ["usb"] * 17}},
}
