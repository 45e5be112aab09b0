"""Options shared by several commands. Each takes precedence over its environment variable."""

from pathlib import Path
from typing import Annotated

import typer

from fanfare.kernel.running.settings import Settings, variable


def _help(text: str, name: str) -> str:
    """Return the help of an option for a setting, with its default."""
    return f"{text}. Default: {variable(name)}, or {getattr(Settings(), name)}"


DataDir = Annotated[
    Path | None, typer.Option(help=_help("Folder of the embedded database", "data_dir"), show_default=False)
]
Host = Annotated[str | None, typer.Option(help=_help("Address to listen on", "host"), show_default=False)]
Port = Annotated[int | None, typer.Option(help=_help("Port, 0 for any free one", "port"), show_default=False)]
Workers = Annotated[int | None, typer.Option(help=_help("Number of server processes", "workers"), show_default=False)]
LogLevel = Annotated[
    str | None, typer.Option(help=_help("debug, info, warning or error", "log_level"), show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text")]
