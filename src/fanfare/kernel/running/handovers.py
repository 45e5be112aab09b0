"""Environment variables by which the supervisor hands something to its processes; operators have settings."""

# Numbers of open files: the listening socket, the pipe to write to when a server is ready, and the one that calls for
# an index process.
SOCKET = "FANFARE_SOCKET"
READY = "FANFARE_READY"
INDEX_PIPE = "FANFARE_INDEX_PIPE"
# The number of a server. A process that replaces a dead one continues in the same files.
SERVER = "FANFARE_SERVER"
# The folder of the figures that several servers share; its name is the library's.
SHARED = "PROMETHEUS_MULTIPROC_DIR"
