"""Clusters whose processes a test begins, signals and ends itself, one by one, in any order."""

import os
import signal
import subprocess
import time

import cluster
import ports

ENDS_SECONDS = 30


class Daemons(cluster.Cluster):
    """Nodes 1 to `nodes`; `hosts` and `prefixes` say where each listens, and what its command line begins with."""

    def __init__(self, nodes, *options, hosts=None, prefixes=None):
        super().__init__(nodes)
        self.options = options
        self.hosts = hosts or ["127.0.0.1"] * nodes
        self.prefixes = prefixes or [[]] * nodes
        self.processes = {}
        self.token = os.urandom(16).hex()
        os.mkdir(self.directory)
        for name, secret in (("token", self.token), ("key", os.urandom(32).hex())):
            with open(self.path(name), "w", encoding="utf-8") as stream:
                stream.write(secret + "\n")
        self.described = []
        for _ in range(nodes):
            self.add_ports()

    def add_ports(self):
        http, peer = ports.free(2)
        self.described.append({"http_port": http, "peer_port": peer})

    def add_place(self):
        """Room for one node more, which no process stands for yet."""
        self.count += 1
        self.hosts.append("127.0.0.1")
        self.prefixes.append([])
        self.add_ports()

    def path(self, name):
        return os.path.join(self.directory, name)

    def address(self, node, port):
        return f"{self.hosts[node - 1]}:{port}"

    def new_client(self, node):
        return cluster.Client(self.http_port(node), self.token, self.hosts[node - 1])

    def role(self, node):
        """The first node begins the cluster; the others join it, unless they have."""
        if node > 1:
            return ["--join", self.address(1, self.peer_port(1))]
        return [] if os.path.exists(self.path("node-1")) else ["--init"]

    def spawn(self, node):
        """Begins its process, and waits for nothing."""
        self.disconnect()
        command = [*self.prefixes[node - 1], cluster.BRUSIOD, "--data", self.path(f"node-{node}"),
                   "--http", self.address(node, self.http_port(node)),
                   "--listen", self.address(node, self.peer_port(node)),
                   "--token-file", self.path("token"), "--key-file", self.path("key"), *self.role(node),
                   *self.options]
        with open(self.path(f"node-{node}.log"), "ab") as log:
            self.processes[node] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def serves(self, node):
        if self.processes[node].poll() is not None:
            last = "\n".join(self.log(node).splitlines()[-cluster.LOG_LINES_PRINTED:])
            raise AssertionError(f"node {node} ended with {self.processes[node].returncode}:\n{last}")
        client = self.new_client(node)
        try:
            return client.ask("GET", "/readyz").status == 200
        except OSError:
            return False
        finally:
            client.close()

    def await_serving(self, *nodes):
        for node in nodes:
            cluster.wait_for(f"node {node} serves", lambda node=node: self.serves(node))

    def start(self):
        """All of them, in order, so that each gets its number as its id."""
        for node in self.numbers():
            self.spawn(node)
            self.await_serving(node)
        self.settle()
        return self

    def send(self, node, number):
        self.processes[node].send_signal(number)

    def kill(self, node):
        self.send(node, signal.SIGKILL)
        self.processes[node].wait(ENDS_SECONDS)

    def restart(self, node):
        self.spawn(node)
        self.await_serving(node)

    def stop_node(self, node):
        """Asks it to end, and gives the seconds that it took."""
        begun = time.monotonic()
        self.send(node, signal.SIGTERM)
        status = self.processes[node].wait(ENDS_SECONDS)
        if status != 0:
            raise AssertionError(f"node {node} ended with {status}")
        return time.monotonic() - begun

    def running(self):
        return [node for node, process in self.processes.items() if process.poll() is None]

    def stop(self):
        """All that run are asked to end, at once."""
        self.disconnect()
        asked = self.running()
        for node in asked:
            self.send(node, signal.SIGCONT)
            self.send(node, signal.SIGTERM)
        statuses = {}
        for node in asked:
            try:
                statuses[node] = self.processes[node].wait(ENDS_SECONDS)
            except subprocess.TimeoutExpired:
                statuses[node] = "not ended"
                self.processes[node].kill()
                self.processes[node].wait()
        bad = {node: status for node, status in statuses.items() if status != 0}
        if bad:
            raise AssertionError(f"nodes that were asked to stop ended with {bad}")

    def end(self):
        """As a cluster ends; nothing of it is left whatever happens."""
        try:
            if self.processes and os.path.isdir(self.scratch):
                self.stop()
        except BaseException:
            self.print_logs()
            raise
        finally:
            super().end()
