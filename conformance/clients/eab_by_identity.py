"""lego and certbot in a job: a token is traded for an EAB credential, and no port is open."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from clients import lego
from harness.bench import Issued
from harness.network import free_port, serving_files
from judges import verdict


def suite(bench):
    """The examples in deploy/, as they are."""
    for job in (Lego(bench), Certbot(bench)):
        gets_what_the_grant_covers(bench, job)
        gets_nothing_else(bench, job)
    refuses_strangers(bench)
    asks_github_for_a_token(bench)


def gets_what_the_grant_covers(bench, job):
    """No challenge could be answered: nothing leads to these names."""
    names = [job.covered("web"), job.covered("www")]
    with bench.check(f"{job.client} gets a certificate for names that lead nowhere") as check:
        job.run(check, "pipelines", *names)
    # The lifetime is the grant's.
    issued = replace(job.issued(names[0]), lifetime=timedelta(hours=1))
    verdict.accepted(bench, job.client, issued)


def gets_nothing_else(bench, job):
    """Without challenges a name outside is refused; with them it must be proven."""
    covered, outside = job.covered("inside"), bench.host(f"{job.client}-outside")
    with bench.check(f"{job.client} is refused a name outside the grant") as check:
        output = job.refused(check, "pipelines", covered, outside)
        output += job.log("pipelines")
        check.find(r"acme:error:rejectedIdentifier", output, "refused for another reason")
    with bench.check(f"{job.client} is sent to a challenge for a name outside the grant") as check:
        output = job.refused(check, "default", covered, outside)
        check.find(r"acme:error:connection|Type: +connection", output, "for another reason")


def refuses_strangers(bench):
    """A job of another project has no grant, and is told so before any ACME."""
    with bench.check("a job of another project gets no credential") as check:
        stranger = Lego(bench, project="43")
        output = stranger.refused(check, "pipelines", stranger.covered("web"))
        check.find(r"the CA answered 403: .*urn:ca:problem:refused", output, "for another reason")


def asks_github_for_a_token(bench):
    """The step of the workflow that a GitLab job does not need."""
    with bench.check("a GitHub job gets its token") as check:
        folder, port = bench.folder / "github", free_port(bench.address)
        folder.mkdir()
        (folder / "token").write_text('{"count": 2, "value": "a.b.c"}')
        with serving_files(folder, bench.address, port):
            token = check.run(EXAMPLES / "github-token", "https://ca.example.test:8443", env={
                "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://{bench.address}:{port}/token?version=2",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of this run",
            })
        check.require(token == "a.b.c\n", f"not the token: {token}")


class Job:
    """A job of a CI system: a token, a folder, and the scripts of the examples."""

    def __init__(self, bench, project="42"):
        self.bench = bench
        self.project = project
        self.folder = bench.folder / f"{self.client}-{project}"

    def covered(self, name):
        """A name that the grant covers."""
        return f"{self.client}-{name}.{self.bench.pipelines.ZONE}"

    def run(self, check, directory, *names):
        """Gets a certificate, which must succeed."""
        return check.run(self.script, *names, env=self._environment(check, directory))

    def refused(self, check, directory, *names):
        """Gets no certificate."""
        return check.refused(self.script, *names, env=self._environment(check, directory))

    @property
    def script(self):
        """What the pipeline calls."""
        return EXAMPLES / f"get-certificate-{self.client}"

    def _environment(self, check, directory):
        return {
            "CA_URL": self.bench.authority.external_url,
            "CA_TOKEN": self.bench.pipelines.token(check, self.project),
            "CA_DIRECTORY": directory,
            "CA_ROOT_FILE": self.bench.authority.root,
            self.path_variable: self.folder / directory,
        }


class Lego(Job):
    """lego from Debian."""

    client = "lego"
    path_variable = "LEGO_PATH"

    def log(self, _directory):
        """lego says all on its outputs."""
        return ""

    def issued(self, name):
        """The files under a certificate's first name."""
        return lego.issued(self.folder / "pipelines/certificates", name)


class Certbot(Job):
    """certbot from Debian."""

    client = "certbot"
    path_variable = "CERTBOT_PATH"

    def log(self, directory):
        """certbot 2.1 stumbles on Python 3.11 while it tells of a refusal; its log has it."""
        return (self.folder / directory / "logs/letsencrypt.log").read_text()

    def issued(self, name):
        """The files under a certificate's first name."""
        live = self.folder / "pipelines/config/live" / name
        return Issued(*(live / file for file in ("cert.pem", "chain.pem", "privkey.pem")))


EXAMPLES = Path(__file__).resolve().parents[2] / "deploy/examples"
