"""A network of its own for each node, made of Linux network namespaces, in which a test cuts directions one by one.

A namespace `hub` holds a bridge; each node's namespace, and the test itself, have a cable to it. Every machine knows
its neighbours by fixed hardware addresses. To cut the way from one node to another, the one is given a wrong address
of the other: its packets then reach nobody, and nobody is told. That needs the rights of root and `ip` of iproute2,
and neither a firewall nor a module for it.
"""

import atexit
import os
import re
import shutil
import signal
import subprocess
import sys

import cluster

NOWHERE = "02:00:00:00:ff:ff"
PREFIX = "brusio-test-"
TEST_NUMBER = 254


class Impossible(Exception):
    """This machine does not let us make namespaces; the text says why."""


def ip(*words):
    ran = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise Impossible(f"ip {' '.join(words)}: {ran.stderr.strip() or ran.returncode}")
    return ran.stdout


def remove_orphans():
    """Namespaces of tests whose process has ended without a chance to remove them."""
    for line in ip("netns", "list").splitlines():
        found = re.match(PREFIX + r"(\d+)-\S+", line)
        if found and not cluster.is_alive(int(found.group(1))):
            subprocess.run(["ip", "netns", "delete", found.group()], capture_output=True, check=False)


def end_on_signal(number, _frame):
    """So that what is registered with `atexit` runs."""
    sys.exit(128 + number)


class Network:
    """Nodes 1 to `nodes` with one address each, all connected at first."""

    def __init__(self, nodes):
        self.nodes = range(1, nodes + 1)
        self.mark = f"{PREFIX}{os.getpid()}-"
        self.cable = f"bru{os.getpid()}"
        # Of the range that is set aside for tests of networks (RFC 2544).
        self.range = f"198.18.{os.getpid() % 256}."
        self.made = []
        if shutil.which("ip") is None or shutil.which("setpriv") is None:
            raise Impossible("there is no ip (iproute2) or no setpriv (util-linux)")
        if os.geteuid() != 0:
            raise Impossible("network namespaces need root")
        atexit.register(self.end)
        signal.signal(signal.SIGTERM, end_on_signal)
        try:
            remove_orphans()
            self.build()
        except Impossible:
            self.end()
            raise

    def host(self, node):
        return f"{self.range}{node}"

    def hosts(self):
        return [self.host(node) for node in self.nodes]

    def namespace(self, node):
        return f"{self.mark}{node}"

    def prefixes(self):
        """What the command line of each node begins with; the process ends with this one."""
        return [["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", self.namespace(node)] for node in self.nodes]

    @staticmethod
    def hardware(number):
        return f"02:00:00:00:00:{number:02x}"

    def build(self):
        hub = self.mark + "hub"
        self.add_namespace(hub)
        ip("-n", hub, "link", "add", "bridge", "type", "bridge")
        ip("-n", hub, "link", "set", "bridge", "up")
        for node in self.nodes:
            self.add_namespace(self.namespace(node))
            self.plug(hub, node, self.namespace(node))
        self.plug(hub, TEST_NUMBER, None)
        for node in self.nodes:
            for other in [*self.nodes, TEST_NUMBER]:
                if other != node:
                    self.introduce(node, other, self.hardware(other))

    def add_namespace(self, name):
        ip("netns", "add", name)
        self.made.append(name)
        ip("-n", name, "link", "set", "lo", "up")

    def plug(self, hub, number, namespace):
        """A cable from the hub to a namespace, or to the test's own when that is None."""
        port, end = f"port{number}", f"{self.cable}x{number}"
        ip("-n", hub, "link", "add", port, "type", "veth", "peer", "name", end, "address", self.hardware(number))
        ip("-n", hub, "link", "set", port, "master", "bridge", "up")
        ip("-n", hub, "link", "set", end, "netns", namespace or str(os.getpid()))
        inside = ["-n", namespace] if namespace else []
        ip(*inside, "address", "add", f"{self.range}{number}/24", "dev", end)
        ip(*inside, "link", "set", end, "up")

    def introduce(self, node, other, hardware):
        ip("-n", self.namespace(node), "neighbour", "replace", f"{self.range}{other}", "lladdr", hardware, "dev",
           f"{self.cable}x{node}", "nud", "permanent")

    def cut_way(self, sender, receiver):
        """What the one sends does not reach the other; the way back stays."""
        self.introduce(sender, receiver, NOWHERE)

    def cut(self, some, others):
        """Both ways between each of the one and each of the other."""
        for one in some:
            for other in others:
                self.cut_way(one, other)
                self.cut_way(other, one)

    def heal(self):
        for node in self.nodes:
            for other in self.nodes:
                if other != node:
                    self.introduce(node, other, self.hardware(other))

    def end(self):
        """Processes in the namespaces must have ended. A cable goes with its end in the hub."""
        atexit.unregister(self.end)
        for name in reversed(self.made):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        if self.made:
            subprocess.run(["ip", "link", "delete", f"{self.cable}x{TEST_NUMBER}"], capture_output=True, check=False)
        self.made = []
