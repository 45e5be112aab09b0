"""The address at which links lead back to this installation, under the name that pages use."""

from fanfare.kernel.running.public_address import public_address as addresses

__all__ = ["addresses"]
