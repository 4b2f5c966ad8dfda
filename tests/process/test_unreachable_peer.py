"""Roaming peers to which nobody can connect: what they exchange goes over the connections that they make themselves.

Two say that they are reached at a port at which nobody listens, as one behind a firewall does in effect, and one says
nothing. All the same they get what the member has, also what the member brings up itself, and converge through it.
"""

import os
import signal
import unittest

import cluster
import daemons
import ports

MEMBER = 1
PEERS = [2, 3, 4]
NAMELESS = 4  # every address of a machine is none that others could use
KEYS = 40
CONVERGES_SECONDS = 60
LARGE = b"large " * 50000


class Network(daemons.Daemons):
    """Node 1 is a member, the others roam, and name addresses that are dead, or none."""

    def __init__(self, nodes):
        super().__init__(nodes)
        self.dead = ports.free(len(PEERS))

    def named(self, node):
        return f"{'0.0.0.0' if node == NAMELESS else '127.0.0.1'}:{self.dead[PEERS.index(node)]}"

    def role(self, node):
        if node == MEMBER:
            return super().role(node)
        begun = os.path.exists(self.path(f"node-{node}/voter"))
        return ["--peer", "--advertise-peer", self.named(node),
                *([] if begun else ["--join", self.address(MEMBER, self.peer_port(MEMBER))])]

    def settle(self):
        """Nothing of strong keyspaces is to settle."""


class Chain(Network):
    """Node 3 is told of node 2 only, which roams as well, and listens; it names no address, and 2 may not either."""

    first_is_named = False

    def named(self, node):
        return self.address(2, self.peer_port(2)) if node == 2 and self.first_is_named else "0.0.0.0:7"

    def role(self, node):
        return super().role(node) if node < 3 else ["--peer", "--advertise-peer", self.named(node), "--join",
                                                    self.address(2, self.peer_port(2))]


class NetworkTest(unittest.TestCase):
    network_class = Network

    def setUp(self):
        self.network = self.network_class(1 + len(PEERS))
        self.addCleanup(self.network.end)
        self.network.spawn(MEMBER)
        self.network.await_serving(MEMBER)
        answer = self.network.client(MEMBER).post("/v1/keyspaces", {
            "name": "notes", "mode": "optimistic", "rumor_ms": 100, "anti_entropy_ms": 500, "stability_ms": 200})
        self.assertEqual(answer.status, 201, answer)

    def write(self, node, word, count=KEYS):
        """So many keys, and one value that takes many packets."""
        for number in range(count):
            body = LARGE if number == 0 else f"{word} {number}".encode()
            answer = self.network.client(node).put(f"{word}-{node}-{number}", body, keyspace="notes")
            self.assertIn(answer.status, (201, 204), answer)
        return {f"{word}-{node}-{number}": LARGE if number == 0 else f"{word} {number}".encode()
                for number in range(count)}

    def await_all(self, nodes, expected):
        def has(node, key, value):
            answer = self.network.client(node).get(key, keyspace="notes")
            return answer.status == 200 and answer.body == value

        for node in nodes:
            for key, value in expected.items():
                cluster.wait_for(f"node {node} has {key}", lambda n=node, k=key, v=value: has(n, k, v),
                                 seconds=CONVERGES_SECONDS)

    def start(self, *nodes):
        for node in nodes:
            self.network.spawn(node)
        self.network.await_serving(*nodes)


class Unreachable(NetworkTest):
    def test_all_converge_through_the_member(self):
        expected = self.write(MEMBER, "before")
        self.start(*PEERS)
        self.await_all(PEERS, expected)
        for node in [MEMBER, *PEERS]:
            expected |= self.write(node, "together")
        self.await_all([MEMBER, *PEERS], expected)
        known = self.network.client(MEMBER).ask("GET", "/v1/peers").json()["peers"]
        self.assertEqual({peer["address"] for peer in known},
                         {"" if node == NAMELESS else self.network.named(node) for node in PEERS})
        self.assertTrue(all(ports.is_free(port) for port in self.network.dead))

    def test_what_is_deleted_goes_there_too(self):
        self.start(*PEERS)
        expected = self.write(PEERS[0], "kept", 3)
        gone = self.write(PEERS[1], "gone", 3)
        self.await_all([MEMBER, *PEERS], expected | gone)
        for key in gone:
            answer = self.network.client(MEMBER).kv("DELETE", key, keyspace="notes")
            self.assertEqual(answer.status, 204, answer)
        for node in PEERS:
            for key in gone:
                cluster.wait_for(f"{key} is gone at node {node}", lambda n=node, k=key: self.network.client(n).get(
                    k, keyspace="notes").status == 404, seconds=CONVERGES_SECONDS)
        self.await_all(PEERS, expected)

    def test_they_are_answered_again_after_an_outage_of_either_side(self):
        self.start(*PEERS)
        expected = self.write(MEMBER, "first", 5)
        self.await_all(PEERS, expected)
        # The member begins anew: it knows their addresses, and has no connection.
        self.network.kill(MEMBER)
        for node in PEERS:
            expected |= self.write(node, "alone", 5)
        self.network.restart(MEMBER)
        expected |= self.write(MEMBER, "again", 5)
        self.await_all([MEMBER, *PEERS], expected)
        # They do, one of them after it was asleep.
        for node in (PEERS[0], NAMELESS):
            self.network.kill(node)
        self.network.send(PEERS[1], signal.SIGSTOP)
        expected |= self.write(MEMBER, "meanwhile", 5)
        self.network.send(PEERS[1], signal.SIGCONT)
        self.start(PEERS[0], NAMELESS)
        self.await_all(PEERS, expected)


class Alone(NetworkTest):
    """While the only member is away, a roaming peer finds the one that it is told of, and that one finds it."""

    network_class = Chain

    def meet(self):
        self.start(2)
        expected = self.write(2, "early", 5)
        self.network.kill(MEMBER)
        self.start(3)
        self.await_all([3], expected)
        self.await_all([2], self.write(3, "late", 5))

    def test_one_that_names_itself(self):
        self.network.first_is_named = True
        self.meet()

    def test_one_that_names_nothing(self):
        self.meet()


if __name__ == "__main__":
    unittest.main()
