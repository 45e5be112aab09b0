"""The PostgreSQL that comes in the wheel: made, started, restarted and stopped here.

`hold` keeps a data directory to one owner, `user` decides who runs the server, `binaries` where its programs are,
`configuration` how it is set, `server` runs it.
"""

from fanfare.kernel.running.embedded.binaries import program
from fanfare.kernel.running.embedded.hold import AlreadyHeld, Hold, Running, running
from fanfare.kernel.running.embedded.server import Embedded, has_cluster
from fanfare.kernel.running.embedded.user import CannotStart

__all__ = ["AlreadyHeld", "CannotStart", "Embedded", "Hold", "Running", "has_cluster", "program", "running"]
