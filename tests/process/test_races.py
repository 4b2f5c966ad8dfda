"""Clients that race on one key end with one value everywhere, and lose no increment."""

import unittest

import cluster

WRITES = 200
INCREMENTERS = 4
INCREMENTS = 40
TRIES_MAX = 10000


class Races(cluster.ClusterTest):
    NODES = 3

    def expect_one_value(self, key, possible):
        """Every replica itself has the same one; gives it back."""
        replicas = self.cluster.client(1).replicas(key)
        strong = self.expect(self.cluster.client(1).get(key), 200, key)
        self.assertIn(strong.body, possible)
        for node in replicas:
            local = self.expect(self.cluster.client(node).get(key, local=True), 200, f"{key} at node {node}:")
            self.assertEqual((local.body, local.etag), (strong.body, strong.etag), f"{key} at node {node}")
            self.assertEqual(local.headers["Brusio-Consistency"], "local")
        return strong.body

    def write_many(self, key, node, name):
        client = self.cluster.new_client(node)
        try:
            for number in range(WRITES):
                self.expect(client.write(key, f"{name} {number}"), 200, f"write {number} of {name}:")
        finally:
            client.close()

    def race(self, key, writers):
        """Each writes through its node; the last value is the last one of one of them."""
        threads = cluster.Threads()
        for name, node in writers.items():
            threads.start(self.write_many, key, node, name)
        threads.join()
        self.expect_one_value(key, [f"{name} {WRITES - 1}".encode() for name in writers])

    def test_two_writers_through_different_nodes_leave_one_value_with_full(self):
        self.set_strategy("full")
        for at, (first, second) in enumerate(((1, 2), (2, 3), (3, 1))):
            self.race(f"race-full-{at}", {"one": first, "two": second})

    def test_two_writers_through_different_nodes_leave_one_value_with_two_copies(self):
        self.set_strategy("consistent", 2)
        for at, (first, second) in enumerate(((1, 2), (2, 3), (3, 1))):
            self.race(f"race-consistent-{at}", {"one": first, "two": second})

    def test_two_writers_through_one_node_leave_one_value(self):
        self.set_strategy("full")
        self.race("race-through-one", {"one": 2, "two": 2})

    def increment(self, key, node):
        client = self.cluster.new_client(node)
        done = 0
        try:
            for _ in range(TRIES_MAX):
                seen = self.expect(client.get(key), 200, key)
                answer = client.put(key, b"%d" % (int(seen.body) + 1), If_Match=seen.etag)
                if answer.status == 412:
                    self.assertNotEqual(answer.etag, seen.etag, "what did not match has another tag")
                    continue
                self.expect(answer, 204, key)
                done += 1
                if done == INCREMENTS:
                    return
            self.fail(f"{done} increments in {TRIES_MAX} tries")
        finally:
            client.close()

    def count_up(self, key):
        self.expect(self.cluster.client(1).put(key, b"0", If_None_Match="*"), 201, key)
        threads = cluster.Threads()
        for number in range(INCREMENTERS):
            threads.start(self.increment, key, number % self.NODES + 1)
        threads.join()
        self.expect_one_value(key, [b"%d" % (INCREMENTERS * INCREMENTS)])

    def test_increments_on_condition_lose_nothing_with_full(self):
        self.set_strategy("full")
        self.count_up("counter-full")

    def test_increments_on_condition_lose_nothing_with_two_copies(self):
        self.set_strategy("consistent", 2)
        self.count_up("counter-consistent")

    def test_of_many_that_create_a_key_one_does(self):
        self.set_strategy("full")
        created = []

        def create(number, node):
            client = self.cluster.new_client(node)
            try:
                for at in range(20):
                    answer = client.put(f"created-{at}", b"%d" % number, If_None_Match="*")
                    self.assertIn(answer.status, (201, 412), answer)
                    if answer.status == 201:
                        created.append((at, number))
            finally:
                client.close()

        threads = cluster.Threads()
        for number in range(4):
            threads.start(create, number, number % self.NODES + 1)
        threads.join()
        self.assertEqual(sorted(at for at, _ in created), list(range(20)))
        for at, number in created:
            self.expect_one_value(f"created-{at}", [b"%d" % number])


if __name__ == "__main__":
    unittest.main()
