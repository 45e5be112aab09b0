"""The PostgreSQL that comes in a wheel: created, started, restarted and stopped here.

`directory_lock` locks a data directory, `user` decides which user runs the server, `binaries` finds its programs,
`configuration` configures it, `server` runs it.
"""

from fanfare.kernel.running.embedded.binaries import program
from fanfare.kernel.running.embedded.directory_lock import DirectoryInUse, DirectoryLock, Running, running
from fanfare.kernel.running.embedded.server import Embedded, has_cluster
from fanfare.kernel.running.embedded.user import CannotStart

__all__ = ["CannotStart", "DirectoryInUse", "DirectoryLock", "Embedded", "Running", "has_cluster", "program", "running"]
