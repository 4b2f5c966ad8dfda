"""Roaming peers find each other while every member is away: those that met before, after a restart, and new ones by
beacons, on one machine and between machines.
"""

import os
import socket
import unittest

import cluster
import daemons
import namespaces

MEMBER = 1
LOOPBACK_BROADCAST = "127.255.255.255"
MEETS_SECONDS = 90
SEARCHED_BYTES_MAX = 64 << 20


def open_datagram_socket(port=0):
    """On the broadcast address of the loopback network, where others may listen as well."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    opened.bind((LOOPBACK_BROADCAST, port))
    opened.settimeout(5)
    return opened


def free_datagram_port():
    with open_datagram_socket() as opened:
        return opened.getsockname()[1]


def why_no_broadcast():
    """Why this machine cannot broadcast to itself; None when it can."""
    try:
        with open_datagram_socket() as one, open_datagram_socket(one.getsockname()[1]) as other:
            one.sendto(b"heard?", one.getsockname())
            return None if (one.recv(100), other.recv(100)) == (b"heard?", b"heard?") else "other bytes came"
    except OSError as why:
        return str(why)


class Peers(daemons.Daemons):
    """Node 1 is a member; the others roam, each with its own words at the end of its command line."""

    def __init__(self, nodes, *options, words=None, **places):
        super().__init__(nodes, *options, **places)
        self.words = words or {}

    def role(self, node):
        return [*(super().role(node) if node == MEMBER else ["--peer"]), *self.words.get(node, [])]

    def join_words(self):
        return ["--join", self.address(MEMBER, self.peer_port(MEMBER))]

    def settle(self):
        """Nothing of strong keyspaces is to settle."""

    def begin(self):
        """The member, with an optimistic keyspace."""
        self.spawn(MEMBER)
        self.await_serving(MEMBER)
        answer = self.client(MEMBER).post("/v1/keyspaces", {"name": "notes", "mode": "optimistic", "rumor_ms": 200,
                                                            "anti_entropy_ms": 1000})
        assert answer.status == 201, answer

    def roam(self, *nodes):
        for node in nodes:
            self.spawn(node)
        self.await_serving(*nodes)

    def holds(self, node, text):
        """Whether the bytes are somewhere in the data store of a node."""
        for folder, _, files in os.walk(self.path(f"node-{node}/data")):
            for file in files:
                with open(os.path.join(folder, file), "rb") as stream:
                    if text in stream.read(SEARCHED_BYTES_MAX):
                        return True
        return False


class DiscoveryTest(cluster.ClusterTest):
    def begin(self, peers):
        self.own_clusters = [peers]
        self.addCleanup(peers.end)
        self.peers = peers
        peers.begin()

    def write(self, node, key, value):
        self.expect(self.peers.client(node).put(key, value, keyspace="notes"), 201, f"write through node {node}:")

    def await_value(self, node, key, value):
        client = self.peers.client(node)

        def shown():
            answer = client.get(key, keyspace="notes")
            return answer.status == 200 and answer.body == value
        cluster.wait_for(f"node {node} shows {key}", shown, seconds=MEETS_SECONDS)

    def expect_exchange(self, one, other, word):
        """Each writes, and then each shows what the other wrote."""
        self.write(one, f"{word}-{one}", b"one")
        self.write(other, f"{word}-{other}", b"other")
        self.await_value(other, f"{word}-{one}", b"one")
        self.await_value(one, f"{word}-{other}", b"other")

    def test_old_acquaintances_meet_again_after_a_restart(self):
        peers = Peers(3)
        peers.words = {2: peers.join_words(), 3: peers.join_words()}
        self.begin(peers)
        peers.roam(2, 3)
        self.expect_exchange(2, 3, "with-the-member")
        peers.kill(MEMBER)
        for node, other in ((2, 3), (3, 2)):
            address = peers.address(other, peers.peer_port(other)).encode()
            cluster.wait_for(f"node {node} has noted node {other}", lambda node=node, address=address:
                             peers.holds(node, address))
        peers.kill(2)
        peers.kill(3)
        peers.words = {}
        peers.roam(2, 3)
        self.expect_exchange(2, 3, "without-the-member")
        self.await_value(2, "with-the-member-3", b"other")

    def test_a_new_peer_finds_one_by_its_beacon(self):
        why = why_no_broadcast()
        if why is not None:
            self.skipTest(f"this machine does not broadcast to {LOOPBACK_BROADCAST}: {why}")
        port = free_datagram_port()
        peers = Peers(4)
        words = ["--beacon", str(port), "--beacon-address", LOOPBACK_BROADCAST]
        peers.words = {2: [*words, *peers.join_words()], 3: words, 4: words}
        self.begin(peers)
        peers.roam(2)
        self.write(2, "before", b"anybody came")
        peers.kill(MEMBER)
        peers.roam(3)
        self.await_value(3, "before", b"anybody came")
        self.expect_exchange(2, 3, "found")
        # Who was found has what is needed to be found by the next one.
        peers.kill(2)
        peers.roam(4)
        self.expect_exchange(3, 4, "handed-on")
        self.await_value(4, "before", b"anybody came")
        with open_datagram_socket(port) as stranger:
            stranger.sendto(b"BRUSIOb1" + os.urandom(60), (LOOPBACK_BROADCAST, port))
        self.expect_exchange(4, 3, "in-spite-of-strangers")

    # Between machines, each with an address of its own that it does not know by itself.
    def test_beacons_tell_where_a_machine_is(self):
        try:
            network = namespaces.Network(3)
        except namespaces.Impossible as why:
            self.skipTest(f"no network of its own for each node: {why}")
        self.addCleanup(network.end)
        peers = Peers(3, hosts=network.hosts(), prefixes=network.prefixes())
        beacon = ["--beacon", "--beacon-address", network.host(255)]
        anywhere = ["--listen", f"0.0.0.0:{peers.peer_port(MEMBER)}",
                    "--advertise-peer", peers.address(MEMBER, peers.peer_port(MEMBER))]
        peers.words = {MEMBER: [*beacon, *anywhere],
                       **{node: [*beacon, "--listen", f"0.0.0.0:{peers.peer_port(node)}"] for node in (2, 3)}}
        self.begin(peers)
        peers.roam(2, 3)
        self.expect_exchange(2, MEMBER, "with-the-member")
        peers.kill(MEMBER)
        self.expect_exchange(2, 3, "without-the-member")

    def test_a_new_peer_needs_somebody_to_ask(self):
        peers = Peers(2)
        self.own_clusters = [peers]
        self.addCleanup(peers.end)
        for words, status in (([], 1), (["--beacon", "0"], 2), (["--beacon=65536"], 2), (["--beacon", "x"], 2),
                              (["--beacon-address", "127.0.0.1"], 2),
                              (["--beacon", "--beacon-address", "nowhere"], 1)):
            peers.words = {2: words}
            peers.spawn(2)
            self.assertEqual(peers.processes[2].wait(cluster.DEADLINE_SECONDS), status, words)

    def test_a_member_says_where_it_is(self):
        """A map that named every address of a machine would name none."""
        peers = Peers(1)
        self.own_clusters = [peers]
        self.addCleanup(peers.end)
        port = peers.peer_port(MEMBER)
        for words in (["--listen", f"0.0.0.0:{port}"], ["--listen", f"[::]:{port}"],
                      ["--listen", f"0.0.0.0:{port}", "--beacon"], ["--advertise-peer", f"0.0.0.0:{port}"]):
            peers.words = {MEMBER: words}
            peers.spawn(MEMBER)
            self.assertEqual(peers.processes[MEMBER].wait(cluster.DEADLINE_SECONDS), 2, words)
            said = peers.log(MEMBER).splitlines()[-1]
            self.assertIn(f"{words[1]}: add --advertise-peer HOST:PORT", said)
            self.assertFalse(os.path.exists(peers.path("node-1")), words)
        peers.words = {MEMBER: ["--advertise-peer", f"localhost:{port}"]}
        peers.begin()
        listed = peers.client(MEMBER).ask("GET", "/v1/nodes").json()["nodes"]
        self.assertEqual([node["peer_address"] for node in listed], [f"localhost:{port}"])


if __name__ == "__main__":
    unittest.main()
