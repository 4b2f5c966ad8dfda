"""Data outlive stops, crashes and restarts of processes."""

import unittest

import cluster


class Restarts(cluster.ClusterTest):
    NODES = 3
    ARGUMENTS = ("--durability", "commit")

    def setUp(self):
        self.set_strategy("full")

    def fill(self, prefix):
        """Written, overwritten and deleted keys; None stands for the deleted ones."""
        values = {f"{prefix}-{number}": f"first {number}" for number in range(15)}
        self.write_all(values)
        for number in range(15):
            key = f"{prefix}-{number}"
            client = self.cluster.client(number % 3 + 1)
            if number % 3 == 1:
                values[key] = f"second {number}"
                self.expect(client.write(key, values[key]), 200, key)
            elif number % 3 == 2:
                values[key] = None
                self.expect(client.delete(key), 200, key)
        return values

    def stop_and_start(self, strategy, factor):
        self.set_strategy(strategy, factor)
        values = self.fill(f"stopped-{strategy}")
        tag = self.cluster.client(1).get(f"stopped-{strategy}-0").etag
        self.cluster.stop()
        self.cluster.start()
        self.expect_values(values)
        keyspace = self.cluster.client(2).ask("GET", "/v1/keyspaces/default").json()["keyspace"]
        self.assertEqual(keyspace["strategy"], strategy)
        if factor is not None:
            self.assertEqual(keyspace["replication_factor"], factor)
        self.assertEqual(self.cluster.client(3).get(f"stopped-{strategy}-0").etag, tag)
        self.write_all({key: "after" for key in values})
        self.expect_values({key: "after" for key in values})

    def test_data_outlive_a_stop_and_start_of_all_nodes_with_full(self):
        self.stop_and_start("full", None)

    def test_data_outlive_a_stop_and_start_of_all_nodes_with_two_copies(self):
        self.stop_and_start("consistent", 2)

    def test_data_outlive_a_crash_of_all_nodes(self):
        values = self.fill("crashed")
        for node in self.cluster.numbers():
            self.cluster.kill(node)
        self.cluster.start()
        self.expect_values(values)

    def test_data_outlive_repeated_stops(self):
        values = self.fill("repeated")
        for _ in range(3):
            self.cluster.stop()
            self.cluster.start()
        self.expect_values(values)

    def test_a_failed_node_stays_failed_over_a_stop(self):
        values = {f"drilled-{number}": "value" for number in range(5)}
        self.write_all(values)
        self.fail_node(2)
        self.cluster.stop()
        self.cluster.start()
        dead = [node["node_id"] for node in self.cluster.client(1).nodes() if node["status"] == "dead"]
        self.assertEqual(dead, [2])
        self.expect_values(values)
        self.recover_node(2)
        self.expect_values(values)

    def crash_one(self, node):
        """Reads go on at the others; what was written before is there afterwards, and deletes stay."""
        values = self.fill(f"one-{node}")
        self.cluster.kill(node)
        for other in self.cluster.numbers():
            if other != node:
                for key, value in values.items():
                    answer = self.cluster.client(other).read(key)
                    self.expect(answer, 404 if value is None else 200, f"read of {key} through node {other}:")
        self.cluster.restart(node)
        self.expect_values(values)
        self.write_all({key: "after" for key in values})
        values = {key: None for key in values}
        for at, key in enumerate(values):
            self.expect(self.cluster.client(at % 3 + 1).delete(key), 200, key)
        self.expect_values(values)

    def test_a_node_that_crashed_comes_back_with_everything(self):
        for node in self.cluster.numbers():
            self.crash_one(node)

    def test_a_write_under_way_while_a_node_crashed_ends_when_it_is_back(self):
        self.expect(self.cluster.client(1).write("waiting", "before"), 200)
        self.cluster.kill(3)
        answers = []

        def write():
            client = self.cluster.new_client(2)
            try:
                answers.append(client.write("waiting", "after"))
            finally:
                client.close()

        threads = cluster.Threads()
        threads.start(write)
        self.cluster.restart(3)
        threads.join()
        # Whether its time ran out first or not, all agree on what it came to.
        self.assertIn(answers[0].status, (200, 504), answers[0])
        value = self.expect(self.cluster.client(1).read("waiting"), 200).json()["value"]
        self.assertIn(value, ("after",) if answers[0].status == 200 else ("before", "after"))
        self.expect_values({"waiting": value})

    def test_an_acknowledged_write_outlives_a_crash_of_its_gateway(self):
        for turn in range(3):
            node = turn % 3 + 1
            values = {f"acknowledged-{turn}-{number}": f"value {number}" for number in range(20)}
            for key, value in values.items():
                self.expect(self.cluster.client(node).write(key, value), 200, key)
            self.cluster.kill(node)
            self.cluster.restart(node)
            self.expect_values(values)


if __name__ == "__main__":
    unittest.main()
