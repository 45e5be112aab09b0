"""The user that runs the server. PostgreSQL refuses to run as root, so root switches to an unprivileged user."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from fanfare.kernel.errors import CannotRun

# A dedicated user is best; `nobody` exists everywhere.
CANDIDATES = ("fanfare", "postgres", "nobody")


class CannotStart(CannotRun):
    """The embedded PostgreSQL cannot be started here; the message says why and what to do."""


@dataclass(frozen=True)
class User:
    """The system user that the server runs as."""

    name: str
    uid: int
    gid: int
    # whether it differs from the user of this process
    is_other: bool

    @property
    def ids(self) -> tuple[int, int] | None:
        """The ids to chown files to and to drop processes to; None for the user of this process."""
        return (self.uid, self.gid) if self.is_other else None

    def passes(self, path: Path) -> bool:
        """Return whether this user may enter this directory and all its parents."""
        resolved = path.resolve()
        return all(self._may_enter(each.stat()) for each in (resolved, *resolved.parents))

    def _may_enter(self, directory: os.stat_result) -> bool:
        if directory.st_uid == self.uid:
            return bool(directory.st_mode & stat.S_IXUSR)
        if directory.st_gid == self.gid:
            return bool(directory.st_mode & stat.S_IXGRP)
        return bool(directory.st_mode & stat.S_IXOTH)


def server_user(cluster: Path, requested_name: str | None) -> User:
    """Return the user for a cluster: its owner if it exists, else the current user, else an unprivileged one."""
    owner = cluster.stat().st_uid if cluster.exists() else None
    current_uid = os.geteuid()
    if current_uid != 0:
        if owner not in (None, current_uid):
            message = f"{cluster} belongs to user id {owner}, and only that user or root can run it"
            raise CannotStart(message)
        return _user(_by_id(current_uid), is_other=False)
    if owner:
        return _user(_by_id(owner), is_other=True)
    for name in (requested_name,) if requested_name else CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return _user(entry, is_other=True)
    message = (
        "PostgreSQL does not run as root, and no other user can run it "
        f"({requested_name or ', '.join(CANDIDATES)}): create one and set FANFARE_POSTGRES_USER, or set DATABASE_URL"
    )
    raise CannotStart(message)


def _by_id(uid: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        message = f"user id {uid} has no name on this system, which PostgreSQL needs: add it to /etc/passwd"
        raise CannotStart(message) from None


def _user(entry: pwd.struct_passwd, *, is_other: bool) -> User:
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid, is_other)
