"""Hosts of their own on one machine: network namespaces on two bridges.

The front network is the clients', the back network the database's. A cable can be pulled from
either. The whole run has a network of its own, so that two runs never meet, and nothing is left
when it ends.
"""

import os
import subprocess
import sys

FRONT = "10.79.0"
BACK = "10.79.1"


def enter_network_of_our_own():
    """Runs this program again in a network without anybody else; needs root, and says so."""
    if os.environ.get(MARK) != "1":
        if os.geteuid() != 0:
            sys.exit("many servers: network namespaces need root: sudo, or a container with "
                     "CAP_SYS_ADMIN and CAP_NET_ADMIN. Nothing was checked.")
        command = ("unshare", "--net", "--mount", "--propagation", "private", "--",
                   sys.executable, *sys.argv)
        os.execvpe(command[0], command, os.environ | {MARK: "1"})
    run("ip", "link", "set", "lo", "up")
    os.makedirs(NAMED, exist_ok=True)
    run("mount", "-t", "tmpfs", "tmpfs", NAMED)
    for bridge, network in (("front", FRONT), ("back", BACK)):
        run("ip", "link", "add", bridge, "type", "bridge")
        run("ip", "address", "add", f"{network}.1/24", "dev", bridge)
        run("ip", "link", "set", bridge, "up")


def add_client_address(number):
    """Another address of the clients' host."""
    address = f"{FRONT}.{number}"
    run("ip", "address", "add", f"{address}/24", "dev", "front")
    return address


class Host:
    """A host with an address in each network."""

    def __init__(self, name, number):
        self.name = name
        self.front = f"{FRONT}.{number}"
        self.back = f"{BACK}.{number}"
        # What goes before a program that is to run there.
        self.prefix = ("ip", "netns", "exec", name)
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")
        for bridge, address in (("front", self.front), ("back", self.back)):
            cable = f"{name}-{bridge}"
            run("ip", "link", "add", cable, "type", "veth", "peer", "name", bridge, "netns", name)
            run("ip", "link", "set", cable, "master", bridge, "up")
            run("ip", "-n", name, "address", "add", f"{address}/24", "dev", bridge)
            run("ip", "-n", name, "link", "set", bridge, "up")

    def pull_cable(self, network):
        """From now on no packet passes between the host and this network."""
        run("ip", "link", "set", f"{self.name}-{network}", "down")

    def plug_in(self, network):
        """Packets pass again."""
        run("ip", "link", "set", f"{self.name}-{network}", "up")


def run(*command):
    """Runs a program that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"many servers: {' '.join(command)}: {done.stderr.strip()}. Nothing was checked.")


MARK = "CA_TESTS_OWN_NETWORK"
NAMED = "/run/netns"
