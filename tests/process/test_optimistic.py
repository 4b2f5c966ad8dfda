"""Optimistic keyspaces of real nodes: they converge, show conflicts, forget nothing, and are carried by hand."""

import datetime
import json
import os
import shutil
import signal
import tempfile
import time
import unittest

import cluster
import daemons

OK, FAILED, USAGE, NOT_FOUND, CONDITION, UNAVAILABLE = range(6)

FAST = {"rumor_ms": 100, "anti_entropy_ms": 500, "stability_ms": 200}
# Nothing happens by itself: what is to be exchanged is exchanged when a test says so.
HOUR_MS = 3600 * 1000
SLOW = {"rumor_ms": HOUR_MS, "anti_entropy_ms": HOUR_MS, "stability_ms": 200}


def setUpModule():
    OptimisticTest.cluster = cluster.Cluster(3, "--durability", "interval")
    unittest.addModuleCleanup(OptimisticTest.cluster.end)
    try:
        OptimisticTest.begin()
    except BaseException:
        OptimisticTest.cluster.print_logs()
        raise


class OptimisticTest(cluster.ClusterTest):
    """Tests that share one cluster, in which are keyspaces `fast` and `slow`, and families of channels of each pace.

    Each test has keys and channels of its own. Classes run in the order of their names: those of `Restarts` last.
    """

    stores = {}

    @classmethod
    def begin(cls):
        cls.cluster.start()
        for name, paces in (("fast", FAST), ("slow", SLOW)):
            for fields in ({"name": name}, {"name": f"{name}-channels", "family": True}):
                answer = cls.cluster.client(1).post("/v1/keyspaces", {"mode": "optimistic", **fields, **paces})
                assert answer.status == 201, answer
        cluster.wait_for("every node knows the keyspaces", lambda: all(
            len(cls.keyspaces(client)) == 5 for client in cls.cluster.all_clients()))
        # Started again, they greet each other anew, and tell of all that they keep.
        cls.cluster.stop()
        cls.cluster.start()
        cluster.wait_for("all have greeted each other, and exchanged what they had", lambda: all(
            cls.is_quiet(client) for client in cls.cluster.all_clients()), seconds=180)
        for node in cls.cluster.numbers():
            cls.stores[node] = cls.cluster.client(node).ask("GET", "/v1/peers").json()["self"]["store_id"]

    @staticmethod
    def is_quiet(client):
        """Whether nothing of keyspace `slow` will happen by itself from now on."""
        answer = client.ask("GET", "/v1/peers").json()
        return (len(answer["peers"]) == 2 and answer["counts"]["sessions_under_way"] == 0 and
                all(peer["reachable"] and {"fast", "slow"} <= set(peer["keyspaces"]) for peer in answer["peers"]))

    @staticmethod
    def keyspaces(client):
        return {entry["name"]: entry for entry in client.ask("GET", "/v1/keyspaces").json()["keyspaces"]}

    def at(self, node, method, name, what, body=None, query=""):
        """Asks a node about one of its keyspaces."""
        return self.cluster.client(node).ask(method, f"/v1/keyspaces/{cluster.encoded(name)}/{what}{query}", body)

    def put(self, node, key, value, keyspace, **headers):
        answer = self.cluster.client(node).put(key, value, keyspace=keyspace, **headers)
        self.assertIn(answer.status, (201, 204), answer)
        return answer.etag

    def read(self, node, key, keyspace, **headers):
        return self.cluster.client(node).get(key, keyspace=keyspace, **headers)

    def versions(self, node, key, keyspace):
        """The winner and what is in conflict with it, as this node has them; None without any."""
        answer = self.read(node, key, keyspace, Accept="application/json")
        if answer.status == 404:
            return None
        body = self.expect(answer, 200).json()
        self.assertEqual(answer.headers["Brusio-Conflicts"], str(len(body["conflicts"])))
        self.assertEqual(answer.headers["Brusio-State"], body["state"])
        self.assertEqual(answer.etag, f'"{body["version"]}"')
        return [(each["version"], each["value"]) for each in (body, *body["conflicts"])]

    def stability(self, node, keyspace):
        return self.expect(self.at(node, "GET", keyspace, "stability"), 200).json()

    def exchange(self, keyspace, nodes=None):
        """Every node with every other, until all know the same."""
        nodes = list(nodes or self.cluster.numbers())

        def alike():
            for one in nodes:
                for other in nodes:
                    if one != other:
                        body = json.dumps({"peer": self.stores[other]}).encode()
                        answer = self.at(one, "POST", keyspace, "exchange", body)
                        # Of two that ask each other one is told that an exchange is under way.
                        self.assertIn(answer.status, (202, 503), answer)
            time.sleep(0.1)
            return len({self.stability(node, keyspace)["operations"]["known"] for node in nodes}) == 1
        cluster.wait_for(f"all of {nodes} know the same of {keyspace}", alike)

    def await_stable(self, keyspace):
        cluster.wait_for(f"nothing of {keyspace} is tentative", lambda: all(
            self.stability(node, keyspace)["operations"]["tentative"] == 0 for node in self.cluster.numbers()))


class Keyspaces(OptimisticTest):
    def test_they_are_described(self):
        for client in self.cluster.all_clients():
            entry = self.keyspaces(client)["fast"]
            self.assertEqual((entry["mode"], entry["family"], entry["signed"]), ("optimistic", False, False))
            self.assertEqual({name: entry[name] for name in FAST}, FAST)
            self.assertNotIn("secret", entry)
            self.assertTrue(client.ask("GET", "/v1/keyspaces/fast").json()["keyspace"]["kept"])
        self.expect_error(self.cluster.client(2).post("/v1/keyspaces", {"name": "fast"}), 409)
        self.expect_error(self.cluster.client(2).ask("PATCH", "/v1/keyspaces/fast", b'{"rumor_ms":50}'), 409)

    def test_what_is_written_anywhere_comes_everywhere(self):
        keys = {f"everywhere/{number}": f"value {number}".encode() for number in range(60)}
        for at, (key, value) in enumerate(keys.items()):
            self.put(at % 3 + 1, key, value, "fast")

        def converged():
            return all(len(client.pages("fast", prefix="everywhere/")) == len(keys)
                       for client in self.cluster.all_clients())
        cluster.wait_for("every node lists every key", converged)
        entries = [sorted((entry["key"], entry["etag"], entry["size"]) for entry in client.pages("fast"))
                   for client in self.cluster.all_clients()]
        self.assertEqual(entries[0], entries[1])
        self.assertEqual(entries[0], entries[2])
        self.await_stable("fast")
        for node in self.cluster.numbers():
            for key, value in keys.items():
                answer = self.expect(self.read(node, key, "fast"), 200)
                self.assertEqual((answer.body, answer.headers["Brusio-Conflicts"]), (value, "0"))
            cluster.wait_for("every version is marked stable", lambda node=node: all(
                self.read(node, key, "fast").headers["Brusio-State"] == "stable" for key in keys))
            known = self.stability(node, "fast")
            self.assertEqual(known["operations"]["known"], known["operations"]["stable"])
            self.assertEqual(known["primary"], self.keyspaces(self.cluster.client(node))["fast"]["primary"])

    def test_a_version_is_tentative_until_the_primary_has_it(self):
        primary = self.keyspaces(self.cluster.client(1))["slow"]["primary"]
        writer = primary % 3 + 1
        self.put(writer, "state", b"first", "slow")
        answer = self.expect(self.read(writer, "state", "slow"), 200)
        self.assertEqual((answer.body, answer.headers["Brusio-State"]), (b"first", "tentative"))
        path = "/v1/kv/slow/state?view=stable"
        self.expect_error(self.cluster.client(writer).ask("GET", path), 404)
        self.exchange("slow")
        for node in self.cluster.numbers():
            client = self.cluster.client(node)
            # What the primary says spreads with exchanges, too.
            cluster.wait_for("the version is stable", lambda client=client: (
                self.exchange("slow"), client.ask("GET", path).status == 200)[1])
            answer = self.expect(client.ask("GET", path), 200)
            self.assertEqual((answer.body, answer.headers["Brusio-State"]), (b"first", "stable"))
        # A newer one is shown to those who ask for the latest alone.
        self.put(writer, "state", b"second", "slow")
        self.assertEqual(self.read(writer, "state", "slow").body, b"second")
        self.assertEqual(self.cluster.client(writer).ask("GET", path).body, b"first")


class Conflicts(OptimisticTest):
    def make(self, key):
        """A version from each node, none of which knew of the others."""
        for node in self.cluster.numbers():
            self.put(node, key, f"by {node}".encode(), "slow")
            self.assertEqual(len(self.versions(node, key, "slow")), 1)
        self.exchange("slow")
        shown = [self.versions(node, key, "slow") for node in self.cluster.numbers()]
        self.assertEqual(shown[0], shown[1])
        self.assertEqual(shown[0], shown[2])
        self.assertEqual({value for _, value in shown[0]}, {f"by {node}" for node in self.cluster.numbers()})
        self.assertEqual(len(shown[0]), 3)
        return shown[0]

    def test_all_show_the_same_winner_and_the_same_conflicts(self):
        winner = self.make("disputed")[0]
        for node in self.cluster.numbers():
            answer = self.expect(self.read(node, "disputed", "slow"), 200)
            self.assertEqual((answer.body.decode(), answer.etag), (winner[1], f'"{winner[0]}"'))
        # Who writes with them in view ends them.
        self.put(2, "disputed", b"agreed", "slow", If_Match=f'"{winner[0]}"')
        self.exchange("slow")
        for node in self.cluster.numbers():
            self.assertEqual([value for _, value in self.versions(node, "disputed", "slow")], ["agreed"])

    def test_a_delete_ends_what_it_saw_and_nothing_else(self):
        self.make("deleted")
        self.expect(self.cluster.client(1).kv("DELETE", "deleted", keyspace="slow"), 204)
        self.put(3, "deleted", b"written meanwhile", "slow")
        self.exchange("slow")
        for node in self.cluster.numbers():
            self.assertEqual([value for _, value in self.versions(node, "deleted", "slow")], ["written meanwhile"])
        self.expect(self.cluster.client(2).kv("DELETE", "deleted", keyspace="slow"), 204)
        self.exchange("slow")
        for _ in range(2):
            for node in self.cluster.numbers():
                self.assertIsNone(self.versions(node, "deleted", "slow"))
            self.exchange("slow")
        self.expect_error(self.cluster.client(3).kv("DELETE", "deleted", keyspace="slow"), 404)

    def test_conditions_hold_of_what_the_node_has(self):
        client = self.cluster.client(1)
        tag = self.put(1, "conditional", b"1", "slow", If_None_Match="*")
        answer = client.put("conditional", b"2", keyspace="slow", If_None_Match="*")
        self.assertEqual(self.expect_error(answer, 412)["error"], "mismatch")
        self.assertEqual(answer.etag, tag)
        newer = self.put(1, "conditional", b"2", "slow", If_Match=tag)
        self.expect_error(client.put("conditional", b"3", keyspace="slow", If_Match=tag), 412)
        self.expect_error(client.kv("DELETE", "conditional", keyspace="slow", If_Match=tag), 412)
        self.expect(client.get("conditional", keyspace="slow", If_None_Match=newer), 304)
        # Another node has no such key yet.
        self.put(2, "conditional", b"elsewhere", "slow", If_None_Match="*")
        self.expect(client.kv("DELETE", "conditional", keyspace="slow", If_Match=newer), 204)

    def test_values_of_any_bytes_are_in_conflict(self):
        values = [bytes(range(256)), b"", b"\xff" * 70000]
        for node, value in zip(self.cluster.numbers(), values):
            self.put(node, b"\x00/\xff", value, "slow")
        self.exchange("slow")
        for node in self.cluster.numbers():
            answer = self.expect(self.read(node, b"\x00/\xff", "slow", Accept="application/json"), 200)
            self.assertEqual(len(answer.json()["conflicts"]), 2)
            self.assertIn(self.read(node, b"\x00/\xff", "slow").body, values)


class Expiry(OptimisticTest):
    TTL = 4

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        answer = cls.cluster.client(1).post("/v1/keyspaces", {"mode": "optimistic", "name": "expiring", **FAST})
        assert answer.status == 201, answer
        cluster.wait_for("every node knows the keyspace", lambda: all(
            "expiring" in cls.keyspaces(client) for client in cls.cluster.all_clients()))

    def put_for(self, node, key, ttl, keyspace="expiring", **headers):
        return self.cluster.client(node).ask(
            "PUT", f"/v1/kv/{keyspace}/{cluster.encoded(key)}?ttl={ttl}", b"value", **headers)

    def listed(self, node):
        return [entry["key"] for entry in self.cluster.client(node).pages("expiring")]

    def test_what_expires_is_seen_no_more_by_anybody(self):
        began, told = time.monotonic(), time.time()
        self.expect(self.put_for(2, "soon", self.TTL), 201)
        answer = self.read(2, "soon", "expiring", Accept="application/json")
        if time.monotonic() - began < self.TTL:
            self.assertEqual(self.expect(answer, 200).json()["value"], "value")
            expires = datetime.datetime.fromisoformat(answer.json()["expires"].replace("Z", "+00:00"))
            self.assertTrue(-1 < expires.timestamp() - told - self.TTL < 60, answer.body)
        self.expect(self.put_for(2, "late", 3600), 201)
        self.put(2, "stays", b"value", "expiring")
        cluster.wait_for("all nodes have what stays", lambda: all(
            self.read(node, "stays", "expiring").status == 200 for node in self.cluster.numbers()))
        self.assertNotIn("expires", self.read(3, "stays", "expiring", Accept="application/json").json())
        cluster.wait_for("nobody sees what has expired", lambda: all(
            self.read(node, "soon", "expiring").status == 404 for node in self.cluster.numbers()))
        self.assertGreaterEqual(time.monotonic() - began, self.TTL)
        for node in self.cluster.numbers():
            self.assertEqual(sorted(self.listed(node)), ["late", "stays"])
        self.expect_error(self.cluster.client(3).kv("DELETE", "soon", keyspace="expiring"), 404)
        # As if it had never been there.
        self.put(3, "soon", b"again", "expiring", If_None_Match="*")
        self.assertEqual(self.versions(3, "soon", "expiring")[0][1], "again")

    def test_what_is_no_lifetime_is_refused(self):
        for ttl in ("0", "-1", "soon", "1.5", "316224001", ""):
            self.assertIn("1 to 316224000", self.expect_error(self.put_for(1, "bad", ttl), 400)["message"])
        answer = self.put_for(1, "bad", 60, keyspace="default")
        self.assertIn("optimistic", self.expect_error(answer, 400)["message"])
        for node in self.cluster.numbers():
            self.expect_error(self.read(node, "bad", "expiring"), 404)


class Bundles(OptimisticTest):
    def export(self, node, keyspace, since="all"):
        # Until what was just written is durable, there is none.
        answer = cluster.wait_for("a bundle", lambda: (
            lambda got: got if got.status != 503 else None)(self.at(node, "GET", keyspace, "bundle",
                                                                    query=f"?since={since}")))
        return answer

    def carry(self, node, keyspace, bundle):
        return self.expect(self.at(node, "POST", keyspace, "bundle", bundle), 200).json()

    def test_a_bundle_brings_what_no_exchange_did(self):
        for number in range(20):
            self.put(1, f"carried/{number}", f"value {number}".encode(), "slow")
        self.expect(self.cluster.client(1).kv("DELETE", "carried/0", keyspace="slow"), 204)
        answer = self.expect(self.export(1, "slow"), 200)
        self.assertEqual(answer.headers.get_content_type(), "application/octet-stream")
        self.assertEqual(self.cluster.client(2).pages("slow", prefix="carried/"), [])
        done = self.carry(2, "slow", answer.body)
        self.assertTrue(done["closed"])
        self.assertGreaterEqual(done["operations"], 20)
        self.assertGreaterEqual(done["news"], 20)
        for number in range(1, 20):
            self.assertEqual(self.read(2, f"carried/{number}", "slow").body, f"value {number}".encode())
        self.expect_error(self.read(2, "carried/0", "slow"), 404)
        self.assertEqual(self.carry(2, "slow", answer.body)["news"], 0)
        self.assertEqual(self.carry(1, "slow", answer.body)["news"], 0)

    def test_a_bundle_for_a_peer_leaves_out_what_that_has(self):
        self.put(1, "since/old", b"x" * 50000, "slow")
        self.exchange("slow")
        self.put(1, "since/new", b"y", "slow")
        everything = self.expect(self.export(1, "slow"), 200).body
        some = self.expect(self.export(1, "slow", self.stores[2]), 200).body
        self.assertLess(len(some), len(everything) - 40000)
        done = self.carry(2, "slow", some)
        self.assertTrue(done["closed"])
        self.assertEqual(self.read(2, "since/new", "slow").body, b"y")
        self.expect_error(self.export(1, "slow", "00000000000000ff"), 404)
        self.expect_error(self.export(1, "slow", "me"), 400)

    def test_what_is_no_bundle_is_refused_as_a_whole(self):
        self.put(1, "refused/key", b"value", "slow")
        bundle = self.expect(self.export(1, "slow"), 200).body
        altered = bytearray(bundle)
        altered[len(altered) // 2] ^= 1
        for bytes_sent in (bundle[:-1], bytes(altered), bundle + b"x", b"bundle", bytes(100)):
            self.expect_error(self.at(2, "POST", "slow", "bundle", bytes_sent), 400, len(bytes_sent))
        self.expect_error(self.at(2, "POST", "slow", "bundle", b""), 400)
        self.assertEqual(self.expect_error(self.at(2, "POST", "fast", "bundle", bundle), 409)["error"], "foreign")
        self.expect_error(self.at(2, "POST", "default", "bundle", bundle), 400)
        self.expect_error(self.at(2, "GET", "slow-channels", "bundle"), 400)
        self.expect_error(self.read(2, "refused/key", "slow"), 404)


class Channels(OptimisticTest):
    def test_a_channel_comes_to_be_by_the_first_put(self):
        self.put(1, "key", b"value", "fast-channels/one")
        self.put(1, "key", b"other", "fast-channels/two/three")
        for node in self.cluster.numbers():
            cluster.wait_for("the channel is everywhere", lambda node=node: (
                self.read(node, "key", "fast-channels/one").status == 200))
            cluster.wait_for("the other one, too", lambda node=node: (
                self.read(node, "key", "fast-channels/two/three").status == 200))
            self.assertEqual(self.read(node, "key", "fast-channels/one").body, b"value")
            family = self.cluster.client(node).ask("GET", "/v1/keyspaces/fast-channels").json()["keyspace"]
            self.assertLessEqual({"one", "two/three"}, set(family["channels"]))
        # Each has operations of its own.
        self.assertEqual(self.stability(2, "fast-channels/one")["operations"]["known"], 1)

    def test_a_channel_can_be_subscribed_to(self):
        name = "slow-channels/subscribed"
        self.put(1, "key", b"value", name)
        self.expect(self.at(3, "POST", name, "subscription"), 200)
        self.expect(self.at(3, "POST", name, "subscription"), 200)
        self.exchange(name, nodes=(1, 3))
        self.assertEqual(self.read(3, "key", name).body, b"value")
        self.expect_error(self.at(3, "DELETE", name, "subscription"), 409)
        self.expect_error(self.at(3, "POST", "slow-channels", "subscription"), 400)

    def test_what_is_not_kept_says_how_to_keep_it(self):
        for method, what in (("GET", "stability"), ("GET", "bundle"), ("POST", "exchange")):
            body = self.expect_error(self.at(2, method, "slow-channels/nowhere", what), 404)
            self.assertIn("subscription", body["message"])
        self.expect_error(self.read(2, "key", "slow-channels/nowhere"), 404)
        self.expect_error(self.cluster.client(2).page("slow-channels/nowhere"), 404)


class Restarts(OptimisticTest):
    def test_what_was_written_alone_is_there_after_a_crash(self):
        for number in range(10):
            self.put(2, f"crash/{number}", b"before", "slow")
        self.put(2, "key", b"before", "slow-channels/crash")
        self.cluster.kill(2)
        self.cluster.restart(2)
        for number in range(10):
            self.assertEqual(self.read(2, f"crash/{number}", "slow").body, b"before")
        self.assertEqual(self.read(2, "key", "slow-channels/crash").body, b"before")
        self.put(2, "crash/1", b"after", "slow")
        self.exchange("slow")
        for node in self.cluster.numbers():
            self.assertEqual([value for _, value in self.versions(node, "crash/1", "slow")], ["after"])

    def test_another_primary_goes_on(self):
        old = self.keyspaces(self.cluster.client(1))["fast"]["primary"]
        through = old % 3 + 1
        self.put(through, "primary/1", b"1", "fast")
        self.cluster.kill(old)
        # Optimistic keyspaces are written at once, whoever is away.
        self.put(through, "primary/2", b"2", "fast")
        cluster.wait_for("another primary", lambda: (
            self.keyspaces(self.cluster.client(through))["fast"]["primary"] not in (old, None)))
        cluster.wait_for("it makes operations stable", lambda: (
            self.read(through, "primary/2", "fast").headers["Brusio-State"] == "stable"))
        self.cluster.restart(old)
        self.await_stable("fast")
        for node in self.cluster.numbers():
            cluster.wait_for("the old one has all of it", lambda node=node: (
                self.read(node, "primary/2", "fast").body == b"2"))


class CommandLine(OptimisticTest):
    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="brusio-process-")
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)

    def run_command(self, status, *words, **options):
        ran = self.cluster.command(*words, **options)
        self.assertEqual(ran.status, status, f"brusio {' '.join(words)}: {ran!r}")
        return ran

    def run_json(self, *words, **options):
        answer = self.run_command(OK, "--json", *words, **options).json()
        self.assertEqual(answer["status"], "success", words)
        return answer

    def endpoint(self, node):
        return ("--endpoint", f"http://127.0.0.1:{self.cluster.http_port(node)}")

    def test_keyspaces_are_made(self):
        self.run_command(OK, "keyspaces", "create", "made", "--mode", "optimistic", "--retention", "2d",
                         "--rumor-k", "3", "--anti-entropy", "90s")
        made = {entry["name"]: entry for entry in self.run_json("keyspaces")["keyspaces"]}["made"]
        self.assertEqual((made["retention_ms"], made["rumor_k"], made["anti_entropy_ms"], made["rumor_ms"]),
                         (2 * 24 * HOUR_MS, 3, 90000, 1000))
        self.run_command(OK, "keyspaces", "create", "made-family", "--mode", "optimistic", "--family", "--signed")
        lines = {line.split()[0]: line for line in self.run_command(OK, "keyspaces").output.splitlines()}
        self.assertIn("optimistic,family,signed", lines["made-family"])
        self.assertIn("2 d", lines["made"])
        self.run_command(FAILED, "keyspaces", "create", "other", "--retention", "2d")
        self.run_command(FAILED, "keyspaces", "create", "other", "--mode", "optimistic", "--strategy", "full")
        self.run_command(FAILED, "keyspaces", "change", "made", "--strategy", "full")
        self.run_command(USAGE, "keyspaces", "create", "other", "--mode", "optimistic", "--retention", "2")
        self.run_command(USAGE, "keyspaces", "change", "made", "--retention", "2d")

    def test_get_shows_conflicts(self):
        for node in (1, 2):
            self.put(node, "cli/key", f"by {node}".encode(), "slow")
        get = ("get", "cli/key", "--keyspace", "slow", *self.endpoint(1))
        alone = self.run_command(OK, *get)
        self.assertEqual((alone.output, alone.errors), ("by 1", ""))
        self.exchange("slow")
        winner, other = [value for _, value in self.versions(1, "cli/key", "slow")]
        ran = self.run_command(OK, *get)
        self.assertEqual(ran.output, winner)
        self.assertIn("1 other version is in conflict", ran.errors)
        lines = self.run_command(OK, *get, "--conflicts").output.splitlines()
        self.assertEqual(lines[0].split(), ["ETAG", "STATE", "EXPIRES", "VALUE"])
        self.assertEqual([line.split(maxsplit=3)[3] for line in lines[1:]], [winner, other])
        answer = self.run_json(*get)
        self.assertEqual((answer["key"], answer["value"], answer["size"]), ("cli/key", winner, 4))
        self.assertEqual([each["value"] for each in answer["conflicts"]], [other])
        self.assertIn(answer["state"], ("stable", "tentative"))
        self.run_command(OK, "put", "cli/key", "agreed", "--keyspace", "slow", "--if-match", answer["etag"],
                         *self.endpoint(1))
        self.assertEqual(self.run_json(*get)["conflicts"], [])
        self.run_command(FAILED, *get, "--local")
        self.run_command(FAILED, "get", "cli/key", "--stable")
        self.run_command(OK, "put", "cli/strong", "value")
        self.run_command(FAILED, "get", "cli/strong", "--conflicts")
        self.assertNotIn("conflicts", self.run_json("get", "cli/strong"))

    def test_a_put_may_have_a_lifetime(self):
        put = ("put", "cli/ttl", "value", *self.endpoint(1))
        self.run_command(OK, *put, "--keyspace", "slow", "--ttl", "3600")
        self.assertIn("expires", self.read(1, "cli/ttl", "slow", Accept="application/json").json())
        shown = self.run_json("get", "cli/ttl", *self.endpoint(1), "--keyspace", "slow", "--conflicts")
        self.assertRegex(shown["expires"], r"^\d{4}-\d\d-\d\dT")
        self.run_command(OK, *put, "--keyspace", "slow")
        self.assertNotIn("expires", self.read(1, "cli/ttl", "slow", Accept="application/json").json())
        self.assertIn("optimistic", self.run_command(FAILED, *put, "--ttl", "3600").errors)
        for bad in ("0", "-1", "1h", ""):
            self.run_command(USAGE, *put, "--keyspace", "slow", "--ttl", bad)

    def test_get_shows_what_is_stable(self):
        self.put(1, "cli/stable", b"value", "fast")
        self.await_stable("fast")
        self.assertEqual(self.run_command(OK, "get", "cli/stable", "--keyspace", "fast", "--stable").output, "value")
        self.run_command(NOT_FOUND, "get", "cli/absent", "--keyspace", "fast", "--stable")

    def test_peers_and_stability(self):
        answer = self.run_json("peers", *self.endpoint(2))
        self.assertEqual(answer["self"]["store_id"], self.stores[2])
        self.assertLessEqual({"fast", "slow"}, set(answer["self"]["keyspaces"]))
        self.assertEqual({peer["store_id"] for peer in answer["peers"]}, {self.stores[1], self.stores[3]})
        cluster.wait_for("the peers have greeted", lambda: all(
            peer["reachable"] and peer["keyspace_count"] >= 2
            for peer in self.run_json("peers", *self.endpoint(2))["peers"]))
        lines = self.run_command(OK, "peers", *self.endpoint(2)).output.splitlines()
        self.assertIn("fast", lines[0])
        self.assertEqual(sorted(line.split()[:3] for line in lines[2:]),
                         sorted([self.stores[node], "member", str(node)] for node in (1, 3)))
        self.put(1, "cli/stability", b"value", "fast")
        self.await_stable("fast")
        self.assertEqual(self.run_json("stability", "fast")["operations"]["tentative"], 0)
        self.assertIn("0 tentative", self.run_command(OK, "stability", "fast").output)
        self.run_command(FAILED, "stability", "default")
        self.run_command(FAILED, "stability", "absent")
        self.run_command(USAGE, "stability")

    def test_bundles_are_files_or_streams(self):
        path = os.path.join(self.scratch, "bundle")
        self.put(1, "cli/bundle", b"value", "slow")
        export = ("bundle", "export", "--keyspace", "slow", *self.endpoint(1))
        cluster.wait_for("it is durable", lambda: self.cluster.command(*export, path).status == OK)
        self.run_json(*export, "--since", "all", path)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        take = ("bundle", "import", "--keyspace", "slow", *self.endpoint(3))
        self.assertGreaterEqual(self.run_json(*take, path)["news"], 1)
        self.assertEqual(self.read(3, "cli/bundle", "slow").body, b"value")
        with open(path, "rb") as stream:
            bundle = stream.read()
        ran = self.run_command(OK, *take, "-", standard_input=bundle)
        self.assertIn(" 0 of them new", ran.output)
        streamed = self.run_command(OK, *export, "-").output.encode("utf-8", "surrogateescape")
        self.assertEqual(self.run_json(*take, "-", standard_input=streamed)["news"], 0)
        self.run_command(FAILED, *take, "-", standard_input=bundle[:-1])
        self.run_command(FAILED, *take, os.path.join(self.scratch, "absent"))
        self.run_command(FAILED, "bundle", "import", "--keyspace", "fast", path)
        self.run_command(FAILED, *export, "--since", "nobody", path)
        # There is more than one optimistic keyspace.
        ran = self.run_command(FAILED, "bundle", "export", path)
        self.assertIn("slow", ran.errors)
        self.run_command(USAGE, "bundle")
        self.run_command(USAGE, "bundle", "export")

    def test_subscriptions_and_exchanges(self):
        self.assertIn("subscribed to slow-channels/cli",
                      self.run_command(OK, "subscribe", "slow-channels/cli", *self.endpoint(2)).output)
        self.assertEqual(self.run_json("subscribe", "slow-channels/cli", *self.endpoint(2))["name"], "slow-channels/cli")
        self.run_command(FAILED, "unsubscribe", "slow-channels/cli", *self.endpoint(2))
        self.put(1, "cli/exchange", b"value", "slow")

        def came():
            ran = self.cluster.command("exchange", "slow", self.stores[2], *self.endpoint(1))
            self.assertIn(ran.status, (OK, UNAVAILABLE), ran)
            return self.read(2, "cli/exchange", "slow").status == 200
        cluster.wait_for("an exchange that was asked for", came)
        self.run_command(FAILED, "exchange", "slow", "nobody")
        self.run_command(FAILED, "exchange", "slow", "00000000000000ff")
        self.run_command(FAILED, "exchange", "default")


class RoamingDaemons(daemons.Daemons):
    """Node 1 is a member; node 2 roams, and keeps one channel at first."""

    def role(self, node):
        if node == 1:
            return super().role(node)
        begun = os.path.exists(self.path(f"node-{node}/voter"))
        return ["--peer", "--keyspace", "notes/home",
                *([] if begun else ["--join", self.address(1, self.peer_port(1))])]

    def settle(self):
        """Nothing of strong keyspaces is to settle."""


class Roaming(unittest.TestCase):
    def setUp(self):
        self.network = RoamingDaemons(2)
        self.addCleanup(self.network.end)
        self.network.spawn(1)
        self.network.await_serving(1)
        answer = self.network.client(1).post("/v1/keyspaces", {"name": "notes", "mode": "optimistic", "family": True,
                                                               **FAST})
        self.assertEqual(answer.status, 201, answer)
        self.network.restart(2)

    def expect(self, answer, status):
        self.assertEqual(answer.status, status, answer)
        return answer

    @cluster.printing_logs
    def test_a_roaming_peer_chooses_what_it_keeps(self):
        member, peer = self.network.client(1), self.network.client(2)
        described = cluster.wait_for("the peer keeps its channel", lambda: (
            lambda got: got if got["self"]["keyspaces"] == ["notes/home"] else None)(peer.ask("GET", "/v1/peers").json()))
        self.assertIsNone(described["self"]["node_id"])
        self.expect(peer.put("key", b"value", keyspace="notes/home"), 201)
        cluster.wait_for("the member has it", lambda: member.get("key", keyspace="notes/home").status == 200)
        kinds = {entry["store_id"]: entry["kind"] for entry in member.ask("GET", "/v1/peers").json()["peers"]}
        self.assertEqual(kinds, {described["self"]["store_id"]: "roaming"})
        # It holds nothing of strong keyspaces.
        answer = self.expect(peer.put("key", b"value"), 503)
        self.assertEqual(answer.json()["error"], "roaming")

        # Another channel, in which it writes while nobody hears it.
        path = "/v1/keyspaces/notes%2Faway/subscription"
        self.expect(peer.get("key", keyspace="notes/away"), 404)
        self.expect(peer.ask("POST", path), 200)
        self.network.send(1, signal.SIGSTOP)
        self.expect(peer.put("key", b"unheard", keyspace="notes/away"), 201)
        answer = self.expect(peer.ask("DELETE", path), 409)
        self.assertEqual(answer.json()["error"], "retry")
        self.network.send(1, signal.SIGCONT)
        cluster.wait_for("it is let go", lambda: peer.ask("DELETE", path).status == 200)
        self.assertEqual(member.get("key", keyspace="notes/away").body, b"unheard")
        self.expect(peer.get("key", keyspace="notes/away"), 404)
        self.expect(peer.ask("DELETE", path), 404)
        self.assertEqual(peer.ask("GET", "/v1/peers").json()["self"]["keyspaces"], ["notes/home"])
        self.network.disconnect()
        self.network.stop_node(2)
        self.network.restart(2)
        peer = self.network.client(2)
        self.assertEqual(peer.get("key", keyspace="notes/home").body, b"value")
        self.assertEqual(peer.ask("GET", "/v1/peers").json()["self"]["keyspaces"], ["notes/home"])

    def clusters(self):
        return [self.network]


if __name__ == "__main__":
    unittest.main()
