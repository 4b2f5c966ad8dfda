"""One member and four roaming peers write annotations, some of them alone, and all come to show the same.

Two of the peers are stopped or cut off while all five write, modify and delete in three channels. Afterwards all five
list exactly the same, nothing that was replaced or deleted is back, every conflict is visible everywhere, and the
primary has made all of it stable. Then a file carries the news to a peer that never had a connection.
"""

import json
import os
import random
import signal
import time
import unittest

import cluster
import daemons

MEMBER = 1
PEERS = [2, 3, 4, 5]
LONELY = 6  # never has a connection but for its first, by which it learns of the cluster
STOPPED = 4
CHANNELS = ["linux", "music", "maps"]
CONVERGES_SECONDS = 90
LINKS = ["https://example.org/a", "https://example.org/b?q=1",
         "ed2k://|file|song.mp3|4096|0123456789abcdef0123456789abcdef|/",
         "ed2k://|file|renamed.mp3|4096|0123456789ABCDEF0123456789ABCDEF|/"]


class Network(daemons.Daemons):
    """Node 1 is a member, the others roam."""

    def role(self, node):
        if node == MEMBER:
            return super().role(node)
        wanted = [word for channel in CHANNELS for word in ("--keyspace", f"annotations/{channel}")]
        begun = os.path.exists(self.path(f"node-{node}/voter"))
        return ["--peer", *wanted, *([] if begun else ["--join", self.address(MEMBER, self.peer_port(MEMBER))])]

    def share_author(self, nodes):
        """One person with several machines: what is written on either is that person's."""
        key = os.urandom(32)
        for node in nodes:
            os.mkdir(self.path(f"node-{node}"))
            with open(self.path(f"node-{node}/author.key"), "wb") as stream:
                stream.write(key)

    def settle(self):
        """Nothing of strong keyspaces is to settle."""

    def annotations(self, node, channel):
        """Every annotation of a channel, as all must show it, by id."""
        shown, cursor = {}, None
        while True:
            query = f"/v1/annotations?channel={channel}&limit=100" + (f"&cursor={cursor}" if cursor else "")
            answer = self.client(node).ask("GET", query)
            if answer.status != 200:
                return None
            page = answer.json()
            shown.update({item["id"]: item for item in page["annotations"]})
            cursor = page.get("cursor")
            if not cursor:
                return shown

    def shown(self, node):
        return {channel: self.annotations(node, channel) for channel in CHANNELS}

    def counts(self, node):
        return self.client(node).ask("GET", "/v1/peers").json()["counts"]


def essence(items):
    """What must be equal everywhere: whether something is stable comes later."""
    if items is None:
        return None
    plain = {}
    for key, item in items.items():
        item = json.loads(json.dumps(item))
        item.pop("state", None)
        for conflict in item.get("conflicts", []):
            conflict.pop("state", None)
        plain[key] = item
    return plain


class Peers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = Network(6)
        cls.addClassCleanup(cls.network.end)
        cls.network.spawn(MEMBER)
        cls.network.await_serving(MEMBER)
        answer = cls.network.client(MEMBER).post("/v1/keyspaces", {
            "name": "annotations", "mode": "optimistic", "family": True, "signed": True, "anti_entropy_ms": 1000,
            "rumor_ms": 200, "stability_ms": 500})
        assert answer.status == 201, answer
        cls.network.share_author(PEERS[:2])
        for node in [*PEERS, LONELY]:
            cls.network.spawn(node)
        cls.network.await_serving(*PEERS, LONELY)
        cls.network.stop_node(LONELY)

    def add(self, node, channel, text, **more):
        answer = self.network.client(node).post("/v1/annotations", {
            "channel": channel, "link": random.choice(LINKS), "text": text, **more})
        self.assertEqual(answer.status, 201, answer)
        return answer.json()["annotation"]["id"]

    def patch(self, node, channel, name, text):
        answer = self.network.client(node).ask("PATCH", f"/v1/annotations/{name}?channel={channel}",
                                               json.dumps({"text": text}).encode())
        self.assertEqual(answer.status, 200, answer)

    def make_conflict(self, channel):
        """One author changes one annotation on two machines, neither of which can know of the other's change."""
        network, (here, there) = self.network, PEERS[:2]
        name = self.add(here, channel, "to be changed twice")
        cluster.wait_for("the other machine has it", lambda: name in (network.annotations(there, channel) or {}))
        # What a peer acknowledges is on its disk, with all that it had got before.
        self.add(there, "elsewhere", "the last before the end")
        network.kill(there)
        self.patch(here, channel, name, "changed here, changed")
        others = [node for node in network.running() if node != there]
        for node in others:
            network.send(node, signal.SIGSTOP)
        network.spawn(there)
        network.await_serving(there)
        self.patch(there, channel, name, "changed there, changed")
        for node in others:
            network.send(node, signal.SIGCONT)
        return name

    def write_everywhere(self, nodes, word, rounds):
        """Each writes some, changes some of its own, and deletes some; gives what it deleted."""
        deleted = set()
        for turn in range(rounds):
            for node in nodes:
                client = self.network.client(node)
                for channel in CHANNELS:
                    kept = self.add(node, channel, f"{word} {turn} of {node}", rating=turn % 6)
                    gone = self.add(node, channel, f"{word} {turn} of {node}, to go")
                    self.patch(node, channel, kept, f"{word} {turn} of {node}, changed")
                    ended = client.ask("DELETE", f"/v1/annotations/{gone}?channel={channel}")
                    self.assertEqual(ended.status, 204, ended)
                    deleted.add((channel, gone))
        return deleted

    def await_equal(self, nodes, what):
        begun = time.monotonic()

        def equal():
            first, *others = [{channel: essence(items) for channel, items in self.network.shown(node).items()}
                              for node in nodes]
            return None not in first.values() and all(other == first for other in others) and first

        shown = cluster.wait_for(what, equal, seconds=CONVERGES_SECONDS)
        print(f"{what}: {time.monotonic() - begun:.1f} s", flush=True)
        return shown

    def await_stable(self, nodes):
        def stable():
            for node in nodes:
                for items in self.network.shown(node).values():
                    if items is None or any(item["state"] != "stable" for item in items.values()):
                        return False
            return True
        cluster.wait_for("all is stable everywhere", stable, seconds=CONVERGES_SECONDS)

    def test_peers_that_were_away_and_a_file_bring_all_to_the_same(self):
        network, everybody = self.network, [MEMBER, *PEERS]
        deleted = self.write_everywhere(everybody, "before", 2)
        self.await_equal(everybody, "five that are together show the same")

        disputed = {channel: self.make_conflict(channel) for channel in CHANNELS}

        # One is stopped, one is killed; those that stay write on. The killed one comes back, and writes too.
        network.send(STOPPED, signal.SIGSTOP)
        network.kill(PEERS[-1])
        deleted |= self.write_everywhere([MEMBER, PEERS[0], PEERS[1]], "meanwhile", 2)
        network.kill(MEMBER)
        network.spawn(PEERS[-1])
        network.await_serving(PEERS[-1])
        deleted |= self.write_everywhere([PEERS[0], PEERS[1], PEERS[-1]], "without a member", 1)
        network.send(STOPPED, signal.SIGCONT)
        deleted |= self.write_everywhere([STOPPED], "back again", 1)
        network.restart(MEMBER)

        shown = self.await_equal(everybody, "after the reconnection five show the same")
        for channel, gone in deleted:
            self.assertNotIn(gone, shown[channel], "what was deleted is back")
        for channel, items in shown.items():
            self.assertEqual(len(items), 2 * 5 + 2 * 3 + 3 + 1 + 1, channel)
            for name, item in items.items():
                texts = {item["text"], *(conflict["text"] for conflict in item["conflicts"])}
                self.assertTrue(all(text.endswith("changed") for text in texts), "what was replaced is back")
                wanted = {"changed here, changed", "changed there, changed"} if name == disputed[channel] else texts
                self.assertEqual(texts, wanted)
                self.assertEqual(len(item["conflicts"]), 1 if name == disputed[channel] else 0)
        self.await_stable(everybody)
        for node in everybody:
            counts = network.counts(node)
            print(f"node {node}: {counts}", flush=True)

        # The file: everything, to one that never exchanged anything.
        network.kill(MEMBER)
        for node in PEERS:
            network.send(node, signal.SIGSTOP)
        network.spawn(LONELY)
        network.await_serving(LONELY)
        self.carry_by_hand(shown)

    def carry_by_hand(self, shown):
        network, giver = self.network, PEERS[0]
        lonely = network.client(LONELY)
        network.send(giver, signal.SIGCONT)
        files = {}
        for channel in CHANNELS:
            name = cluster.encoded(f"annotations/{channel}")
            answer = network.client(giver).ask("GET", f"/v1/keyspaces/{name}/bundle?since=all")
            self.assertEqual(answer.status, 200, answer)
            files[name] = answer.body
        network.send(giver, signal.SIGSTOP)
        for name, bundle in files.items():
            torn = lonely.ask("POST", f"/v1/keyspaces/{name}/bundle", bundle[:-7])
            self.assertEqual(torn.status, 400, torn)
            altered = bytearray(bundle)
            altered[len(altered) // 2] ^= 1
            torn = lonely.ask("POST", f"/v1/keyspaces/{name}/bundle", bytes(altered))
            self.assertEqual(torn.status, 400, torn)
            self.assertEqual(lonely.ask("POST", f"/v1/keyspaces/{name}/bundle", bundle).status, 200)
        self.assertEqual({channel: essence(items) for channel, items in network.shown(LONELY).items()}, shown)
        for name, bundle in files.items():
            self.assertEqual(lonely.ask("POST", f"/v1/keyspaces/{name}/bundle", bundle).status, 200)
        self.assertEqual({channel: essence(items) for channel, items in network.shown(LONELY).items()}, shown)
        for node in PEERS:
            network.send(node, signal.SIGCONT)


if __name__ == "__main__":
    unittest.main()
