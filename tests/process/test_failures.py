"""Data stay readable while nodes fail, and come back with whichever replica comes back."""

import itertools
import unittest

import cluster

RETURNS = 30
STRATEGIES = (("full", None), ("consistent", 2))


def values_of(prefix, count, value):
    return {f"{prefix}-{number}": f"{value} {number}" for number in range(count)}


class ThreeNodes(cluster.ClusterTest):
    NODES = 3

    def tearDown(self):
        self.recover_all()

    def one_fails(self, strategy, factor):
        self.set_strategy(strategy, factor)
        for failing in self.cluster.numbers():
            values = values_of(f"one-{strategy}-{failing}", 10, "kept")
            self.write_all(values)
            self.fail_node(failing, through=failing % 3 + 1)
            self.expect_values(values)
            self.recover_node(failing)

    def test_all_of_10_keys_are_read_while_any_node_is_failed_with_full(self):
        self.one_fails("full", None)

    def test_all_of_10_keys_are_read_while_any_node_is_failed_with_two_copies(self):
        self.one_fails("consistent", 2)

    def fails_and_recovers(self, strategy, factor):
        self.set_strategy(strategy, factor)
        for failing in self.cluster.numbers():
            values = values_of(f"back-{strategy}-{failing}", 10, "kept")
            self.write_all(values)
            self.fail_node(failing, through=failing)
            self.expect_listed({failing})
            self.expect_values(values)
            self.recover_node(failing, through=failing)
            self.expect_listed(set())
            self.expect_values(values)

    def expect_listed(self, dead):
        """Every node's list says who is dead; the others follow the one that was asked within moments."""
        for node in self.cluster.numbers():
            client = self.cluster.client(node)
            cluster.wait_for(f"node {node} lists {dead} as dead", lambda client=client: dead == {
                entry["node_id"] for entry in client.nodes() if entry["status"] == "dead"})

    def test_all_keys_are_read_after_a_node_recovered_with_full(self):
        self.fails_and_recovers("full", None)

    def test_all_keys_are_read_after_a_node_recovered_with_two_copies(self):
        self.fails_and_recovers("consistent", 2)

    def test_writes_go_on_while_a_node_is_failed(self):
        for strategy, factor in STRATEGIES:
            self.set_strategy(strategy, factor)
            values = values_of(f"on-{strategy}", 12, "before")
            self.write_all(values)
            self.fail_node(2)
            values = values_of(f"on-{strategy}", 12, "while it was away")
            self.write_all(values)
            self.expect_values(values)
            self.recover_node(2)
            self.expect_values(values)

    def expect_awaited(self, key, replicas):
        """Through every node, the failed ones included, a read says that it waits for these."""
        for node in self.cluster.numbers():
            client = self.cluster.client(node)
            answer = client.get(key) if node == 2 else client.read(key)
            body = self.expect_error(answer, 503, f"read of {key} through node {node}:")
            self.assertEqual(body["awaited"], replicas)
            self.assertIn(str(replicas[0]), body["message"])
            self.assertIn("Retry-After", answer.headers)

    def fail_all_then_recover(self, values, order):
        for node in order:
            self.fail_node(node)
        replicas = {key: self.cluster.client(1).replicas(key) for key in values}
        for key in values:
            self.expect_awaited(key, replicas[key])
        back = set()
        for node in reversed(order):
            self.recover_node(node)
            back.add(node)
            for key, value in values.items():
                if back & set(replicas[key]):
                    self.expect_values({key: value})
                else:
                    self.expect_awaited(key, replicas[key])

    def test_reads_await_the_replicas_when_all_failed_and_any_brings_the_data_back_with_full(self):
        self.set_strategy("full")
        values = values_of("all-full", 2, "kept")
        self.write_all(values)
        for order in itertools.permutations(self.cluster.numbers()):
            self.fail_all_then_recover(values, order)

    def test_reads_await_the_replicas_when_all_failed_and_any_brings_the_data_back_with_two_copies(self):
        self.set_strategy("consistent", 2)
        values = values_of("all-consistent", 3, "kept")
        self.write_all(values)
        for order in itertools.permutations(self.cluster.numbers()):
            self.fail_all_then_recover(values, order)

    def test_a_replica_that_came_back_is_read_at_once_through_every_node(self):
        """No gateway says that nobody is there once somebody was told that one is."""
        self.set_strategy("full")
        self.write_all({"at-once": "value"})
        for turn in range(RETURNS):
            for node in self.cluster.numbers():
                self.fail_node(node)
            self.recover_node(turn % 3 + 1)
            self.expect_values({"at-once": "value"})
            self.recover_all()

    def test_writes_are_refused_when_all_replicas_failed_and_leave_nothing(self):
        self.set_strategy("full")
        values = values_of("refused", 2, "kept")
        self.write_all(values)
        for node in self.cluster.numbers():
            self.fail_node(node)
        for node in self.cluster.numbers():
            self.expect_error(self.cluster.client(node).write("refused-0", "never"), 503)
            self.expect_error(self.cluster.client(node).delete("refused-1"), 503)
        self.recover_all()
        self.expect_values(values)

    def changed_while_away(self, strategy, factor, away):
        """Overwritten and deleted while a node was failed: afterwards it alone knows as much as the others did."""
        self.set_strategy(strategy, factor)
        values = values_of(f"away-{strategy}-{away}", 12, "old")
        self.write_all(values)
        others = [node for node in self.cluster.numbers() if node != away]
        self.fail_node(away)
        for at, key in enumerate(list(values)):
            client = self.cluster.client(at % 3 + 1)
            if at % 2 == 0:
                values[key] = f"new {at}"
                self.expect(client.write(key, values[key]), 200, key)
            else:
                values[key] = None
                self.expect(client.delete(key), 200, key)
        self.expect_values(values)
        self.recover_node(away)
        for node in others:
            self.fail_node(node)
        replicas = {key: self.cluster.client(1).replicas(key) for key in values}
        held = {key: value for key, value in values.items() if away in replicas[key]}
        self.assertGreater(len(held), 1)
        self.expect_values(held)
        for key in sorted(values.keys() - held.keys())[:2]:
            self.expect_awaited(key, replicas[key])
        self.recover_all()
        self.expect_values(values)

    def test_a_returned_node_alone_knows_what_was_written_without_it_with_full(self):
        for away in self.cluster.numbers():
            self.changed_while_away("full", None, away)

    def test_a_returned_node_alone_knows_what_was_written_without_it_with_two_copies(self):
        for away in self.cluster.numbers():
            self.changed_while_away("consistent", 2, away)

    def test_a_node_that_missed_writes_never_answers_for_those_that_have_them(self):
        """It returns first, when nobody is there to bring it up to date."""
        self.set_strategy("full")
        old = values_of("missed", 4, "old")
        self.write_all(old)
        self.fail_node(1)
        new = {"missed-0": "new", "missed-1": "new", "missed-2": None, "missed-3": None}
        self.write_all({"missed-0": "new", "missed-1": "new"})
        self.expect(self.cluster.client(2).delete("missed-2"), 200)
        self.expect(self.cluster.client(3).delete("missed-3"), 200)
        self.fail_node(2)
        self.fail_node(3)
        self.recover_node(1)
        for key in new:
            self.expect_awaited(key, [2, 3])
        self.recover_node(3)
        self.expect_values(new)
        self.recover_all()
        self.expect_values(new)

    def test_a_node_may_be_failed_twice_and_recovered_twice(self):
        self.fail_node(3)
        self.fail_node(3)
        self.recover_node(3)
        self.recover_node(3)
        self.expect_listed(set())


class FiveNodes(cluster.ClusterTest):
    NODES = 5

    def two_fail(self, strategy, factor):
        self.set_strategy(strategy, factor)
        values = values_of(f"two-{strategy}", 20, "kept")
        self.write_all(values)
        for pair in ((1, 2), (2, 4), (5, 3)):
            for node in pair:
                self.fail_node(node)
            self.expect_values(values)
            for node in pair:
                self.recover_node(node)
            self.expect_values(values)

    def test_all_of_20_keys_are_read_while_two_nodes_are_failed_with_full(self):
        self.two_fail("full", None)

    def test_all_of_20_keys_are_read_while_two_nodes_are_failed_with_three_copies(self):
        self.two_fail("consistent", 3)

    def test_keys_are_on_as_many_nodes_as_the_strategy_says(self):
        for strategy, factor, copies in (("full", None, 5), ("consistent", 3, 3), ("consistent", 1, 1)):
            self.set_strategy(strategy, factor)
            primaries = set()
            for number in range(50):
                answer = self.cluster.client(number % 5 + 1).ask("GET", f"/nodes_for_key/spread-{number}").json()
                self.assertEqual(len(set(answer["nodes"])), copies, answer)
                self.assertEqual(answer["in_sync"], answer["nodes"], answer)
                self.assertIn(answer["primary"], answer["nodes"], answer)
                primaries.add(answer["primary"])
            self.assertEqual(primaries, {1, 2, 3, 4, 5}, "the keys are spread over all nodes")


if __name__ == "__main__":
    unittest.main()
