"""Clients that work on a few keys through every node, and remember what they asked and what was answered.

Each operation is recorded with its beginning and end on one clock, and judged afterwards by `brusio-sim check`: each
key's history must be linearizable. Keys change from time to time, so that a history stays short enough to be judged.
An answer that promises that nothing was done (429, 503, 507) counts as that; one that leaves it open (504, a broken
connection, no answer in time) as unknown.
"""

import http.client
import itertools
import json
import os
import random
import subprocess
import threading
import time

import cluster

BRUSIO_SIM = os.path.join(cluster.BUILD, "brusio-sim")

KEYS = 4
WORKERS_OF_A_NODE = 2
READERS_OF_A_NODE = 2
OPERATIONS_OF_A_KEY = 1200
ANSWER_SECONDS = 12
PAUSE_SECONDS = 0.004
PAUSE_WHILE_AWAY_SECONDS = 0.02
CHECK_SECONDS = 120
LAST_READ_SECONDS = 30
REFUSED = (429, 503, 507)
UNSURE = (500, 502, 504)
READS, PUTS, SWAPS, DELETES, SINGLES = 30, 30, 20, 8, 12


class Broken(AssertionError):
    """The history contradicts the promises."""


class Worker:
    """One client's thread: it stays with its node, and comes back when that is away."""

    def __init__(self, load, number, node):
        self.load = load
        self.number = number
        self.node = node
        self.random = random.Random(number)
        self.client = load.new_client(node)
        self.operations = []
        self.seen = {}
        self.statuses = {}
        self.kept = []  # keys that were written once, acknowledged

    def run(self):
        try:
            while not self.load.stopping.is_set():
                self.step()
        finally:
            self.client.close()

    def step(self):
        key = self.load.key(self.random)
        chosen = self.random.randrange(READS + PUTS + SWAPS + DELETES + SINGLES)
        if chosen < READS:
            answered = self.read(key)
        elif chosen < READS + PUTS:
            answered = self.put(key)
        elif chosen < READS + PUTS + SWAPS:
            answered = self.swap(key)
        elif chosen < READS + PUTS + SWAPS + DELETES:
            answered = self.delete(key)
        else:
            answered = self.put_single()
        time.sleep(self.load.pause if answered else PAUSE_WHILE_AWAY_SECONDS)

    def ask(self, method, key, body, headers):
        """An answer, or None; `False` when the node cannot have heard of it."""
        try:
            return self.client.kv(method, key, body, **headers)
        except ConnectionRefusedError:
            return False
        except (OSError, http.client.HTTPException):
            return None

    def record(self, method, fields, body=None, **headers):
        """Asks, and remembers; gives the entry back, or None when it was not even sent or not answered."""
        entry = {"client": self.number, **fields, "start_ns": time.monotonic_ns(), "end_ns": None,
                 "outcome": "unknown"}
        answer = self.ask(method, fields["key"], body, headers)
        if answer is False:
            return None
        self.operations.append((self.node, entry))
        if answer is None:
            self.statuses["none"] = self.statuses.get("none", 0) + 1
            return None
        entry["end_ns"] = time.monotonic_ns()
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        self.understand(entry, answer)
        return entry

    def understand(self, entry, answer):
        kind, status = entry["kind"], answer.status
        tag = answer.headers["ETag"]
        stamp = None if tag is None else tag.strip('"')
        if status in REFUSED:
            entry["outcome"] = "unknown" if kind == "read" else "refused"
        elif status == 412 and kind != "read":
            entry.update(outcome="mismatch", stamp=stamp)
        elif status == 404 and kind in ("read", "delete"):
            entry["outcome"] = "absent"
        elif status == 200 and kind == "read":
            entry.update(outcome="ok", value=int(answer.body), stamp=stamp)
        elif status in (201, 204) and kind in ("put", "cas"):
            entry.update(outcome="ok", stamp=stamp, existed=status == 204)
        elif status == 204 and kind == "delete":
            entry["outcome"] = "ok"
        elif status not in UNSURE:
            raise Broken(f"{entry} is answered with {answer!r}")
        if kind != "delete" and entry["outcome"] in ("ok", "mismatch"):
            self.seen[entry["key"]] = stamp

    def read(self, key):
        return self.record("GET", {"key": key, "kind": "read"})

    def put(self, key):
        fields = {"key": key, "kind": "put", "value": next(self.load.values)}
        headers = {}
        if self.random.random() < 0.1:
            fields["condition"] = "absent"
            headers["If_None_Match"] = "*"
        return self.record("PUT", fields, b"%d" % fields["value"], **headers)

    def swap(self, key):
        stamp = self.seen.get(key)
        if stamp is None:
            return self.read(key)
        fields = {"key": key, "kind": "cas", "value": next(self.load.values), "expected": stamp}
        return self.record("PUT", fields, b"%d" % fields["value"], If_Match=f'"{stamp}"')

    def delete(self, key):
        return self.record("DELETE", {"key": key, "kind": "delete"})

    def put_single(self):
        """A key that is written but once, so that its value must be there for ever after."""
        value = next(self.load.values)
        key = f"{self.load.name}-once-{value}"
        entry = self.record("PUT", {"key": key, "kind": "put", "value": value}, b"%d" % value)
        if entry is not None and entry["outcome"] == "ok":
            self.kept.append((key, value))
        return entry


class Reader(Worker):
    """A client that only reads, so that no write that hangs keeps it from seeing what is old."""

    def step(self):
        answered = self.read(self.load.key(self.random))
        time.sleep(self.load.pause if answered else PAUSE_WHILE_AWAY_SECONDS)


class Visitor(Reader):
    """A client that comes for one read."""

    def run(self):
        try:
            self.step()
        finally:
            self.client.close()


class Load:
    """Clients at every node of a cluster, from `start` until `verify`."""

    def __init__(self, tested, name="load", pause=PAUSE_SECONDS):
        self.tested = tested
        self.name = name
        self.pause = pause
        self.stopping = threading.Event()
        self.values = itertools.count(1)
        self.used = itertools.count(0)
        self.threads = cluster.Threads()
        self.threads.stopping = self.stopping
        self.numbers = itertools.count(1)
        kinds = [Worker] * WORKERS_OF_A_NODE + [Reader] * READERS_OF_A_NODE
        self.workers = [kind(self, next(self.numbers), node) for node in tested.numbers() for kind in kinds]
        self.last = Worker(self, next(self.numbers), 1)

    def new_client(self, node):
        client = self.tested.new_client(node)
        client.connection.timeout = ANSWER_SECONDS
        return client

    def key(self, choice):
        """One of the keys in use; after enough operations others take their place."""
        generation = next(self.used) // (OPERATIONS_OF_A_KEY * KEYS)
        return f"{self.name}-{generation}-{choice.randrange(KEYS)}"

    def start(self):
        for worker in self.workers:
            self.threads.start(worker.run)
        return self

    def visit(self, node, count):
        """Sends a node so many reads at once, and does not wait for the answers."""
        for _ in range(count):
            self.workers.append(Visitor(self, next(self.numbers), node))
            self.threads.start(self.workers[-1].run)

    def stop(self):
        self.threads.stop()

    def operations(self):
        return [operation for worker in [*self.workers, self.last] for operation in list(worker.operations)]

    def writes_through(self, node, begun, ended):
        """When writes through a node were acknowledged, in seconds of the monotonic clock, in order."""
        moments = (entry["end_ns"] / 1e9 for through, entry in self.operations()
                   if through == node and entry["outcome"] == "ok" and entry["kind"] != "read")
        return sorted(moment for moment in moments if begun <= moment <= ended)

    def gap(self, nodes, begun, ended=None):
        """The longest time between `begun` and `ended` without a write acknowledged through one of these nodes."""
        ended = time.monotonic() if ended is None else ended
        longest = 0.0
        for node in nodes:
            moments = [begun, *self.writes_through(node, begun, ended), ended]
            longest = max([longest, *(after - before for before, after in zip(moments, moments[1:]))])
        return longest

    def await_writes(self, nodes, what, count=5, seconds=cluster.DEADLINE_SECONDS):
        """Waits until each of these nodes has acknowledged writes that end from now on."""
        begun = time.monotonic()

        def written():
            if self.threads.problems:
                raise self.threads.problems[0]
            return all(len(self.writes_through(node, begun, time.monotonic())) >= count for node in nodes)
        cluster.wait_for(f"writes through {list(nodes)} {what}", written, seconds)

    def read_at_last(self, key, node):
        """A read that must be answered: faults are over."""
        self.last.node = node
        self.last.client = self.tested.client(node)
        until = time.monotonic() + LAST_READ_SECONDS
        while True:
            entry = self.last.read(key)
            if entry is not None and entry["outcome"] in ("ok", "absent"):
                return entry
            if time.monotonic() >= until:
                raise Broken(f"{key} cannot be read through node {node}: {entry}")

    def read_all(self):
        """Every key through every node; those that were written once through one of them, and all must be there."""
        nodes = list(self.tested.numbers())
        for key in sorted({entry["key"] for _, entry in self.operations() if "-once-" not in entry["key"]}):
            for node in nodes:
                self.read_at_last(key, node)
        kept = [pair for worker in self.workers for pair in worker.kept]
        for at, (key, value) in enumerate(kept):
            entry = self.read_at_last(key, nodes[at % len(nodes)])
            if entry["outcome"] != "ok" or entry["value"] != value:
                raise Broken(f"{key} was acknowledged with {value}, and now reads as {entry}")
        return len(kept)

    def statuses(self):
        """How often each status was answered; `none` stands for no answer."""
        counts = {}
        for worker in self.workers:
            for status, count in worker.statuses.items():
                counts[status] = counts.get(status, 0) + count
        return dict(sorted(counts.items(), key=str))

    def slowest_seconds(self):
        return max((entry["end_ns"] - entry["start_ns"]) / 1e9 for _, entry in self.operations()
                   if entry["end_ns"] is not None)

    def save(self, path):
        entries = sorted((entry for _, entry in self.operations()), key=lambda entry: entry["start_ns"])
        with open(path, "w", encoding="utf-8") as stream:
            for entry in entries:
                stream.write(json.dumps({name: value for name, value in entry.items() if value is not None}) + "\n")

    def verify(self, what):
        """Ends the load, reads everything, and has the history judged."""
        self.stop()
        kept = self.read_all()
        path = os.path.join(self.tested.scratch, f"{self.name}.history")
        self.save(path)
        ran = subprocess.run([BRUSIO_SIM, "check", path], capture_output=True, text=True, timeout=CHECK_SECONDS,
                             check=False)
        print(f"{what}: {ran.stdout.strip().splitlines()[-1] if ran.stdout else ran.stderr}; {kept} written once; "
              f"answers {self.statuses()}; the slowest took {self.slowest_seconds():.2f} s", flush=True)
        if ran.returncode != 0:
            raise Broken(f"{what}: {ran.stdout}{ran.stderr}")
