"""The secret keys of an installation: sealed texts, and derived keys for each purpose.

They are in FANFARE_SECRET_KEY, or in the file `secret.keys` in the data directory, which is created at the first start.
The first key that has begun seals and signs; all keys unseal and verify until they end. A changed file is read again,
so the servers of one data directory have the same keys within a second. A key in the file begins a minute after it was
created, when every process has read it.

A sealed text is encrypted and authenticated, contains its time, and is safe in a URL.
"""

import base64
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fanfare.kernel.base64url import base64url
from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running.settings import SECRET_KEY_LENGTH, BadSettings, Settings

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

FILE = "secret.keys"
HEAD = "# The secret keys of Fanfare, the newest first; see `fanfare secret-key --help`\n"
KEY_BYTES = 32
FINGERPRINT_LENGTH = 12
BEGINS_AFTER = timedelta(minutes=1)
LOOK_SECONDS = 1.0
NEVER = "-"


class NotSealed(Exception):  # noqa: N818 - an invalid text
    """The text was not sealed for this purpose by a valid key, was modified, or is too old."""


class SecretKey(msgspec.Struct, frozen=True):
    """A key, when it begins to be used for new texts, and when it ends, if ever."""

    text: str
    begins_at: datetime
    ends_at: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """The fingerprint, which identifies the key without revealing it."""
        return hashlib.sha256(b"fingerprint:" + self.text.encode()).hexdigest()[:FINGERPRINT_LENGTH]

    def line(self) -> str:
        """Return the key as a line of the file: key, begin and end in Unix seconds."""
        end = NEVER if self.ends_at is None else str(int(self.ends_at.timestamp()))
        return f"{self.text} {int(self.begins_at.timestamp())} {end}\n"


class SecretKeys:
    """The keys of this process; `use` says where they are. Nothing is read or made before the first use."""

    def __init__(self) -> None:
        """Begin without keys."""
        self._settings = Settings()
        self._keys: tuple[SecretKey, ...] = ()
        self._mark: tuple[int, int, int] | None = None
        self._looked = 0.0

    def use(self, settings: Settings) -> None:
        """Use the keys of these settings from now on."""
        self._settings, self._keys, self._mark, self._looked = settings, from_settings(settings), None, 0.0

    def prepare(self) -> None:
        """Read the keys, and create the file if it is missing; raises BadSettings for an invalid file."""
        self._look()

    def derived(self, purpose: str, length: int = KEY_BYTES) -> list[bytes]:
        """Return the keys for a purpose, the one for new texts first."""
        return [_derive(each.text, purpose, length) for each in self._valid()]

    def seal(self, purpose: str, data: bytes) -> str:
        """Return the data encrypted, for `unseal` with the same purpose."""
        return _fernets(*self.derived(purpose)).encrypt(data).decode()

    def unseal(self, purpose: str, text: str, *, max_age: timedelta | None = None) -> bytes:
        """Return the sealed data; raises NotSealed."""
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - takes 4 MB, which most commands save

        try:
            seconds = None if max_age is None else int(max_age.total_seconds())
            data: bytes = _fernets(*self.derived(purpose)).decrypt(text.encode("ascii", "replace"), ttl=seconds)
        except InvalidToken:
            raise NotSealed from None
        return data

    def _valid(self) -> Sequence[SecretKey]:
        now = datetime.now(UTC)
        self._look()
        valid = [each for each in self._keys if each.ends_at is None or each.ends_at > now]
        begun = [each for each in valid if each.begins_at <= now]
        # A key that has not begun can unseal texts of a server whose clock is ahead.
        return [*begun, *(each for each in valid if each.begins_at > now)]

    def _look(self) -> None:
        """Read the file if it was changed, and create it if it is missing."""
        if self._settings.secret_key or time.monotonic() - self._looked < LOOK_SECONDS:
            return
        path = self._settings.data_dir / FILE
        with _accessible(path):
            if not path.exists():
                make_file(path)
            stat = path.stat()
            mark = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if mark != self._mark:
                self._keys, self._mark = read_file(path), mark
        self._looked = time.monotonic()


def from_settings(settings: Settings) -> tuple[SecretKey, ...]:
    """Return the keys of FANFARE_SECRET_KEY, which have no end; empty if it is not set."""
    begin = datetime.fromtimestamp(0, UTC)
    return tuple(SecretKey(text, begin) for text in settings.secret_key)


def new_key(now: datetime) -> SecretKey:
    """Return a random key that begins now."""
    return SecretKey(base64url(secrets.token_bytes(KEY_BYTES)), now)


def make_file(path: Path) -> None:
    """Create the file with one key and mode 0600; if another process created it first, that file is kept.

    Raises CannotRun where it cannot be created.
    """
    with _accessible(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = _write_draft(path, [new_key(datetime.now(UTC))])
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()


def read_file(path: Path) -> tuple[SecretKey, ...]:
    """Return the keys of a file; raises BadSettings if it is invalid or others may read it."""
    if path.stat().st_mode & 0o077:
        message = f"{path} can be read by other users: chmod 600 {path}"
        raise BadSettings(message)
    try:
        lines = [line.split() for line in path.read_text("utf-8").splitlines() if line.strip() and line[0] != "#"]
        keys = tuple(
            SecretKey(text, _moment(begin), None if end == NEVER else _moment(end)) for text, begin, end in lines
        )
    except (ValueError, OverflowError):
        keys = ()
    if not keys or any(len(each.text) < SECRET_KEY_LENGTH for each in keys):
        message = f"{path} cannot be parsed; restore it from a copy, or remove it to start with a new key"
        raise BadSettings(message)
    return keys


def rotate_file(path: Path, now: datetime, overlap: timedelta) -> SecretKey:
    """Add a new key to the file, which begins in a minute; the others end after that and the overlap."""
    key = msgspec.structs.replace(new_key(now), begins_at=now + BEGINS_AFTER)
    end = key.begins_at + overlap
    with _accessible(path):
        if not path.exists():
            make_file(path)
        # Two rotations at once would each replace the file without the other's key.
        with _locked(path.parent):
            older = [
                each if each.ends_at is not None and each.ends_at < end else msgspec.structs.replace(each, ends_at=end)
                for each in read_file(path)
                if each.ends_at is None or each.ends_at > now
            ]
            _write_draft(path, [key, *older]).rename(path)
    return key


@contextmanager
def _accessible(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"cannot create or read {path}: {error.strerror}; set FANFARE_SECRET_KEY"
        raise CannotRun(message) from None


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write_draft(path: Path, keys: Sequence[SecretKey]) -> Path:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(HEAD + "".join(each.line() for each in keys))
        file.flush()
        os.fsync(file.fileno())
    return draft


def _moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


@lru_cache(maxsize=256)
def _derive(text: str, purpose: str, length: int) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - as above

    return HKDF(SHA256(), length, salt=b"fanfare", info=purpose.encode()).derive(text.encode())


@lru_cache(maxsize=64)
def _fernets(*keys: bytes) -> "MultiFernet":
    from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415 - as above

    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


# The keys of this process; `use` is called when it starts.
secret_keys = SecretKeys()
