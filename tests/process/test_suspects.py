"""Nodes that lost power under durability `interval`: what they may lack is never served."""

import os
import unittest

import cluster
from fleet import Fleet

KEYS = 60
WAIT_SECONDS = 4


class Suspects(unittest.TestCase):
    """The power is lost only in name: the note that a store leaves behind after it is written by hand."""

    def setUp(self):
        self.fleet = Fleet()
        self.addCleanup(self.fleet.end)

    def begin(self):
        self.fleet.begin(3, "--durability", "interval")
        for at in range(KEYS):
            self.assertEqual(self.fleet.client(1).put(f"key-{at}", b"%d" % at).status, 201)

    def note(self, node):
        return self.fleet.home(node, "data", "brusio.suspect")

    def lose_power(self, node):
        self.fleet.kill(node)
        with open(self.note(node), "w", encoding="utf-8"):
            pass

    def expect_all(self, node):
        for at in range(KEYS):
            answer = self.fleet.client(node).get(f"key-{at}")
            self.assertEqual((answer.status, answer.body), (200, b"%d" % at))

    def test_one_joins_anew_from_the_others(self):
        self.begin()
        self.lose_power(2)
        self.fleet.start_node(2, "--durability", "interval")
        self.assertIn("may lack acknowledged writes", self.fleet.log(2))
        self.fleet.settle()
        self.expect_all(2)
        cluster.wait_for("the suspicion ends", lambda: not os.path.exists(self.note(2)))

    def test_all_come_back_by_themselves_once_all_are_there(self):
        self.begin()
        for node in (1, 2, 3):
            self.lose_power(node)
        for node in (1, 2, 3):
            self.fleet.launch(node, "--durability", "interval")
        cluster.wait_for("all serve", lambda: all(self.serves(node) for node in (1, 2, 3)))
        self.assertTrue(any("the loss of power may be lost" in self.fleet.log(node) for node in (1, 2, 3)))
        self.fleet.settle()
        for node in (1, 2, 3):
            self.expect_all(node)
        cluster.wait_for("the suspicion ends", lambda: not any(os.path.exists(self.note(node)) for node in (1, 2, 3)))

    def test_some_wait_for_the_others_until_one_is_trusted(self):
        self.begin()
        for node in (1, 2, 3):
            self.lose_power(node)
        for node in (1, 2):
            self.fleet.launch(node, "--durability", "interval")
        with self.assertRaises(AssertionError):
            cluster.wait_for("a node serves", lambda: any(self.serves(node) for node in (1, 2)), WAIT_SECONDS)
        self.fleet.kill(2)
        self.fleet.start_node(2, "--durability", "interval", "--trust-store")
        self.fleet.launch(3, "--durability", "interval")
        cluster.wait_for("all serve", lambda: all(self.serves(node) for node in (1, 2, 3)))
        for node in (1, 2, 3):
            self.expect_all(node)

    def serves(self, node):
        """Since its last start."""
        begun, served = (self.fleet.log(node).rfind(text) for text in ("may lack acknowledged", "serves, in epoch"))
        return served > begun >= 0


if __name__ == "__main__":
    unittest.main()
