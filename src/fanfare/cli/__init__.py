"""The command `fanfare`: what an operator can do from a shell."""


def main() -> None:
    """Run the command line."""
    # The server and the worker live in this package too, and need none of it.
    from fanfare.cli.commands import run  # noqa: PLC0415 - as said

    run()
