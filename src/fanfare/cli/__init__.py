"""The command `fanfare`: what operators can do from a shell."""


def main() -> None:
    """Run the command line."""
    # Imported here, because the server and the worker are in this package too and do not need it.
    from fanfare.cli.commands import run  # noqa: PLC0415 - see above

    run()
