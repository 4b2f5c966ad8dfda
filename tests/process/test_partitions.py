"""Nodes that cannot hear each other: the majority goes on, the minority says that it is cut off, nothing that was
acknowledged is lost, every history is linearizable, and all heals by itself.
"""

import random
import time
import unittest

import cluster
import daemons
import history
import namespaces

# On a quiet machine: a lease and a second. Tests share a loaded one.
CUT_OFF_SECONDS_MAX = 8
GAP_SECONDS_MAX = 10
PARTIAL_SECONDS = 4
FLAPPING_SECONDS = 6
FLAP_SECONDS = 0.4


class PartitionTest(cluster.ClusterTest):
    def begin(self, nodes, *options):
        try:
            self.network = namespaces.Network(nodes)
        except namespaces.Impossible as why:
            self.skipTest(f"no network of its own for each node: {why}")
        self.addCleanup(self.network.end)
        self.nodes = daemons.Daemons(nodes, "--durability", "interval", *options, hosts=self.network.hosts(),
                                     prefixes=self.network.prefixes())
        self.own_clusters = [self.nodes]
        self.addCleanup(self.nodes.end)
        self.nodes.start()
        self.expect(self.nodes.client(1).put("before", b"the cut"), 201)
        self.replicas = self.nodes.client(1).replicas("before")
        self.load = history.Load(self.nodes).start()
        self.addCleanup(self.load.stopping.set)
        self.load.await_writes(self.nodes.numbers(), "before any cut")

    def note_gap(self, what, nodes, begun):
        gap = self.load.gap(nodes, begun)
        print(f"{what}: at most {gap:.2f} s without a write through {nodes}", flush=True)
        self.assertLess(gap, GAP_SECONDS_MAX, what)

    def others(self, *nodes):
        return [node for node in self.nodes.numbers() if node not in nodes]

    def await_refusal(self, node, what, ask, begun):
        """Until a request is answered with `cut_off`; what comes before must not be a success for ever."""
        def refused():
            answer = ask(self.nodes.client(node))
            return answer.status == 503 and answer.json()["error"] == "cut_off"
        cluster.wait_for(f"{what} through node {node} is refused", refused, CUT_OFF_SECONDS_MAX)
        took = time.monotonic() - begun
        print(f"node {node}: {what} refused {took:.2f} s after the cut", flush=True)
        self.assertLess(took, CUT_OFF_SECONDS_MAX)

    def expect_cut_off(self, node, begun):
        self.await_refusal(node, "a strong read", lambda client: client.get("before"), begun)
        self.await_refusal(node, "a write", lambda client: client.put("during", b"never"), begun)
        self.await_refusal(node, "a delete", lambda client: client.delete("before"), begun)
        local = self.nodes.client(node).kv("GET", "before", local=True)
        self.assertEqual(local.headers["Brusio-Consistency"], "local")
        if node in self.replicas:
            self.assertEqual(self.expect(local, 200, "a local read:").body, b"the cut")
        else:
            self.expect_error(local, 404, "a local read where the key is not:")

    def separate(self, minority):
        """The minority answers with `cut_off`, the others go on; afterwards all is as before."""
        majority = self.others(*minority)
        begun = time.monotonic()
        self.network.cut(minority, majority)
        for node in minority:
            self.expect_cut_off(node, begun)
        self.load.await_writes(majority, f"without {minority}")
        self.note_gap(f"cut of {minority}", majority, begun)
        for node in minority:
            self.expect_cut_off(node, time.monotonic())
        self.heal(f"cut of {minority}", majority)

    def heal(self, what, healthy):
        begun = time.monotonic()
        self.network.heal()
        self.load.await_writes(self.nodes.numbers(), f"after the {what}")
        self.nodes.settle()
        print(f"{what}: all in sync {time.monotonic() - begun:.2f} s after the end", flush=True)
        self.note_gap(f"end of the {what}", healthy, begun)

    def finish(self, what):
        self.load.verify(what)
        self.expect(self.nodes.client(1).get("during"), 404, "what was refused:")


class Partitions(PartitionTest):
    def test_one_of_three_is_cut_off(self):
        self.begin(3)
        for node in (1, 3):
            self.separate([node])
        self.finish("one of 3 cut off")

    def test_two_of_five_are_cut_off_together(self):
        self.begin(5, "--strategy", "consistent", "--replication-factor", "3")
        self.separate([1, 2])
        self.finish("two of 5 cut off")

    def test_a_node_that_hears_but_is_not_heard_is_done_without(self):
        self.begin(3)
        for node in (1, 2):
            begun = time.monotonic()
            for other in self.others(node):
                self.network.cut_way(node, other)
            self.load.await_writes(self.others(node), f"while node {node} is not heard")
            self.note_gap(f"node {node} not heard", self.others(node), begun)
            self.heal(f"silence of node {node}", self.others(node))
        self.finish("not heard")

    def test_a_node_that_is_heard_but_does_not_hear_is_done_without(self):
        self.begin(3)
        for node in (1, 3):
            begun = time.monotonic()
            for other in self.others(node):
                self.network.cut_way(other, node)
            self.load.await_writes(self.others(node), f"while node {node} does not hear")
            self.note_gap(f"node {node} deaf", self.others(node), begun)
            self.heal(f"deafness of node {node}", self.others(node))
        self.finish("does not hear")

    def test_two_nodes_that_do_not_hear_each_other_stop_nobody(self):
        """The third one hears both: what goes through it goes on."""
        self.begin(3)
        begun = time.monotonic()
        self.network.cut([1], [2])
        time.sleep(PARTIAL_SECONDS)
        self.load.await_writes([3], "while 1 and 2 do not hear each other")
        self.note_gap("1 and 2 without each other", [3], begun)
        self.heal("cut between 1 and 2", [3])
        self.finish("a pair without each other")

    def test_ways_that_come_and_go_break_no_promise(self):
        self.begin(3)
        choice = random.Random(7)
        until = time.monotonic() + FLAPPING_SECONDS
        while time.monotonic() < until:
            one, other = choice.sample(list(self.nodes.numbers()), 2)
            if choice.random() < 0.5:
                self.network.cut_way(one, other)
            else:
                self.network.cut([one], [other])
            time.sleep(choice.random() * FLAP_SECONDS)
            if choice.random() < 0.4:
                self.network.heal()
                time.sleep(choice.random() * FLAP_SECONDS)
        self.heal("flapping", [])
        self.finish("ways that come and go")


if __name__ == "__main__":
    unittest.main()
