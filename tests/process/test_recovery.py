"""Voters that are lost for ever (`brusio recover-voters`), and stores that are damaged (`brusiod --rebuild`)."""

import http.client
import os
import pty
import shutil
import subprocess
import unittest

import cluster
from fleet import Fleet

LEAST_KEYS = 40
END_SECONDS = 30


class FleetTest(cluster.ClusterTest):
    def setUp(self):
        self.fleet = Fleet()
        self.addCleanup(self.fleet.end)
        self.values = {f"key-{number}": f"value {number}" for number in range(LEAST_KEYS)}

    def clusters(self):
        return [self.fleet]

    def write_through(self, node, key, value):
        """Tries again while a node that died is still counted on."""
        cluster.wait_for(f"a write of {key} through node {node}",
                         lambda: self.fleet.client(node).write(key, value).status == 200)

    def write_kept(self, nodes):
        for at, (key, value) in enumerate(self.values.items()):
            self.write_through(nodes[at % len(nodes)], key, value)

    def expect_kept(self, nodes):
        for node in nodes:
            for key, value in self.values.items():
                answer = self.expect(self.fleet.client(node).read(key), 200, f"read of {key} through node {node}:")
                self.assertEqual(answer.json()["value"], value)

    def writer(self, threads, node, key):
        """Writes 0, 1, 2, ... to a key of its own through the node, until it is stopped; keeps what it is told of."""
        told = {"sent": -1, "acknowledged": -1}

        def write():
            client = self.fleet.new_client(node)
            while not threads.stopping.is_set():
                told["sent"] += 1
                try:
                    if client.write(key, str(told["sent"])).status == 200:
                        told["acknowledged"] = told["sent"]
                except (OSError, http.client.HTTPException):
                    threads.stopping.wait(0.05)
            client.close()
        threads.start(write)
        return told

    def expect_written(self, node, writers):
        """Nothing that was acknowledged is lost, and nothing is there that was never sent."""
        for key, told in writers.items():
            self.assertGreater(told["acknowledged"], 0)
            value = int(self.expect(self.fleet.client(node).read(key), 200).json()["value"])
            self.assertGreaterEqual(value, told["acknowledged"])
            self.assertLessEqual(value, told["sent"])

    def rewrite(self, nodes, word):
        self.values = {key: f"{word} {key}" for key in self.values}
        self.write_kept(nodes)
        self.expect_kept(nodes)

    def expect_no_service(self, node):
        client = self.fleet.client(node)
        cluster.wait_for(f"node {node} refuses reads", lambda: client.read("key-1").status == 503)
        self.assertEqual(client.write("key-1", "lost").status, 503)

    def refused(self, ran, *words, status=1):
        self.assertEqual(ran.status, status, ran)
        for word in words:
            self.assertIn(word, ran.errors)

    def recovered(self, ran):
        self.assertEqual(ran.status, 0, ran)
        self.assertIn("generation 1", ran.output)


class LostVoters(FleetTest):
    def test_one_of_three_goes_on(self):
        fleet = self.fleet
        fleet.begin(3)
        self.write_kept([1, 2, 3])
        shutil.copytree(fleet.home(2), fleet.home("2-of-old"))
        fleet.destroy(2, 3)
        self.expect_no_service(1)
        fleet.stop_node(1)
        self.recovered(fleet.recover([2, 3], [1], "--yes"))
        fleet.start_node(1)
        self.expect_kept([1])
        self.rewrite([1], "alone")
        for node in (4, 5):
            fleet.start_node(node, join=1)
        fleet.settle()
        self.expect_kept([1, 4, 5])
        self.rewrite([1, 4, 5], "together")
        self.assertEqual(sum(entry["voter"] for entry in fleet.members(1).values()), 3)
        # The new cluster stands a loss again.
        fleet.kill(1)
        cluster.wait_for("the loss is seen", lambda: fleet.members(4)[1]["state"] == "down")
        self.expect_kept([4, 5])
        self.rewrite([4, 5], "without the survivor")

    def test_a_destroyed_node_that_comes_back_is_sent_away(self):
        fleet = self.fleet
        fleet.begin(3)
        self.write_kept([1, 2, 3])
        for node in (2, 3):
            fleet.kill(node)
        fleet.stop_node(1)
        self.recovered(fleet.recover([2, 3], [1], "--yes"))
        fleet.start_node(1)
        self.rewrite([1], "after")
        for node in (2, 3):
            fleet.launch(node)
        for node in (2, 3):
            self.assertEqual(fleet.ended(node), 0)
            self.assertIn("was removed", fleet.log(node))
        self.expect_kept([1])
        self.assertEqual(list(fleet.members(1)), [1])

    def test_two_of_five_go_on(self):
        fleet = self.fleet
        fleet.begin(5)
        self.write_kept([1, 2, 3, 4, 5])
        fleet.destroy(1, 3, 5)
        self.expect_no_service(2)
        self.expect_no_service(4)
        for node in (2, 4):
            fleet.stop_node(node)
        self.refused(fleet.recover([1, 3, 5], [2], "--yes"), "a voter is missing: node 4")
        ran = fleet.recover([1, 3, 5], [2, 4], "--yes", "--json")
        self.assertEqual(ran.status, 0, ran)
        self.assertEqual(ran.json()["nodes"], [2, 4])
        self.assertEqual(ran.json()["lost_slots"], 0)
        self.assertEqual(len(ran.json()["voters"]), 1)
        fleet.launch(4)
        fleet.start_node(2)
        fleet.settle()
        self.expect_kept([2, 4])
        self.rewrite([2, 4], "two")
        fleet.start_node(6, join=2)
        fleet.settle()
        self.expect_kept([2, 4, 6])
        self.assertEqual(sum(entry["voter"] for entry in fleet.members(2).values()), 3)

    def test_nothing_acknowledged_is_lost_when_most_nodes_are_destroyed_at_once(self):
        fleet = self.fleet
        fleet.begin(5)
        threads = cluster.Threads()
        writers = {f"writer-{node}": self.writer(threads, node, f"writer-{node}") for node in range(1, 6)}
        cluster.wait_for("some writes", lambda: all(told["acknowledged"] > 20 for told in writers.values()))
        fleet.destroy(1, 2, 4)
        threads.stopping.wait(1)
        threads.stop()
        fleet.stop_node(3)
        fleet.kill(5)
        self.recovered(fleet.recover([1, 2, 4], [3, 5], "--yes"))
        fleet.launch(3)
        fleet.start_node(5)
        fleet.settle()
        for node in (3, 5):
            self.expect_written(node, writers)
        self.rewrite([3, 5], "after")

    def test_a_survivor_that_was_not_stopped_follows(self):
        """Of four nodes the last has no vote, so it may run on: it takes the map of the new generation."""
        fleet = self.fleet
        fleet.begin(4)
        self.write_kept([1, 2, 3, 4])
        self.assertFalse(fleet.members(1)[4]["voter"])
        fleet.destroy(2, 3)
        self.expect_no_service(4)
        fleet.stop_node(1)
        ran = fleet.recover([2, 3], [1], "--yes")
        self.recovered(ran)
        self.assertIn("Not given, and not destroyed: node 4", ran.output)
        fleet.start_node(1)
        fleet.settle()
        self.expect_kept([1, 4])
        self.rewrite([1, 4], "after")

    def test_wrong_uses_are_refused_and_change_nothing(self):
        fleet = self.fleet
        fleet.begin(3)
        self.write_kept([1, 2, 3])
        self.refused(fleet.recover([2, 3], [1], "--yes"), "in use by process", str(fleet.processes[1].pid))
        for node in (1, 2, 3):
            fleet.stop_node(node)
        self.refused(fleet.recover([2], [1], "--yes"), "a voter is missing: node 3", "--destroyed")
        self.refused(fleet.recover([2, 3, 9], [1], "--yes"), "no node 9")
        self.refused(fleet.recover([1, 2, 3], [1], "--yes"), "node 1 cannot be destroyed")
        self.refused(fleet.recover([2, 3], [1, 1], "--yes"), "in use by process")
        shutil.copytree(fleet.home(1), fleet.home("copy"))
        self.refused(fleet.recover([2, 3], [1, "copy"], "--yes"), "copy of another directory")
        self.refused(fleet.recover([2, 3], [1]), "--yes")
        self.refused(fleet.recover([2, 3], ["absent"], "--yes"), "no node's data directory")
        self.assertFalse(os.path.exists(fleet.home("absent")))
        self.refused(cluster.run_program(cluster.BRUSIO, "recover-voters", fleet.home(1)), "--destroyed", status=2)
        for nodes in ("", "x", "2,", "0", "65", "2,,3"):
            self.refused(fleet.recover([nodes], [1], "--yes"), "node numbers", status=2)
        for node in (1, 2, 3):
            fleet.launch(node)
        fleet.settle()
        self.expect_kept([1, 2, 3])

    def test_on_a_terminal_it_asks(self):
        fleet = self.fleet
        fleet.begin(3)
        self.write_kept([1, 2, 3])
        fleet.destroy(2, 3)
        fleet.stop_node(1)
        words = [cluster.BRUSIO, "recover-voters", "--destroyed", "2,3", fleet.home(1)]
        for said, status in ((b"no\n", 1), (b"\x04", 1), (b"yes\n", 0)):
            master, slave = pty.openpty()
            with os.fdopen(master, "wb", buffering=0) as terminal, os.fdopen(slave, "rb", buffering=0) as line:
                terminal.write(said)
                ran = subprocess.run(words, stdin=line, capture_output=True, timeout=END_SECONDS, check=False)
            self.assertEqual(ran.returncode, status, ran)
            self.assertIn(b"Type 'yes'", ran.stdout)
            self.assertEqual(b"nothing was written" in ran.stderr, status != 0)
        fleet.start_node(1)
        self.expect_kept([1])

    def test_stores_of_two_clusters_do_not_go_together(self):
        fleet = self.fleet
        fleet.begin(1)
        other = 3
        fleet.start_node(other, "--init")
        fleet.stop_node(1)
        fleet.stop_node(other)
        self.refused(fleet.recover([2], [1, other], "--yes"), "another cluster")

    def test_what_only_destroyed_nodes_had_is_given_up_on_demand_alone(self):
        fleet = self.fleet
        fleet.begin(3, "--strategy", "consistent")
        self.write_kept([1, 2, 3])
        kept = {key for key in self.values if fleet.client(1).replicas(key) == [1]}
        fleet.destroy(2, 3)
        fleet.stop_node(1)
        self.refused(fleet.recover([2, 3], [1], "--yes"), "no survivor has the data", "keyspace 'default'",
                     "--accept-loss")
        ran = fleet.recover([2, 3], [1], "--yes", "--accept-loss")
        self.recovered(ran)
        self.assertIn("LOSS ACCEPTED", ran.errors)
        fleet.start_node(1)
        for key, value in self.values.items():
            answer = fleet.client(1).read(key)
            self.assertEqual(answer.status, 200 if key in kept else 404, answer)
            if key in kept:
                self.assertEqual(answer.json()["value"], value)
        self.rewrite([1], "again")


class DamagedStores(FleetTest):
    def damage(self, node, *names, cut=True):
        path = self.fleet.home(node, *names)
        length = os.path.getsize(path)
        with open(path, "r+b") as stream:
            if cut:
                stream.truncate(length // 2)
            else:
                stream.write(b"\x55" * length)

    def expect_refusal(self, node):
        self.fleet.launch(node)
        self.assertEqual(self.fleet.ended(node), 1)
        self.assertIn("cannot start: ", self.fleet.log(node))
        self.assertIn("--rebuild", self.fleet.log(node))

    def rebuild(self, node, through):
        """Starts it with --rebuild, and waits until the id that it had is gone."""
        fleet = self.fleet
        fleet.start_node(node, "--rebuild", join=through)
        cluster.wait_for("the old id is gone", lambda: 2 not in fleet.members(through))
        fleet.settle()
        cluster.wait_for("the end of the rebuild", lambda: "rebuild: done" in fleet.log(node))

    def test_a_node_is_rebuilt_from_the_others(self):
        fleet = self.fleet
        fleet.begin(3)
        self.write_kept([1, 2, 3])
        fleet.kill(2)
        self.rewrite([1, 3], "while it was away")
        for cut in (True, False):
            self.damage(2, "data", "data.mdb", cut=cut)
            self.expect_refusal(2)
        with open(fleet.home(2, "data", "data.mdb"), "rb") as stream:
            damaged = stream.read()
        self.rebuild(2, through=1)
        self.expect_kept([1, 2, 3])
        self.assertEqual(sorted(fleet.members(1)), [1, 3, 4])
        with open(fleet.home(2, "data.damaged-1", "data.mdb"), "rb") as stream:
            self.assertEqual(stream.read(), damaged)
        self.assertTrue(os.path.isdir(fleet.home(2, "voter.damaged-1")))
        # It holds all by itself.
        self.rewrite([1, 2, 3], "whole")
        for node in (1, 3):
            fleet.kill(node)
            cluster.wait_for("the loss is seen", lambda node=node: fleet.members(2)[node]["state"] == "down")
            self.expect_kept([2])
            fleet.start_node(node)
            fleet.settle()
        # Asked for again, it leaves the healthy stores alone.
        fleet.stop_node(2)
        fleet.start_node(2, "--rebuild", join=1)
        self.assertIn("rebuilt already", fleet.log(2))
        self.assertFalse(os.path.exists(fleet.home(2, "data.damaged-2")))
        fleet.settle()
        self.assertEqual(sorted(fleet.members(1)), [1, 3, 4])
        self.expect_kept([1, 2, 3])

    def test_clients_write_on_while_a_node_is_rebuilt(self):
        fleet = self.fleet
        fleet.begin(3)
        threads = cluster.Threads()
        writers = {f"writer-{node}": self.writer(threads, node, f"writer-{node}") for node in (1, 3)}
        cluster.wait_for("some writes", lambda: all(told["acknowledged"] > 20 for told in writers.values()))
        fleet.kill(2)
        self.damage(2, "data", "data.mdb")
        self.rebuild(2, through=1)
        threads.stop()
        for node in (1, 3):
            fleet.stop_node(node)
        fleet.kill(2)
        for node in (1, 2, 3):
            fleet.launch(node)
        fleet.settle()
        for node in (1, 2, 3):
            self.expect_written(node, writers)

    def test_the_only_voter_is_not_rebuilt(self):
        fleet = self.fleet
        fleet.begin(2)
        self.write_kept([1, 2])
        voter = next(node for node, entry in fleet.members(1).items() if entry["voter"])
        other = 3 - voter
        fleet.kill(voter)
        self.damage(voter, "data", "data.mdb")
        fleet.launch(voter, "--rebuild", join=other)
        self.assertEqual(fleet.ended(voter), 1)
        self.assertIn("recover-voters", fleet.log(voter))
        self.assertFalse(os.path.exists(fleet.home(voter, "data.damaged-1")))
        # The way out that it names.
        fleet.stop_node(other)
        self.recovered(fleet.recover([voter], [other], "--yes"))
        fleet.start_node(other)
        os.rename(fleet.home(voter), fleet.home("put-away"))
        fleet.start_node(voter, join=other)
        fleet.settle()
        self.expect_kept([1, 2])

    def test_a_rebuild_that_is_killed_goes_on(self):
        fleet = self.fleet
        fleet.begin(3)
        self.write_kept([1, 2, 3])
        fleet.kill(2)
        self.damage(2, "data", "data.mdb")
        fleet.launch(2, "--rebuild", join=1)
        cluster.wait_for("the stores are set aside", lambda: os.path.isdir(fleet.home(2, "voter.damaged-1")))
        fleet.kill(2)
        fleet.start_node(2, join=1)
        cluster.wait_for("the end of the rebuild", lambda: "rebuild: done" in fleet.log(2))
        fleet.settle()
        self.expect_kept([1, 2, 3])
        self.assertNotIn(2, fleet.members(1))
        self.assertFalse(os.path.exists(fleet.home(2, "data.damaged-2")))

    def test_a_damaged_voter_store_leaves_the_old_id_to_the_operator(self):
        fleet = self.fleet
        fleet.begin(3)
        self.write_kept([1, 2, 3])
        fleet.kill(2)
        self.damage(2, "voter", "data.mdb", cut=False)
        self.expect_refusal(2)
        fleet.start_node(2, "--rebuild", join=1)
        cluster.wait_for("a word on the old node", lambda: "`brusio nodes remove 2`" in fleet.log(2))
        self.expect_kept([1, 2, 3])
        self.assertEqual(sorted(fleet.members(1)), [1, 2, 3, 4])

    def test_wrong_uses_are_refused(self):
        fleet = self.fleet
        fleet.begin(1)
        self.write_kept([1])
        second = 2
        os.symlink(fleet.home(1), fleet.home(second))
        fleet.launch(second, "--rebuild", join=1)
        self.assertEqual(fleet.ended(second), 1)
        self.assertIn(str(fleet.processes[1].pid), fleet.log(second))
        fleet.launch(second, "--rebuild")
        self.assertEqual(fleet.ended(second), 2)
        self.assertFalse(os.path.exists(fleet.home(1, "rebuild")))
        self.expect_kept([1])


if __name__ == "__main__":
    unittest.main()
