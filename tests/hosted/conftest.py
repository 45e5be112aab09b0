"""The gateways that codes and links are sent to."""

from tests.sessions.conftest import gateways

__all__ = ["gateways"]
