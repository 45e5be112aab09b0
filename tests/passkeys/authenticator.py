"""A device with passkeys, and the browser before it, in software: real keys, signatures and CBOR.

Each part of an answer can be made wrong: `Wrong` says which.
"""

import base64
import hashlib
import json
import secrets
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

ORIGIN, RP_ID = "https://tickets.example.com", "example.com"
PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, NEW, EXTENDED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
AAGUID = bytes(16)
ES256, EDDSA, RS256 = -7, -8, -257
Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def new_key(algorithm: int) -> Key:
    if algorithm == ES256:
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == EDDSA:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048)


def cose(key: Key) -> dict[int, Any]:
    """Return a public key as authenticators write it."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        curve = {"secp256r1": 1, "secp384r1": 2}[key.curve.name]
        numbers, size = key.public_key().public_numbers(), (key.curve.key_size + 7) // 8
        return {1: 2, 3: ES256, -1: curve, -2: numbers.x.to_bytes(size), -3: numbers.y.to_bytes(size)}
    if isinstance(key, rsa.RSAPrivateKey):
        public = key.public_key().public_numbers()
        return {1: 3, 3: RS256, -1: public.n.to_bytes(key.key_size // 8), -2: public.e.to_bytes(3)}
    return {1: 1, 3: EDDSA, -1: 6, -2: key.public_key().public_bytes_raw()}


def signature(key: Key, data: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(hashes.SHA256()))
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(data)


class Authenticator:
    """A device that holds one passkey, once it was made."""

    def __init__(self, algorithm: int = ES256, *, is_synced: bool = True) -> None:
        self.key = new_key(algorithm)
        self.credential_id = secrets.token_bytes(32)
        self.handle = b""
        # Synchronized passkeys have no counter.
        self.is_synced, self.sign_count = is_synced, 0

    def _data(self, rp_id: str, flags: int, sign_count: int | None) -> bytes:
        flags |= (ELIGIBLE | BACKED_UP) * self.is_synced
        count = self.sign_count if sign_count is None else sign_count
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + count.to_bytes(4)

    def register(self, options: dict[str, Any], **wrong: Any) -> dict[str, Any]:
        """Return what `navigator.credentials.create` would, as JSON; `wrong` replaces parts of it."""
        self.handle = unb64(options["user"]["id"])
        key = wrong.get("public_key", cbor2.dumps(cose(self.key)))
        new = AAGUID + len(self.credential_id).to_bytes(2) + self.credential_id + key
        flags = wrong.get("flags", PRESENT | VERIFIED) | NEW
        data = self._data(wrong.get("rp_id", options["rp"]["id"]), flags, None) + new + wrong.get("extensions", b"")
        statement = {"fmt": "none", "attStmt": {}, "authData": data, **wrong.get("statement", {})}
        client_data = _client_data("webauthn.create", options["challenge"], wrong)
        response = {
            "clientDataJSON": b64(client_data),
            "attestationObject": b64(wrong.get("attestation", cbor2.dumps(statement))),
            "transports": ["internal", "hybrid"],
        }
        return self._credential({**response, **wrong.get("response", {})}, wrong)

    def log_in(self, options: dict[str, Any], **wrong: Any) -> dict[str, Any]:
        """Return what `navigator.credentials.get` would, as JSON; `wrong` replaces parts of it."""
        self.sign_count += not self.is_synced
        flags = wrong.get("flags", PRESENT | VERIFIED)
        data = self._data(wrong.get("rp_id", options["rpId"]), flags, wrong.get("sign_count"))
        data += wrong.get("extensions", b"")
        client_data = _client_data("webauthn.get", options["challenge"], wrong)
        signed = signature(wrong.get("key", self.key), data + hashlib.sha256(client_data).digest())
        response = {
            "clientDataJSON": b64(client_data),
            "authenticatorData": b64(data),
            "signature": b64(wrong.get("signature", signed)),
            "userHandle": b64(wrong.get("handle", self.handle)),
        }
        return self._credential({**response, **wrong.get("response", {})}, wrong)

    def _credential(self, response: dict[str, Any], wrong: dict[str, Any]) -> dict[str, Any]:
        credential_id = b64(wrong.get("credential_id", self.credential_id))
        return {
            "id": credential_id,
            "rawId": credential_id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
            **wrong.get("credential", {}),
        }


def _client_data(kind: str, challenge: str, wrong: dict[str, Any]) -> bytes:
    origin, cross_origin = wrong.get("origin", ORIGIN), wrong.get("cross_origin", False)
    data = {
        "type": wrong.get("type", kind),
        "challenge": wrong.get("challenge", challenge),
        "origin": origin,
        "crossOrigin": cross_origin,
    }
    return json.dumps({**data, **wrong.get("client_data", {})}).encode()
