"""Mixed load by patient clients, while the server is killed and its token taken away."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from faults.trouble import Trouble
from harness import intermediate, postgres
from harness.authority import Authority
from harness.network import free_port
from harness.softhsm import Token
from judges import books, memory


@dataclass(frozen=True)
class Plan:
    """How long, how hard, on what."""

    minutes: float
    rate: float = 40.0
    curve: str = "p256"
    on_postgres: bool = False
    kills: bool = True
    token_failures: bool = True


def suite(bench):
    """The short form."""
    endure(bench.report, bench.server, bench.folder, Plan(minutes=1, rate=20))


def endure(report, server, folder, plan):
    """Makes a CA, loads and troubles it, then judges it by what its clients know."""
    with report.check("endurance: a CA whose key is in a token") as check:
        authority = Authority(server, folder / "ca")
        token = make(check, authority, folder, plan.curve)
    if plan.on_postgres:
        with report.check("endurance: PostgreSQL") as check, postgres.database(check) as url:
            authority.set("url", json.dumps(url))
            load_and_judge(report, authority, token, folder, plan)
    else:
        load_and_judge(report, authority, token, folder, plan)


def load_and_judge(report, authority, token, folder, plan):
    """The hour, and what is left after it."""
    trouble = Trouble(authority, token, folder)
    with report.check("endurance: load and trouble") as check:
        authority.command(check, "migrate")
        made = authority.command(check, "token", "create", "--name=load", "--role=admin")
        bearer = folder / "bearer"
        bearer.write_text(check.find(r"^token +(\S+)$", made, "no token").group(1))
        trouble.begin(check)
        load = check.start(*load_command(authority, folder, bearer, plan))
        trouble.make(check, load, plan)
        summary = check.log.read_text(errors="replace").partition("latency in ms")
        print("".join(summary[1:]).rstrip(), flush=True)
    try:
        books.judge(report, authority, bearer, folder)
        memory.judge(report, folder, plan)
    finally:
        authority.stop()


def load_command(authority, folder, bearer, plan):
    """The clients."""
    tool = Path(os.environ.get("CA_LOAD", authority.server.parent / "ca-load"))
    return (tool, "mix", "--directory", authority.directory(), "--root", authority.root,
            "--pki", authority.pki_url, "--token", bearer, "--rate", plan.rate,
            "--secs", round(plan.minutes * 60), "--journal", folder / "journal",
            "--responder", f"127.0.0.1:{authority.http_port}")


def make(check, authority, folder, curve):
    """Quickstart's CA, with an intermediate whose key is born in a token."""
    os.environ["RUST_LOG"] = "warn"
    authority.quickstart(check)
    authority.stop()
    authority.set("http_port", str(authority.http_port))
    authority.append("\n[api]\nrequests_per_minute = 1000000\nburst = 100000\n")
    token = Token(check, folder / "token")
    intermediate.replace(check, authority, token.uri("tls"), curve)
    return token
