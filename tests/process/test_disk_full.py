"""The size limit of a store, on real nodes: puts are refused with a clear 507, everything else goes on."""

import unittest

import cluster
from fleet import Fleet

LIMIT_BYTES = 4 << 20
VALUE = b"v" * 20000
PUTS_MAX = 2000


class DiskFull(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet()
        self.addCleanup(self.fleet.end)

    def start(self, node, durability, **how):
        self.fleet.start_node(node, "--durability", durability, "--store-bytes-max", str(LIMIT_BYTES),
                              *(["--init"] if node == 1 and not how else []), **how)

    def fill(self):
        """Puts until one is refused; gives how many were taken, and the refusal."""
        for at in range(PUTS_MAX):
            answer = self.fleet.client(at % 3 + 1).put(f"key-{at}", VALUE)
            if answer.status != 201:
                return at, answer
        self.fail("the store never said that it is full")

    def fill_and_empty(self, durability):
        self.start(1, durability)
        for node in (2, 3):
            self.start(node, durability, join=1)
        self.fleet.settle()
        taken, refusal = self.fill()
        self.assertGreater(taken, 20)
        self.assertEqual(refusal.status, 507, refusal)
        self.assertEqual(refusal.json()["error"], "insufficient_storage")
        self.assertIn("delete", refusal.json()["message"])
        for at in range(taken):
            self.assertEqual(self.fleet.client(1).get(f"key-{at}").body, VALUE)
        # It stays whole: nobody fell over it. A full store opens again as it is.
        self.assertEqual([node["status"] for node in self.fleet.client(2).nodes()], ["alive"] * 3)
        self.fleet.stop_node(2)
        self.start(2, durability, join=1)
        for at in range(taken):
            self.assertIn(self.fleet.client(3).kv("DELETE", f"key-{at}").status, (200, 204))
        cluster.wait_for("there is room again",
                         lambda: self.fleet.client(1).put("again", VALUE).status in (201, 204))
        self.assertEqual(self.fleet.client(2).get("again").body, VALUE)

    def test_with_durability_commit(self):
        self.fill_and_empty("commit")

    def test_with_durability_interval(self):
        self.fill_and_empty("interval")


if __name__ == "__main__":
    unittest.main()
