"""Clusters of real processes for the tests of this folder, and HTTP clients that talk to their nodes.

A cluster lives in a directory of its own, is begun through `brusio cluster start`, and is always stopped. A process
of it that is left after that fails the test. What the nodes logged is printed when a test fails.
"""

import atexit
import functools
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("BRUSIO_BUILD_DIR") or os.path.join(ROOT, "build"))
BRUSIO = os.path.join(BUILD, "brusio")
BRUSIOD = os.path.join(BUILD, "brusiod")

DEADLINE_SECONDS = 60
ANSWER_SECONDS = 60
COMMAND_SECONDS = 120
POLL_SECONDS = 0.02
LOG_LINES_PRINTED = 60


def wait_for(what, condition, seconds=DEADLINE_SECONDS):
    """The first true result of `condition`, asked again and again; fails when there is none in time."""
    until = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= until:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(POLL_SECONDS)


def is_alive(pid):
    """A zombie has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            return stream.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def pids_naming(text):
    """The processes that run and have `text` in their command line, but for this one."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and int(entry) != os.getpid():
                with open(f"/proc/{entry}/cmdline", "rb") as stream:
                    if text.encode() in stream.read() and is_alive(int(entry)):
                        found.append(int(entry))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def end_by_force(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def encoded(key):
    """A key as one segment of a path; its bytes stay as they are, slashes and zeros too."""
    return urllib.parse.quote(key, safe="")


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    @property
    def etag(self):
        return self.headers["ETag"]

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Client:
    """One kept connection to one node. For one thread at a time."""

    def __init__(self, port, token, host="127.0.0.1"):
        self.port = port
        self.token = token
        self.connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)

    def close(self):
        self.connection.close()

    def ask(self, method, path, body=None, **headers):
        """`headers` are written with `_` for `-`; one that is None is left out."""
        sent = {"Authorization": f"Bearer {self.token}"}
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        sent = {name: value for name, value in sent.items() if value is not None}
        try:
            self.connection.request(method, path, body=body, headers=sent)
            answer = self.connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise

    # The JSON endpoints, on keyspace `default`.

    def post(self, path, fields=None):
        return self.ask("POST", path, None if fields is None else json.dumps(fields).encode())

    def write(self, key, value):
        return self.post("/write", {"key": key, "value": value})

    def read(self, key):
        return self.ask("GET", "/read/" + encoded(key))

    def delete(self, key):
        return self.ask("DELETE", "/delete/" + encoded(key))

    def nodes(self):
        return self.ask("GET", "/nodes").json()["nodes"]

    def replicas(self, key):
        return self.ask("GET", "/nodes_for_key/" + encoded(key)).json()["nodes"]

    def set_strategy(self, strategy, factor=None):
        fields = {"strategy": strategy}
        if factor is not None:
            fields["replication_factor"] = factor
        return self.post("/set_replication_strategy", fields)

    # Raw bytes, in any keyspace.

    def kv(self, method, key, body=None, keyspace="default", local=False, **headers):
        path = f"/v1/kv/{encoded(keyspace)}/{encoded(key)}" + ("?consistency=local" if local else "")
        return self.ask(method, path, body, **headers)

    def put(self, key, value, **headers):
        return self.kv("PUT", key, value, **headers)

    def get(self, key, **headers):
        return self.kv("GET", key, **headers)

    def page(self, keyspace="default", **arguments):
        """One page of a listing."""
        query = "&".join(f"{name}={encoded(str(value) if isinstance(value, int) else value)}"
                         for name, value in arguments.items())
        return self.ask("GET", f"/v1/kv/{encoded(keyspace)}" + ("?" + query if query else ""))

    def pages(self, keyspace="default", **arguments):
        """Every entry of a listing, page after page."""
        entries, seen = [], set()
        while True:
            answer = self.page(keyspace, **arguments)
            if answer.status != 200:
                raise AssertionError(f"a listing answers {answer}")
            page = answer.json()
            entries += page["keys"]
            if page["cursor"] is None:
                return entries
            if page["cursor"] in seen:
                raise AssertionError("a listing's cursor comes again")
            seen.add(page["cursor"])
            arguments["cursor"] = page["cursor"]


class Command:
    """How a program ended, and what it printed."""

    def __init__(self, ran):
        self.status = ran.returncode
        self.output = ran.stdout.decode("utf-8", "surrogateescape")
        self.errors = ran.stderr.decode("utf-8", "surrogateescape")

    def json(self):
        return json.loads(self.output)

    def __repr__(self):
        return f"<exit code {self.status}: {self.output[:600]!r} {self.errors[:600]!r}>"


def run_program(program, *words, standard_input=b"", environment=None, seconds=COMMAND_SECONDS):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BRUSIO_") and name != "BRUSIOD"}
    return Command(subprocess.run([program, *words], input=standard_input, capture_output=True, timeout=seconds,
                                  env={**kept, **(environment or {})}, check=False))


class Cluster:
    """A local cluster with nodes 1 to `nodes` at first, each with its own HTTP port."""

    def __init__(self, nodes, *arguments):
        self.scratch = tempfile.mkdtemp(prefix="brusio-process-")
        self.directory = os.path.join(self.scratch, "cluster")
        self.arguments = arguments
        self.count = nodes
        self.ids = None  # 1 to count
        self.clients = {}
        atexit.register(self.end)

    # Processes.

    def command(self, *words, **options):
        """`brusio WORDS` with this cluster's directory."""
        return run_program(BRUSIO, "--dir", self.directory, *words, **options)

    def succeed(self, *words, **options):
        ran = self.command(*words, **options)
        if ran.status != 0:
            raise AssertionError(f"brusio {' '.join(words)} ends with {ran!r}")
        return ran

    def start(self):
        """Begins it, or starts what is stopped of it, and waits until every node serves."""
        new = not os.path.exists(os.path.join(self.directory, "cluster.json"))
        made = ["--nodes", str(self.count), "--http-port", "0", *self.arguments] if new else []
        self.succeed("cluster", "start", *made)
        self.learn()
        return self

    def learn(self):
        with open(os.path.join(self.directory, "cluster.json"), encoding="utf-8") as stream:
            self.described = json.load(stream)["nodes"]
        self.ids = [node["node_id"] for node in self.described]
        self.count = len(self.ids)
        with open(os.path.join(self.directory, "token"), encoding="utf-8") as stream:
            self.token = stream.read().strip()

    def disconnect(self):
        for client in self.clients.values():
            client.close()
        self.clients = {}

    def stop(self):
        self.disconnect()
        stopped = self.succeed("--json", "cluster", "stop").json()["stopped"]
        forced = [node["node_id"] for node in stopped if node["forced"]]
        if forced:
            raise AssertionError(f"the nodes {forced} did not stop when they were asked to")
        self.expect_no_process()

    def kill(self, node):
        self.disconnect()
        self.succeed("cluster", "kill", str(node))

    def restart(self, node):
        self.disconnect()
        self.succeed("cluster", "restart", str(node))
        self.learn()

    def add(self, count=1):
        """Nodes more, which have joined and hold what they should."""
        self.succeed("cluster", "add", "--count", str(count))
        self.learn()

    def remove(self, node):
        """A node less; its process has ended."""
        self.disconnect()
        self.succeed("cluster", "remove", str(node))
        self.learn()

    def left(self):
        """The ids of this cluster's processes that still run: each names the directory in its command line."""
        return pids_naming(self.scratch)

    def expect_no_process(self):
        wait_for("no process of the cluster left", lambda: not self.left(), seconds=20)

    def end(self):
        """Stops it whatever its state, and removes its directory; fails when a process outlived the stop."""
        atexit.unregister(self.end)
        self.disconnect()
        if not os.path.isdir(self.scratch):
            return
        try:
            if os.path.exists(os.path.join(self.directory, "cluster.json")):
                self.stop()
            else:
                self.expect_no_process()
        except BaseException:
            self.print_logs()
            raise
        finally:
            end_by_force(self.left())
            shutil.rmtree(self.scratch, ignore_errors=True)

    def log(self, node):
        path = os.path.join(self.directory, f"node-{node}.log")
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                return stream.read()
        except FileNotFoundError:
            return ""

    def print_logs(self):
        names = os.listdir(self.directory) if os.path.isdir(self.directory) else []
        for node in sorted(int(name[5:-4]) for name in names if name.startswith("node-") and name.endswith(".log")):
            lines = self.log(node).splitlines()
            print(f"---- the log of node {node}, its last lines of {len(lines)}")
            for line in lines[-LOG_LINES_PRINTED:]:
                print(f"    {line}")
        sys.stdout.flush()

    # Clients.

    def numbers(self):
        return self.ids or range(1, self.count + 1)

    def place(self, node):
        return self.ids.index(node) if self.ids else node - 1

    def http_port(self, node):
        return self.described[self.place(node)]["http_port"]

    def peer_port(self, node):
        return self.described[self.place(node)]["peer_port"]

    def new_client(self, node):
        """A connection of its own, for a thread of its own."""
        return Client(self.http_port(node), self.token)

    def client(self, node):
        """The connection of the test's own thread."""
        if node not in self.clients:
            self.clients[node] = self.new_client(node)
        return self.clients[node]

    def all_clients(self):
        return [self.client(node) for node in self.numbers()]

    def settle(self):
        """Waits until each node knows every node as up, and nothing is on its way to anyone."""
        def settled():
            for client in self.all_clients():
                described = client.ask("GET", "/v1/nodes").json()
                if not described["answered_by"]["serving"] or described["moves_left"] > 0:
                    return False
                if any(node["state"] != "up" or node["slots_joining"] > 0 for node in described["nodes"]):
                    return False
            return True
        wait_for("every node up and in sync", settled)


class Threads:
    """Runs functions at once; what one of them raises is raised again by `join`."""

    def __init__(self):
        self.stopping = threading.Event()
        self.threads = []
        self.problems = []

    def start(self, function, *arguments):
        def run():
            try:
                function(*arguments)
            except BaseException as problem:  # pylint: disable=broad-except
                self.problems.append(problem)
                self.stopping.set()
        thread = threading.Thread(target=run, daemon=True)
        self.threads.append(thread)
        thread.start()

    def join(self):
        for thread in self.threads:
            thread.join(COMMAND_SECONDS)
        if self.problems:
            raise self.problems[0]
        if any(thread.is_alive() for thread in self.threads):
            raise AssertionError("a thread did not end")

    def stop(self):
        self.stopping.set()
        self.join()


def printing_logs(method):
    @functools.wraps(method)
    def run(self, *arguments):
        try:
            return method(self, *arguments)
        except unittest.SkipTest:
            raise
        except BaseException:
            for cluster in self.clusters():
                cluster.print_logs()
            raise
    return run


class ClusterTest(unittest.TestCase):
    """Tests that share one cluster of NODES nodes; each leaves every node up and the strategy at will."""

    NODES = 0
    ARGUMENTS = ("--durability", "interval")
    cluster = None

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        for name, method in list(vars(cls).items()):
            if name.startswith("test_") and callable(method):
                setattr(cls, name, printing_logs(method))

    @classmethod
    def setUpClass(cls):
        if cls.NODES > 0:
            cls.cluster = Cluster(cls.NODES, *cls.ARGUMENTS)
            cls.addClassCleanup(cls.cluster.end)
            cls.cluster.start()

    def new_cluster(self, nodes, *arguments):
        """A cluster for this test alone."""
        cluster = Cluster(nodes, *(arguments or self.ARGUMENTS))
        self.own_clusters = [*getattr(self, "own_clusters", []), cluster]
        self.addCleanup(cluster.end)
        return cluster.start()

    def clusters(self):
        shared = [self.cluster] if self.cluster is not None else []
        return shared + getattr(self, "own_clusters", [])

    # What answers must be.

    def expect(self, answer, status, what=""):
        self.assertEqual(answer.status, status, f"{what} {answer!r}")
        return answer

    def expect_error(self, answer, status, what=""):
        """An error as every endpoint writes them; gives the parsed body back."""
        self.expect(answer, status, what)
        self.assertEqual(answer.headers.get_content_type(), "application/json", what)
        body = answer.json()
        self.assertRegex(body["error"], r"^[a-z_]+$", what)
        self.assertGreater(len(body["message"]), 10, what)
        return body

    def write_all(self, values, cluster=None):
        """Writes each key, through all nodes in turn."""
        cluster = cluster or self.cluster
        numbers = list(cluster.numbers())
        for at, (key, value) in enumerate(values.items()):
            node = numbers[at % len(numbers)]
            self.expect(cluster.client(node).write(key, value), 200, f"write of {key} through node {node}:")

    def expect_values(self, values, cluster=None):
        """Every key through every node has its value; None stands for an absent key."""
        cluster = cluster or self.cluster
        for node in cluster.numbers():
            for key, value in values.items():
                answer = cluster.client(node).read(key)
                what = f"read of {key} through node {node}:"
                if value is None:
                    self.expect_error(answer, 404, what)
                else:
                    self.assertEqual(self.expect(answer, 200, what).json()["value"], value, what)

    def set_strategy(self, strategy, factor=None, cluster=None):
        """Agrees on a strategy, and waits until the data are where it wants them."""
        cluster = cluster or self.cluster
        self.expect(cluster.client(1).set_strategy(strategy, factor), 200, f"strategy {strategy}:")
        cluster.settle()

    def fail_node(self, node, through=1, cluster=None):
        client = (cluster or self.cluster).client(through)
        self.expect(client.post(f"/fail/{node}"), 200, f"failing node {node}:")

    def recover_node(self, node, through=1, cluster=None):
        client = (cluster or self.cluster).client(through)
        self.expect(client.post(f"/recover/{node}"), 200, f"recovering node {node}:")

    def recover_all(self, cluster=None):
        cluster = cluster or self.cluster
        for node in cluster.client(1).nodes():
            if node["status"] == "dead":
                self.recover_node(node["node_id"], cluster=cluster)
        cluster.settle()
