"""Verifying in a process of its own: a server's pages stay quick while a long journal is walked.

    python -m data.verification_child PATH

prints the Verification as one JSON document.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from data.errors import StoreError
from data.verification import verify


def main(path: str) -> int:
    """Verify `path`, print what was found; 0 where it could be looked at at all."""
    try:
        found = verify(Path(path))
    except (StoreError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(asdict(found)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
