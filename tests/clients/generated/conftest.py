"""Generated clients are made by `make clients` alone: the generators take longer to install than all else."""

import os

collect_ignore = [] if os.environ.get("FANFARE_CLIENTS") else ["test_generated.py"]
