"""The operator guide's own commands, from an empty folder to a revoked certificate."""

import os
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "operator-guide"


def suite(bench):
    """Walks the guide on both databases, each with a CA of its own."""
    offline_root = os.environ.get("CA_OFFLINE_ROOT", bench.server.with_name("ca-offline-root"))
    programs = {"CA_SERVER": bench.server, "CA_OFFLINE_ROOT": offline_root}
    for database in ("sqlite", "postgres"):
        with bench.check(f"the walk works on {database}") as check:
            check.run(SCRIPT, database, env=programs, within=240)
