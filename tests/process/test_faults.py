"""Processes that die, freeze or leave under load: nothing acknowledged is lost, every history is linearizable, and
writes go on through the nodes that are healthy.
"""

import itertools
import signal
import subprocess
import sys
import time
import unittest

import cluster
import daemons
import history

# A lease is 1 s; on a quiet machine writes go on half a second later at the latest. Tests share a loaded one.
GAP_SECONDS_MAX = 8
FROZEN_SECONDS = 2.5
VISITORS = 24
VISIT_SECONDS = 0.3
SATURATED_SECONDS = 10
BUSY_PROCESSES = 4


class FaultTest(cluster.ClusterTest):
    """Each test has a cluster of its own, under load from beginning to end."""

    def begin(self, nodes=3, durability="commit", *options):
        self.nodes = daemons.Daemons(nodes, "--durability", durability, *options)
        self.own_clusters = [self.nodes]
        self.addCleanup(self.nodes.end)
        self.nodes.start()
        self.load = history.Load(self.nodes).start()
        self.addCleanup(self.load.stopping.set)
        self.load.await_writes(self.nodes.numbers(), "before any fault")

    def others(self, *nodes):
        return [node for node in self.nodes.numbers() if node not in nodes]

    def note_gap(self, what, nodes, begun):
        """What clients of these nodes had to wait since `begun`."""
        gap = self.load.gap(nodes, begun)
        print(f"{what}: at most {gap:.2f} s without a write through {nodes}", flush=True)
        self.assertLess(gap, GAP_SECONDS_MAX, what)

    def finish(self, what):
        self.nodes.settle()
        self.load.verify(what)

    def kill(self, *killed):
        """At once, and until the others have gone on."""
        begun = time.monotonic()
        for node in killed:
            self.nodes.send(node, signal.SIGKILL)
        for node in killed:
            self.nodes.processes[node].wait(daemons.ENDS_SECONDS)
        self.load.await_writes(self.others(*killed), f"after {killed} were killed")
        self.note_gap(f"SIGKILL of {killed}", self.others(*killed), begun)

    def come_back(self, *nodes):
        begun = time.monotonic()
        for node in nodes:
            self.nodes.spawn(node)
        self.nodes.await_serving(*nodes)
        self.load.await_writes(self.nodes.numbers(), f"after {nodes} came back")
        self.note_gap(f"return of {nodes}", self.others(*nodes), begun)


class Crashes(FaultTest):
    def crash_each(self, durability):
        self.begin(3, durability)
        for node in self.nodes.numbers():
            self.kill(node)
            self.come_back(node)
            self.nodes.settle()
        self.finish(f"each of 3 killed in turn, {durability}")

    def test_each_node_is_killed_in_turn_with_durability_commit(self):
        self.crash_each("commit")

    def test_each_node_is_killed_in_turn_with_durability_interval(self):
        self.crash_each("interval")

    def test_two_of_five_nodes_are_killed_at_once(self):
        self.begin(5, "interval", "--strategy", "consistent", "--replication-factor", "3")
        for pair in ((1, 2), (3, 5)):
            self.kill(*pair)
            self.come_back(*reversed(pair))
            self.nodes.settle()
        self.finish("two of 5 killed at once")

    def kill_all(self):
        """And waits until they have ended."""
        running = self.nodes.running()
        for node in running:
            self.nodes.send(node, signal.SIGKILL)
        for node in running:
            self.nodes.processes[node].wait(daemons.ENDS_SECONDS)

    def return_with_the_oldest_first(self):
        """One has missed writes when all die; it comes back first, and the last one when the two serve."""
        self.kill(2)
        self.kill_all()
        self.nodes.spawn(2)
        time.sleep(0.5)
        self.nodes.spawn(3)
        self.nodes.await_serving(2, 3)
        self.load.await_writes((2, 3), "without node 1")
        self.come_back(1)

    def crash_all(self, durability):
        """The machine stays: even what `interval` has not synced is there."""
        self.begin(3, durability)
        for order in ((1, 2, 3), (3, 1, 2)):
            self.kill_all()
            for node in order:
                self.nodes.spawn(node)
                time.sleep(0.2)
            self.nodes.await_serving(*order)
            self.load.await_writes(order, "after all were killed")
        self.nodes.settle()
        self.return_with_the_oldest_first()
        self.finish(f"all killed at once, {durability}")

    def test_all_nodes_are_killed_at_once_with_durability_commit(self):
        self.crash_all("commit")

    def test_all_nodes_are_killed_at_once_with_durability_interval(self):
        self.crash_all("interval")

    def test_a_node_that_catches_up_is_killed_again_and_again(self):
        """It has missed writes and copies them, under load, when it dies; a bit later each time."""
        self.begin(3, "interval")
        self.kill(2)
        for delay in (0.05, 0.15, 0.3, 0.6):
            begun = time.monotonic()
            self.nodes.spawn(2)
            time.sleep(delay)
            self.nodes.kill(2)
            self.load.await_writes((1, 3), "while node 2 came and died")
            self.note_gap(f"SIGKILL of node 2 after {delay} s", [1, 3], begun)
        self.come_back(2)
        self.finish("killed while catching up")

    def test_a_new_node_is_killed_while_it_joins(self):
        """It is known already, or not yet; either way it comes back and gets all data."""
        self.begin(2, "commit")
        self.nodes.add_place()
        for delay in (0.05, 0.1, 0.2, 0.4):
            self.nodes.spawn(3)
            time.sleep(delay)
            self.nodes.kill(3)
            self.load.await_writes((1, 2), "while a node joined and died")
        self.nodes.restart(3)
        self.finish("killed while joining")


class Pauses(FaultTest):
    def test_a_frozen_node_is_done_without_and_serves_nothing_old_afterwards(self):
        self.begin(3, "interval")
        for node in (1, 3):
            begun = time.monotonic()
            self.nodes.send(node, signal.SIGSTOP)
            try:
                time.sleep(FROZEN_SECONDS)
                self.load.await_writes(self.others(node), f"while node {node} is frozen")
                self.note_gap(f"SIGSTOP of node {node}", self.others(node), begun)
                # They begin when others have written for long, and are the first that it sees.
                self.load.visit(node, VISITORS)
                time.sleep(VISIT_SECONDS)
            finally:
                self.nodes.send(node, signal.SIGCONT)
            begun = time.monotonic()
            self.load.await_writes(self.nodes.numbers(), f"after node {node} was frozen")
            self.nodes.settle()
            self.note_gap(f"SIGCONT of node {node}", self.others(node), begun)
        self.finish("frozen for longer than a lease")

    def test_short_pauses_hurt_nobody(self):
        """Shorter than a lease, of every node in turn, again and again."""
        self.begin(3, "interval")
        for node in itertools.islice(itertools.cycle(self.nodes.numbers()), 9):
            self.nodes.send(node, signal.SIGSTOP)
            time.sleep(0.25)
            self.nodes.send(node, signal.SIGCONT)
            time.sleep(0.1)
        self.load.await_writes(self.nodes.numbers(), "after short pauses")
        self.finish("short pauses")


class Departures(FaultTest):
    def leave(self, node):
        begun = time.monotonic()
        took = self.nodes.stop_node(node)
        self.load.await_writes(self.others(node), f"after node {node} left")
        self.note_gap(f"SIGTERM of node {node}, which took {took:.2f} s", self.others(node), begun)

    def test_each_node_is_stopped_and_started_in_turn(self):
        self.begin(3, "commit")
        for node in self.nodes.numbers():
            self.leave(node)
            self.come_back(node)
            self.nodes.settle()
        self.finish("each of 3 stopped in turn")

    def test_a_node_is_killed_during_a_rolling_restart(self):
        """With two of three away nothing can be written; all goes on when one of them is back."""
        self.begin(3, "interval")
        for left, killed in ((1, 2), (2, 3), (3, 1)):
            self.leave(left)
            self.nodes.spawn(left)
            self.nodes.kill(killed)
            self.nodes.await_serving(left)
            self.load.await_writes(self.others(killed), f"after {left} came back without {killed}")
            self.come_back(killed)
            self.nodes.settle()
        self.finish("killed during a rolling restart")


class Saturation(FaultTest):
    def states(self, node):
        described = self.nodes.client(node).ask("GET", "/v1/nodes").json()
        return described["epoch"], [entry["state"] for entry in described["nodes"]]

    def test_no_node_is_lost_while_the_machine_is_saturated(self):
        """Slow is not dead: nobody is declared down, so the map stays as it is."""
        self.begin(3, "interval")
        self.nodes.settle()
        epoch, _ = self.states(1)
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(BUSY_PROCESSES)]
        begun = time.monotonic()
        try:
            while time.monotonic() < begun + SATURATED_SECONDS:
                for node in self.nodes.numbers():
                    seen, states = self.states(node)
                    self.assertEqual((seen, states), (epoch, ["up"] * 3),
                                     f"node {node} after {time.monotonic() - begun:.1f} s, epoch {epoch} before")
                time.sleep(0.1)
        finally:
            for process in busy:
                process.kill()
                process.wait()
        self.note_gap(f"{BUSY_PROCESSES} busy processes", list(self.nodes.numbers()), begun)
        self.finish("saturated")


if __name__ == "__main__":
    unittest.main()
