"""The demo is made by a command in which nothing else has loaded the domains."""

import subprocess
import sys

from tests.running import PATIENCE

CODE = "import fanfare.demo; from fanfare.campaigns.followers import SETTLE; SETTLE.get()"


def test_the_command_has_what_domains_hand_down() -> None:
    command = [sys.executable, "-P", "-c", CODE]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert ran.returncode == 0, ran.stderr
