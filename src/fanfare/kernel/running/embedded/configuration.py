"""Configuration of the embedded server: sized to the machine's memory, no user data in its log, no network."""

import os
import pwd
from pathlib import Path

import psutil

from fanfare.kernel.running.embedded.user import User

MIB = 1024 * 1024
DATABASE = "fanfare"
PORT = 5432
# PostgreSQL's default.
CONNECTIONS = 100
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
# Error messages, their details and statements quote user data, which must not reach a log.
SILENT = {
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}
EVERYWHERE: dict[str, str | int] = {
    "listen_addresses": "",
    "port": PORT,
    "unix_socket_permissions": "0700",
    # By default a whole segment of 16 MB, which becomes resident by and by. Each commit empties it.
    "wal_buffers": "4MB",
    # Limits what is replayed after a crash: recovery takes seconds.
    "max_wal_size": "1GB",
    "checkpoint_completion_target": "0.9",
    # No process for a replication that nobody set up.
    "max_logical_replication_workers": 0,
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    **SILENT,
}


def machine_memory() -> int:
    """Return the bytes of memory of this machine, or of the container around this process."""
    total = int(psutil.virtual_memory().total)
    try:
        return min(total, int(CGROUP_LIMIT.read_text()))
    except (OSError, ValueError):
        return total


def settings(sockets: Path, memory: int, connections: int = CONNECTIONS, *, durable: bool) -> dict[str, str | int]:
    """Return the server's settings; `memory` is in bytes."""
    cores = os.cpu_count() or 1
    values: dict[str, str | int] = {
        **EVERYWHERE,
        "unix_socket_directories": str(sockets),
        "max_connections": connections,
        # Pages become resident only when data are read, but what manages them at once: 18 MB for each GB.
        "shared_buffers": _mib(memory / 32, 32, 2048),
        "effective_cache_size": _mib(memory / 2, 128, 65536),
        "work_mem": _mib(memory / 512, 4, 16),
        "maintenance_work_mem": _mib(memory / 32, 32, 256),
        # Processes that read ahead: as many as the cores can use, not always three.
        "io_workers": max(1, min(3, cores // 2)),
        "max_parallel_workers": cores,
        "max_parallel_workers_per_gather": min(2, cores),
    }
    if not durable:
        values |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    return values


def _mib(memory_bytes: float, minimum: int, maximum: int) -> str:
    return f"{min(max(int(memory_bytes / MIB), minimum), maximum)}MB"


def files(sockets: Path, user: User, connections: int = CONNECTIONS, *, durable: bool) -> dict[str, str]:
    """Return the contents of the cluster's configuration files by name, which are rewritten at every start.

    The operator's own settings go to `operator.conf` beside them, which is read last. Access is granted by the system
    user of the client process: the user who started this, and root.
    """
    values = settings(sockets, machine_memory(), connections, durable=durable)
    lines = [f"{name} = '{value}'" for name, value in values.items()]
    names = {pwd.getpwuid(os.geteuid()).pw_name, "root", *(() if user.is_other else (user.name,))}
    return {
        "postgresql.conf": "\n".join([*lines, "include_if_exists = 'operator.conf'", ""]),
        "pg_hba.conf": "local all all peer map=operators\n",
        "pg_ident.conf": "".join(f'operators "{name}" {DATABASE}\n' for name in sorted(names)),
    }
