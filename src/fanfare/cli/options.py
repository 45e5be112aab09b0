"""Options that several commands have. Each goes before its environment variable."""

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None,
    typer.Option(help="Where the embedded database is kept (FANFARE_DATA_DIR; .data)", show_default=False),
]
Host = Annotated[str | None, typer.Option(help="Address to listen on (FANFARE_HOST; 127.0.0.1)", show_default=False)]
Port = Annotated[
    int | None, typer.Option(help="Port to listen on, 0 for any free one (FANFARE_PORT; 8080)", show_default=False)
]
Workers = Annotated[int | None, typer.Option(help="Server processes (FANFARE_WORKERS; 1)", show_default=False)]
LogLevel = Annotated[
    str | None, typer.Option(help="debug, info, warning or error (FANFARE_LOG_LEVEL; info)", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text")]
