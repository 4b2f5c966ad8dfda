"""Nodes join and leave while the cluster is read and written: nobody notices, and no more moves than must."""

import http.client
import os
import pty
import subprocess
import time
import unittest

import cluster
import ports

KEYS = 600
COUNTERS = 4  # of each writer
PAUSE_SECONDS = 0.002
RATIO_MAX = 1.10
END_SECONDS = 20
GONE_SECONDS = 2
SWEEP_SECONDS = 20


class Load:
    """Readers and writers, two threads for each gateway; no request is sent twice."""

    def __init__(self, test, made, values):
        self.test = test
        self.made = made
        self.values = values
        self.keys = list(values)
        self.counters = {}
        self.requests = 0
        self.timeouts = 0
        self.cut = 0  # the last request of a thread whose gateway was removed
        self.leaving = set()
        self.threads = cluster.Threads()

    def join(self, node):
        """A gateway more."""
        self.threads.start(self.run, node, self.read)
        self.threads.start(self.run, node, self.write)

    def is_gone(self, node):
        """Whether a node that was asked to leave is no member any more: then its gateway may end.

        It may hear of that a moment before the others do.
        """
        if node not in self.leaving:
            return False
        client = self.made.new_client(next(number for number in self.made.numbers() if number not in self.leaving))

        def is_unlisted():
            return node not in [member["node_id"] for member in client.ask("GET", "/v1/nodes").json()["nodes"]]
        try:
            cluster.wait_for(f"the end of node {node}", is_unlisted, seconds=GONE_SECONDS)
            return True
        except AssertionError:
            return False
        finally:
            client.close()

    def run(self, node, step):
        client = self.made.new_client(node)
        try:
            for turn in range(1 << 30):
                if self.threads.stopping.wait(PAUSE_SECONDS):
                    break
                began = time.monotonic()
                try:
                    answer = step(client, node, turn)
                except (OSError, http.client.HTTPException) as problem:
                    if self.is_gone(node):
                        self.cut += 1
                        break
                    raise AssertionError(f"node {node} does not answer: {problem!r}") from problem
                self.requests += 1
                if answer.status not in (200, 201, 204) and self.is_gone(node):
                    self.cut += 1
                    break
                self.timeouts += answer.status == 504
                self.test.assertIn(answer.status, (200, 201, 204), f"{step.__name__} {turn} through node {node}, "
                                   f"after {time.monotonic() - began:.3f} s: {answer!r}")
        finally:
            client.close()

    def read(self, client, node, turn):
        key = self.keys[(turn * 7 + node) % len(self.keys)]
        answer = client.get(key)
        if answer.status == 200:
            self.test.assertEqual(answer.body, self.values[key], f"{key} through node {node}")
        return answer

    def write(self, client, node, turn):
        """Counts keys of its own up, and reads each back; the value that is sent may stand before its answer."""
        key = f"counter-{node}-{turn % COUNTERS}"
        if turn % (2 * COUNTERS) >= COUNTERS:
            answer = client.get(key)
            if answer.status == 200:
                self.test.assertEqual(answer.body, self.counters[key], f"{key} through node {node}")
            return answer
        value = b"%d" % turn
        known = self.counters.pop(key, None)  # until the answer, either may be there
        answer = client.put(key, value)
        if answer.status in (201, 204):
            self.counters[key] = value
        elif answer.status < 500 and known is not None:
            self.counters[key] = known
        return answer

    def go_on(self, requests=200):
        before = self.requests
        cluster.wait_for("reads and writes that go on",
                         lambda: self.threads.stopping.is_set() or self.requests >= before + requests)
        if self.threads.stopping.is_set():
            self.threads.join()

    def end(self):
        self.threads.stop()
        print(f"{self.requests} requests, {self.timeouts} of them without an answer in time; "
              f"{self.cut} were cut short by the end of their gateway")
        self.test.assertEqual(self.timeouts, 0)


class Moves:
    """Compares what comes by sync with the least that a change of the placement needs."""

    def __init__(self, test, made, keys):
        self.test = test
        self.made = made
        self.keys = keys
        self.moved = 0
        self.least = 0
        self.look()

    def look(self):
        first = self.made.client(self.made.numbers()[0])
        self.homes = {key: set(first.replicas(key)) for key in self.keys}
        self.synced = {}
        for node in self.made.numbers():
            self.synced[node] = self.made.client(node).ask("GET", "/v1/nodes").json()["answered_by"]["sync_records"]

    def step(self, what, gaining=None):
        """A change has been waited for; if `gaining`, only these nodes were to gain keys."""
        homes, synced = self.homes, self.synced
        self.look()
        moved = sum(records - synced.get(node, 0) for node, records in self.synced.items())
        least = sum(len(self.homes[key] - homes[key]) for key in self.keys)
        print(f"{what}: {moved} records came, {least} had to")
        self.moved += moved
        self.least += least
        # The few keys of the writers come and go besides.
        self.test.assertLessEqual(moved, least * RATIO_MAX + 2 * COUNTERS * len(self.synced), what)
        if gaining is not None:
            gained = set().union(*(self.homes[key] - homes[key] for key in self.keys))
            self.test.assertLessEqual(gained, set(gaining), what)

    def end(self):
        print(f"in all {self.moved} records came, {self.least} had to: {self.moved / self.least:.3f}")
        self.test.assertLessEqual(self.moved, self.least * RATIO_MAX)


class MembershipTest(cluster.ClusterTest):
    def put_all(self, made, count=KEYS):
        values = {f"key-{number}": b"value %d" % number for number in range(count)}
        numbers = list(made.numbers())
        for at, (key, value) in enumerate(values.items()):
            self.expect(made.client(numbers[at % len(numbers)]).put(key, value), 201, key)
        return values

    def expect_all(self, made, values):
        for node in made.numbers():
            for key, value in values.items():
                answer = self.expect(made.client(node).get(key), 200, f"{key} through node {node}:")
                self.assertEqual(answer.body, value, f"{key} through node {node}")

    def expect_homes(self, made, values):
        """Each node has the records that it should have, and in the end no others."""
        homes = {key: set(made.client(made.numbers()[0]).replicas(key)) for key in values}
        wrong = []

        def is_right():
            wrong.clear()
            for node in made.numbers():
                for key, value in values.items():
                    answer = made.client(node).get(key, local=True)
                    has = answer.status == 200 and answer.body == value
                    if has != (node in homes[key]) or (answer.status != 404 and not has):
                        wrong.append((node, key, answer.status))
            return not wrong
        try:
            cluster.wait_for("each node with its own records", is_right, seconds=SWEEP_SECONDS)
        except AssertionError as problem:
            raise AssertionError(f"{problem}: {wrong[:10]}") from problem

    def members(self, made):
        through = made.client(made.numbers()[0])
        return {node["node_id"]: node for node in through.ask("GET", "/v1/nodes").json()["nodes"]}


class UnderLoad(MembershipTest):
    def test_a_cluster_grows_from_three_to_six_and_shrinks_to_four(self):
        made = self.new_cluster(3, "--durability", "interval", "--strategy", "consistent", "--replication-factor", "2")
        values = self.put_all(made)
        load = Load(self, made, values)
        for node in made.numbers():
            load.join(node)
        try:
            load.go_on()
            moves = Moves(self, made, list(values))
            self.grow(made, load, moves)
            self.switch(made, load, moves)
            self.shrink(made, load, moves)
            self.switch(made, load, moves)
        finally:
            load.end()
        moves.end()
        self.assertEqual(len(self.members(made)), 4)
        made.settle()
        values.update(load.counters)
        self.expect_all(made, values)
        self.expect_homes(made, values)

    def grow(self, made, load, moves):
        for node in (4, 5, 6):
            made.add()
            self.assertIn(node, made.numbers())
            load.join(node)
            moves.step(f"node {node} joins", gaining=[node])
            load.go_on()

    def shrink(self, made, load, moves):
        """The last, and the first, which is the coordinator."""
        for node in (6, 1):
            self.assertTrue(node != 1 or self.members(made)[1]["voter"])
            load.leaving.add(node)
            made.remove(node)
            moves.step(f"node {node} leaves", gaining=made.numbers())
            load.go_on()

    def switch(self, made, load, moves):
        for strategy, factor in (("consistent", 3), ("full", None), ("consistent", 2)):
            client = made.client(made.numbers()[-1])
            self.expect(client.set_strategy(strategy, factor), 200)
            made.settle()
            moves.step(f"{strategy} {factor or ''}")
            load.go_on()

    def test_changes_follow_each_other_at_once(self):
        """The next change comes before the last has been carried out."""
        made = self.new_cluster(3, "--durability", "interval", "--strategy", "consistent", "--replication-factor", "2")
        values = self.put_all(made)
        load = Load(self, made, values)
        for node in made.numbers():
            load.join(node)
        try:
            made.add(2)
            for strategy, factor in (("full", None), ("consistent", 3), ("consistent", 2)):
                self.expect(made.client(2).set_strategy(strategy, factor), 200)
            load.leaving |= {1, 4}
            self.expect(made.client(2).ask("DELETE", "/v1/nodes/1"), 202)
            self.expect(made.client(2).set_strategy("consistent", 3), 200)
            self.expect(made.client(3).ask("DELETE", "/v1/nodes/4"), 202)
            self.expect(made.client(2).set_strategy("consistent", 2), 200)
            for node in (1, 4):
                made.remove(node)
            load.go_on()
        finally:
            load.end()
        made.settle()
        self.assertEqual(sorted(self.members(made)), [2, 3, 5])
        values.update(load.counters)
        self.expect_all(made, values)
        self.expect_homes(made, values)


class WithDeadNodes(MembershipTest):
    ARGUMENTS = ("--durability", "interval", "--strategy", "consistent", "--replication-factor", "2")

    def test_nodes_come_and_go_while_one_is_dead(self):
        made = self.new_cluster(4)
        values = self.put_all(made, 200)
        made.kill(3)
        cluster.wait_for("node 3 taken for dead", lambda: self.members(made)[3]["state"] == "down")
        made.add()
        self.assertEqual(self.members(made)[5]["slots_awaited"], 0)
        made.remove(3)
        self.assertEqual(sorted(self.members(made)), [1, 2, 4, 5])
        self.assertEqual(made.numbers(), [1, 2, 4, 5])
        made.settle()
        self.expect_all(made, values)
        self.expect_homes(made, values)
        self.reuse_an_id(made, values)
        self.keep_working(made, values)

    def reuse_an_id(self, made, values):
        """A new node gets the number of one that was removed, and is another one all the same."""
        made.remove(1)
        made.add(2)
        self.assertEqual(made.numbers(), [1, 2, 3, 4, 5])
        made.settle()
        self.expect_all(made, values)
        self.expect_homes(made, values)
        made.remove(2)

    def keep_working(self, made, values):
        """The other commands work on a cluster whose numbers have gaps."""
        made.stop()
        made.start()
        self.assertEqual(made.numbers(), [1, 3, 4, 5])
        made.kill(4)
        states = {node["node_id"]: node["state"] for node in made.succeed("--json", "cluster", "status").json()["nodes"]}
        self.assertEqual(states, {1: "running", 3: "running", 4: "killed", 5: "running"})
        self.assertEqual(made.command("cluster", "restart", "2").status, 2)
        made.restart(4)
        made.settle()
        self.expect_all(made, values)


class ByHand(MembershipTest):
    """With `brusio nodes`, for nodes that are started by hand."""
    ARGUMENTS = ("--durability", "interval")

    def free_address(self, made):
        """For a node's peers; the HTTP port beside it, as far away as those of node 1, is free too."""
        distance = made.http_port(1) - made.peer_port(1)
        for port in range(made.peer_port(1) + made.count, 32000):
            if 1024 <= port + distance < 32000 and ports.is_free(port) and ports.is_free(port + distance):
                return f"127.0.0.1:{port}"
        self.skipTest("no free ports beside those of the cluster")

    def begin(self, made, address):
        """Runs the command that `nodes add` prints."""
        words = made.succeed("--json", "nodes", "add", address, "--no-wait").json()["command"]
        self.assertEqual(words[0], "brusiod")
        with open(os.path.join(made.directory, "node-99.log"), "ab") as log:
            process = subprocess.Popen([cluster.BRUSIOD, *words[1:]], cwd=made.scratch, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_a_node_is_added_and_removed(self):
        made = self.new_cluster(2)
        values = self.put_all(made, 100)
        address = self.free_address(made)
        process = self.begin(made, address)
        added = made.succeed("nodes", "add", address)
        self.assertIn("node 3 is a member", added.output)
        self.assertNotIn("\r", added.output)
        self.assertIn("\n   3  alive   up", made.succeed("nodes").output)
        self.assertEqual(made.succeed("--json", "nodes", "add", address).json()["node_id"], 3)
        removed = made.succeed("nodes", "remove", "3", "--yes")
        self.assertIn("node 3 is removed\n", removed.output)
        self.assertEqual(process.wait(END_SECONDS), 0)
        self.expect_all(made, values)
        self.assertIn("not_found", made.command("--json", "nodes", "remove", "3").errors)
        # Its old data do not bring it back.
        again = self.begin(made, address)
        self.assertEqual(again.wait(END_SECONDS), 0)
        self.assertEqual(sorted(self.members(made)), [1, 2])

    def test_what_cannot_be(self):
        made = self.new_cluster(2)
        for words in (("nodes", "add"), ("nodes", "add", "host"), ("nodes", "add", "host:0"),
                      ("nodes", "add", "0.0.0.0:6000"), ("nodes", "remove"), ("nodes", "remove", "one"),
                      ("cluster", "remove", "7"), ("cluster", "add", "--count", "0")):
            self.assertEqual(made.command(*words).status, 2, words)
        left = made.succeed("--json", "nodes", "remove", "2", "--no-wait").json()
        self.assertEqual((left["node_id"], left["gone"]), (2, False))

        def states():
            nodes = made.succeed("--json", "cluster", "status").json()["nodes"]
            return [(node["state"], node["status"]) for node in nodes]
        cluster.wait_for("the end of node 2",
                         lambda: states() == [("running", "alive"), ("killed", "absent")])
        made.remove(2)
        for words in (("nodes", "remove", "1"), ("cluster", "remove", "1")):
            ran = made.command("--json", *words)
            self.assertEqual(ran.status, 1, ran)
            self.assertIn("illegal", ran.errors)
        made.stop()
        self.assertEqual(made.command("cluster", "add").status, 5)
        made.start()

    def on_a_terminal(self, made, typed, *words):
        """What the command prints there, and its exit code."""
        outer, inner = pty.openpty()
        try:
            process = subprocess.Popen([cluster.BRUSIO, "--dir", made.directory, *words], stdin=inner, stdout=inner,
                                       stderr=inner, env={**os.environ, "NO_COLOR": "1"})
            os.close(inner)
            os.write(outer, typed)
            shown = b""
            try:
                while True:
                    more = os.read(outer, 65536)
                    if not more:
                        break
                    shown += more
            except OSError:  # the terminal's other side is closed
                pass
            return shown.decode(), process.wait(END_SECONDS)
        finally:
            os.close(outer)

    def test_a_terminal_asks_first_and_draws_a_bar(self):
        made = self.new_cluster(3, "--durability", "interval", "--strategy", "consistent", "--replication-factor", "2")
        shown, status = self.on_a_terminal(made, b"n\n", "nodes", "remove", "3")
        self.assertIn("[y/N]", shown)
        self.assertEqual((status, sorted(self.members(made))), (1, [1, 2, 3]))
        shown, status = self.on_a_terminal(made, b"y\n", "nodes", "remove", "3")
        self.assertEqual((status, sorted(self.members(made))), (0, [1, 2]), shown)
        self.assertRegex(shown, r"\r\[#*\.*\] +[0-9]+%  [0-9]+ slots left")
        self.assertIn("node 3 is removed", shown)
        made.remove(3)

    def test_the_menu_adds_and_removes(self):
        made = self.new_cluster(1)
        address = self.free_address(made)
        process = self.begin(made, address)
        lines = ["9", address, "10", "2", "no", "10", "2", "yes", "11"]
        ran = made.succeed("menu", standard_input=("\n".join(lines) + "\n").encode())
        for text in ("It is node 2.", "Nothing was changed.", "node 2 is removed"):
            self.assertIn(text, ran.output)
        self.assertEqual(process.wait(END_SECONDS), 0)


if __name__ == "__main__":
    unittest.main()
