"""The strategy changes under reads and writes, and nobody notices."""

import unittest

import cluster

KEYS = 40
COUNTERS = 6
SWITCHES = (("consistent", 2), ("full", None), ("consistent", 1), ("consistent", 3), ("full", None),
            ("consistent", 2), ("full", None))
READS_PER_SWITCH = 60
MOVED_KEYS = 300
MOVES = 8
DELETES_PER_SWITCH = 12


class Counters:
    """Keys that one writer counts up: what a read may give lies between what was acknowledged and what was sent."""

    def __init__(self, names):
        self.names = names
        self.acknowledged = {name: 0 for name in names}
        self.sent = {name: 0 for name in names}


class SwitchingTest(cluster.ClusterTest):
    def begin(self):
        self.values = {f"still-{number}": f"value {number}" for number in range(KEYS)}
        self.write_all(self.values)
        self.counters = Counters([f"counter-{number}" for number in range(COUNTERS)])
        self.write_all({name: "0" for name in self.counters.names})
        self.reads = {node: 0 for node in self.cluster.numbers()}
        self.writes = 0
        self.threads = cluster.Threads()

    def read_counter(self, client, name, node):
        least = self.counters.acknowledged[name]
        answer = self.expect(client.read(name), 200, f"read of {name} through node {node}:")
        value = int(answer.json()["value"])
        self.assertGreaterEqual(value, least, f"{name} through node {node} is older than what was acknowledged")
        self.assertLessEqual(value, self.counters.sent[name], f"{name} through node {node} was never written")

    def read_on(self, node):
        client = self.cluster.new_client(node)
        keys = list(self.values)
        try:
            while not self.threads.stopping.is_set():
                at = self.reads[node]
                key = keys[at % KEYS]
                answer = self.expect(client.read(key), 200, f"read of {key} through node {node}:")
                self.assertEqual(answer.json()["value"], self.values[key], f"{key} through node {node}")
                self.read_counter(client, self.counters.names[at % COUNTERS], node)
                self.reads[node] += 1
        finally:
            client.close()

    def write_on(self):
        clients = [self.cluster.new_client(node) for node in self.cluster.numbers()]
        try:
            while not self.threads.stopping.is_set():
                name = self.counters.names[self.writes % COUNTERS]
                value = self.counters.sent[name] + 1
                self.counters.sent[name] = value
                answer = clients[self.writes % len(clients)].write(name, str(value))
                self.expect(answer, 200, f"write of {name}:")
                self.counters.acknowledged[name] = value
                self.writes += 1
        finally:
            for client in clients:
                client.close()

    def await_traffic(self):
        """Until every reader has read, and the writer has written, for a while more."""
        before = dict(self.reads)
        writes = self.writes
        cluster.wait_for("reads and writes that go on", lambda: self.threads.stopping.is_set() or (
            self.writes >= writes + COUNTERS and
            all(self.reads[node] >= before[node] + READS_PER_SWITCH for node in before)))

    def switch_under_load(self, switches):
        self.begin()
        for node in self.cluster.numbers():
            self.threads.start(self.read_on, node)
        self.threads.start(self.write_on)
        try:
            self.await_traffic()
            for at, (strategy, factor) in enumerate(switches):
                answer = self.cluster.client(at % self.NODES + 1).set_strategy(strategy, factor)
                self.expect(answer, 200, f"strategy {strategy}:")
                self.await_traffic()
                if at % 2 == 0:
                    self.cluster.settle()
        finally:
            self.threads.stop()
        self.cluster.settle()
        self.expect_values(self.values)
        self.expect_values({name: str(value) for name, value in self.counters.acknowledged.items()})


class ThreeNodes(SwitchingTest):
    NODES = 3

    def test_every_key_is_read_and_written_while_the_strategy_changes(self):
        self.switch_under_load(SWITCHES)

    def test_every_key_is_read_and_written_while_strategies_follow_at_once(self):
        """Each next one comes before the last has been carried out."""
        self.begin()
        for node in self.cluster.numbers():
            self.threads.start(self.read_on, node)
        self.threads.start(self.write_on)
        try:
            for at, (strategy, factor) in enumerate(SWITCHES * 3):
                answer = self.cluster.client(at % self.NODES + 1).set_strategy(strategy, factor)
                self.expect(answer, 200, f"strategy {strategy}:")
            self.await_traffic()
        finally:
            self.threads.stop()
        self.cluster.settle()
        self.expect_values(self.values)
        self.expect_values({name: str(value) for name, value in self.counters.acknowledged.items()})

    def test_large_values_move_while_they_are_read(self):
        value = bytes(range(256)) * 1024
        keys = [f"large-{number}" for number in range(24)]
        for at, key in enumerate(keys):
            self.expect(self.cluster.client(at % 3 + 1).put(key, value), 201, key)
        for strategy, factor in (("consistent", 1), ("full", None), ("consistent", 2), ("full", None)):
            self.expect(self.cluster.client(1).set_strategy(strategy, factor), 200)
            for at, key in enumerate(keys):
                answer = self.expect(self.cluster.client(at % 3 + 1).get(key), 200, key)
                self.assertTrue(answer.body == value, key)
            self.cluster.settle()
        for node in self.cluster.numbers():
            for key in keys:
                answer = self.expect(self.cluster.client(node).get(key, local=True), 200, key)
                self.assertTrue(answer.body == value, f"{key} at node {node}")


    def test_deleted_keys_stay_deleted_while_strategies_change(self):
        values = {f"deleted-{number}": "value" for number in range(len(SWITCHES) * DELETES_PER_SWITCH + 10)}
        self.write_all(values)
        left = iter(list(values))
        for at, (strategy, factor) in enumerate(SWITCHES):
            self.expect(self.cluster.client(at % self.NODES + 1).set_strategy(strategy, factor), 200)
            gone = [next(left) for _ in range(DELETES_PER_SWITCH)]
            for number, key in enumerate(gone):
                self.expect(self.cluster.client(number % self.NODES + 1).delete(key), 200, key)
                values[key] = None
            self.expect_values({key: None for key in gone})
        self.set_strategy("full")
        self.expect_values(values)
        for node in self.cluster.numbers():
            for key, value in values.items():
                answer = self.cluster.client(node).get(key, local=True)
                self.expect(answer, 404 if value is None else 200, f"{key} at node {node}:")


class FourNodes(SwitchingTest):
    NODES = 4
    ARGUMENTS = ("--durability", "commit")

    def test_every_replica_holds_every_key_after_strategies_that_took_slots_away_and_back(self):
        """A node gets slots back while what it had of them is still being swept."""
        keys = [f"moved-{number}" for number in range(MOVED_KEYS)]
        for at, key in enumerate(keys):
            self.expect(self.cluster.client(at % self.NODES + 1).put(key, key.encode()), 201, key)
        for turn in range(MOVES):
            self.set_strategy("consistent", turn % 2 + 1)
            self.set_strategy("full")
            missing = [(key, node) for node in self.cluster.numbers() for key in keys
                       if self.cluster.client(node).get(key, local=True).body != key.encode()]
            self.assertEqual(missing, [], f"keys and the nodes that lost them, in turn {turn}")

    def test_every_key_is_read_and_written_while_the_strategy_changes(self):
        self.switch_under_load(SWITCHES)


if __name__ == "__main__":
    unittest.main()
