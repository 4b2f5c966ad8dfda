"""The command line: what it prints, in words and in JSON, and its exit codes."""

import json
import os
import shutil
import tempfile
import unittest

import cluster
import ports

OK, FAILED, USAGE, NOT_FOUND, CONDITION, UNAVAILABLE = range(6)


class CommandLine(cluster.ClusterTest):
    NODES = 3

    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="brusio-process-")
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)

    def tearDown(self):
        self.recover_all()

    def run_command(self, status, *words, **options):
        ran = self.cluster.command(*words, **options)
        self.assertEqual(ran.status, status, f"brusio {' '.join(words)}: {ran!r}")
        if status == OK:
            self.assertEqual(ran.errors, "", words)
        else:
            self.assertNotEqual(ran.errors, "", words)
        return ran

    def run_json(self, *words, **options):
        answer = self.run_command(OK, "--json", *words, **options).json()
        self.assertEqual(answer["status"], "success", words)
        return answer

    def fail_json(self, status, *words, **options):
        """An error in JSON on standard error."""
        error = json.loads(self.run_command(status, "--json", *words, **options).errors)
        self.assertRegex(error["error"], r"^[a-z_]+$")
        self.assertGreater(len(error["message"]), 5)
        return error

    # Keys and values.

    def test_put_get_delete(self):
        self.assertRegex(self.run_command(OK, "put", "greeting", "hello").output, "^created greeting")
        self.assertRegex(self.run_command(OK, "put", "greeting", "hello again").output, "^updated greeting")
        self.assertEqual(self.run_command(OK, "get", "greeting").output, "hello again")
        self.assertEqual(self.run_command(OK, "get", "greeting", "--local").output, "hello again")
        self.assertEqual(self.run_command(OK, "delete", "greeting").output, "deleted greeting\n")
        self.assertEqual(self.run_command(NOT_FOUND, "get", "greeting").output, "")
        self.run_command(NOT_FOUND, "delete", "greeting")
        self.expect_values({"greeting": None})

    def test_put_get_delete_in_json(self):
        put = self.run_json("put", "json", "one")
        self.assertEqual((put["key"], put["created"]), ("json", True))
        got = self.run_json("get", "json")
        self.assertEqual((got["value"], got["size"], got["etag"]), ("one", 3, put["etag"]))
        self.assertFalse(self.run_json("put", "json", "two")["created"])
        self.assertEqual(self.run_json("delete", "json")["key"], "json")
        self.assertEqual(self.fail_json(NOT_FOUND, "get", "json")["error"], "not_found")
        self.assertEqual(self.fail_json(NOT_FOUND, "delete", "json")["error"], "not_found")

    def test_values_of_any_bytes_through_standard_input_and_files(self):
        value = bytes(range(256)) * 40
        path = os.path.join(self.scratch, "value")
        with open(path, "wb") as stream:
            stream.write(value)
        for key, words, given in (("from-input", ("-",), value), ("from-file", ("--file", path), b""),
                                  ("from-file-input", ("--file", "-"), value), ("from-nothing", ("-",), b"")):
            self.run_command(OK, "put", key, *words, standard_input=given)
            wanted = b"" if key == "from-nothing" else value
            got = self.run_command(OK, "get", key).output.encode("utf-8", "surrogateescape")
            self.assertEqual(got, wanted, key)
            self.assertEqual(self.cluster.client(2).get(key).body, wanted)
        self.assertIn("value_base64", self.run_json("get", "from-input"))
        self.run_command(USAGE, "put", "key", "value", "--file", path)
        self.run_command(USAGE, "put", "key")
        self.run_command(FAILED, "put", "key", "--file", os.path.join(self.scratch, "absent"))

    def test_conditions(self):
        tag = self.run_json("put", "conditional", "1", "--if-absent")["etag"]
        self.assertEqual(self.fail_json(CONDITION, "put", "conditional", "2", "--if-absent")["error"], "mismatch")
        second = self.run_json("put", "conditional", "2", "--if-match", tag)["etag"]
        self.run_command(CONDITION, "put", "conditional", "3", "--if-match", tag)
        self.run_command(CONDITION, "delete", "conditional", "--if-match", tag)
        self.assertEqual(self.run_command(OK, "get", "conditional").output, "2")
        self.run_command(OK, "put", "conditional", "3", "--if-match", f'"{second}"')
        self.run_command(OK, "put", "conditional", "4", "--if-match", "*")
        self.run_command(USAGE, "put", "conditional", "5", "--if-match", tag, "--if-absent")
        self.run_command(FAILED, "put", "conditional", "5", "--if-match", "nonsense")
        self.assertEqual(self.run_command(OK, "get", "conditional").output, "4")

    def test_list(self):
        keys = [f"listed/{number:04}" for number in range(30)]
        self.write_all({key: "v" for key in keys})
        self.cluster.client(1).put(b"listed/\xff\n\\", b"v")
        lines = self.run_command(OK, "list", "--prefix", "listed/").output.splitlines()
        self.assertEqual(sorted(lines), sorted([*keys, "listed/\\xFF\\x0A\\\\"]))
        lines = self.run_command(OK, "list", "--prefix", "listed/", "--limit", "7").output.splitlines()
        self.assertEqual(len(lines), 7)
        answer = self.run_json("list", "--prefix", "listed/0")
        self.assertTrue(answer["complete"])
        self.assertEqual(sorted(entry["key"] for entry in answer["keys"]), keys)
        for entry in answer["keys"]:
            self.assertEqual(entry["size"], 1)
            self.assertEqual(f'"{entry["etag"]}"', self.cluster.client(3).get(entry["key"]).etag)
        self.assertEqual(self.run_json("list", "--prefix", "nothing")["keys"], [])

    # Nodes and strategies.

    def test_nodes(self):
        table = self.run_command(OK, "nodes").output.splitlines()
        self.assertEqual(len(table), 4)
        self.assertEqual([line.split()[:3] for line in table[1:]], [[str(node), "alive", "up"] for node in (1, 2, 3)])
        nodes = self.run_json("nodes")["nodes"]
        self.assertEqual([(node["node_id"], node["status"]) for node in nodes], [(node, "alive") for node in (1, 2, 3)])

    def test_fail_and_recover(self):
        self.run_command(OK, "fail", "2")
        self.assertEqual(self.run_json("fail", "3")["node_id"], 3)
        self.assertEqual([node["status"] for node in self.run_json("nodes")["nodes"]], ["alive", "dead", "dead"])
        self.run_command(OK, "recover", "2")
        self.run_command(OK, "fail", "1")
        self.assertEqual(self.run_json("recover", "--all")["recovered"], 2)
        self.assertEqual([node["status"] for node in self.run_json("nodes")["nodes"]], ["alive"] * 3)
        self.assertEqual(self.run_json("recover", "--all")["recovered"], 0)
        self.assertEqual(self.run_command(OK, "recover", "--all").output, "no node was failed\n")
        for verb in ("fail", "recover"):
            self.assertEqual(self.fail_json(FAILED, verb, "9")["error"], "not_found")
            self.fail_json(USAGE, verb, "one")
            self.fail_json(USAGE, verb)
        self.run_command(USAGE, "recover", "1", "--all")

    def test_reads_without_a_replica_are_unavailable(self):
        self.set_strategy("full")
        self.expect(self.cluster.client(1).write("awaiting", "value"), 200)
        for node in self.cluster.numbers():
            self.run_command(OK, "fail", str(node))
        ran = self.run_command(UNAVAILABLE, "get", "awaiting")
        self.assertIn("awaited: node 1, 2, 3", ran.errors)
        self.assertEqual(self.fail_json(UNAVAILABLE, "put", "awaiting", "other")["error"], "unavailable")
        self.assertEqual(self.run_command(OK, "get", "awaiting", "--local").output, "value")
        self.run_command(OK, "recover", "--all")
        self.assertEqual(self.run_command(OK, "get", "awaiting").output, "value")

    def test_strategy_and_nodes_for(self):
        self.assertEqual(self.run_command(OK, "strategy", "full").output, "strategy full\n")
        self.assertEqual(self.run_command(OK, "nodes-for", "key").output, "1 2 3\n")
        self.assertEqual(self.run_json("strategy", "consistent", "--replication-factor", "2")["strategy"], "consistent")
        nodes = self.run_json("nodes-for", "key")["nodes"]
        self.assertEqual(len(nodes), 2)
        self.assertEqual(self.run_command(OK, "nodes-for", "key").output, " ".join(map(str, nodes)) + "\n")
        self.run_command(USAGE, "strategy", "partial")
        self.run_command(USAGE, "strategy", "full", "--replication-factor", "2")
        self.run_command(USAGE, "strategy", "consistent", "--replication-factor", "0")
        self.run_command(USAGE, "strategy", "consistent", "--replication-factor", "2.5")
        error = self.fail_json(FAILED, "strategy", "consistent", "--replication-factor", "4")
        self.assertEqual(error["error"], "invalid")
        keyspace = self.cluster.client(3).ask("GET", "/v1/keyspaces/default").json()["keyspace"]
        self.assertEqual((keyspace["strategy"], keyspace["replication_factor"]), ("consistent", 2))

    def test_keyspaces(self):
        self.run_json("keyspaces", "create", "made", "--strategy", "consistent", "--replication-factor", "2")
        self.assertEqual(self.fail_json(FAILED, "keyspaces", "create", "made")["error"], "exists")
        self.fail_json(FAILED, "keyspaces", "create", "NOT A NAME")
        self.run_command(OK, "put", "key", "of made", "--keyspace", "made")
        self.run_command(OK, "put", "key", "of default")
        self.assertEqual(self.run_command(OK, "get", "key", "--keyspace", "made").output, "of made")
        self.assertEqual(self.run_command(OK, "list", "--keyspace", "made").output, "key\n")
        self.run_command(OK, "keyspaces", "change", "made", "--strategy", "full", "--min-in-sync", "2")
        made = {entry["name"]: entry for entry in self.run_json("keyspaces")["keyspaces"]}["made"]
        self.assertEqual((made["strategy"], made["min_in_sync"]), ("full", 2))
        self.assertIn("made", self.run_command(OK, "keyspaces").output)
        self.run_command(USAGE, "keyspaces", "change", "made")
        error = self.fail_json(FAILED, "keyspaces", "change", "absent", "--min-in-sync", "1")
        self.assertEqual(error["error"], "not_found")
        self.run_command(NOT_FOUND, "get", "key", "--keyspace", "absent")

    def test_too_few_replicas_for_min_in_sync_refuse_writes_and_not_reads(self):
        self.run_command(OK, "keyspaces", "create", "careful", "--strategy", "full", "--min-in-sync", "3")
        self.run_command(OK, "put", "key", "value", "--keyspace", "careful")
        self.run_command(OK, "fail", "2")
        self.run_command(UNAVAILABLE, "put", "key", "other", "--keyspace", "careful")
        self.assertEqual(self.run_command(OK, "get", "key", "--keyspace", "careful").output, "value")
        self.run_command(OK, "recover", "2")
        self.run_command(OK, "put", "key", "other", "--keyspace", "careful")

    # Menu and demonstration.

    def test_menu(self):
        lines = ["7", "1", "consistent", "2", "2", "menu-key", "menu value", "3", "menu-key", "5", "2", "7", "3",
                 "menu-key", "6", "2", "5", "1", "8", "4", "menu-key", "3", "menu-key", "1", "full", "nonsense", "0",
                 "16", "", "5", "one", "5", "9", "9", "nowhere", "10", "2", "no", "11", "12", "default", "12", "absent",
                 "13", "menu", "http://menu", "from the menu", "4", "14", "HTTP://MENU:80/", "14", "http://other/", "15"]
        ran = self.cluster.command("menu", standard_input=("\n".join(lines) + "\n").encode())
        self.assertEqual(ran.status, OK, ran)
        for text in ("The strategy is consistent.", "Created.", "menu value", "Node 2 is failed.", "dead",
                     "Node 2 is recovered.", "1 recovered.", "Deleted.", "The strategy is full.", "Nothing was changed.",
                     "is asked, and keeps nothing", "\n1 annotations.", ": 0 annotations."):
            self.assertIn(text, ran.output)
        self.assertEqual(ran.output.count("menu value\n"), 2)
        self.assertEqual(ran.output.count("  from the menu\n"), 2)
        for text in ("'nonsense' is not one of the choices", "'one' is not a node's number", "no such key",
                     "'nowhere' is not HOST:PORT", "\"default\" is a strong keyspace", "no keyspace \"absent\""):
            self.assertIn(text, ran.errors)
        self.expect_values({"menu-key": None})

    def test_menu_ends_with_its_input(self):
        for given in (b"", b"7\n", b"2\n", b"2\nkey\n", b"1\n"):
            self.run_command(OK, "menu", standard_input=given)
        self.run_command(USAGE, "--json", "menu")

    def test_demo(self):
        self.set_strategy("consistent", 2)
        before = sorted(entry["key"] for entry in self.cluster.client(1).pages())
        ran = self.run_command(OK, "demo")
        self.assertIn("All of it was as promised.", ran.output)
        self.assertNotIn("NOT AS PROMISED", ran.output)
        self.assertEqual(sorted(entry["key"] for entry in self.cluster.client(1).pages()), before)
        lines = [json.loads(line) for line in self.run_command(OK, "--json", "demo").output.splitlines()]
        self.assertGreater(len(lines), 20)
        self.assertTrue(all(line["as_promised"] for line in lines), lines)
        keyspace = self.cluster.client(1).ask("GET", "/v1/keyspaces/default").json()["keyspace"]
        self.assertEqual((keyspace["strategy"], keyspace["replication_factor"]), ("consistent", 2))

    def test_demo_does_not_begin_with_a_failed_node(self):
        self.fail_node(2)
        self.run_command(FAILED, "demo")
        self.expect_values({"never-written": None})

    # The cluster's processes.

    def test_cluster_status(self):
        nodes = self.run_json("cluster", "status")["nodes"]
        self.assertEqual([(node["node_id"], node["state"], node["status"]) for node in nodes],
                         [(node, "running", "alive") for node in (1, 2, 3)])
        for node in nodes:
            self.assertTrue(cluster.is_alive(node["pid"]))
        self.run_command(OK, "cluster", "status")

    def test_cluster_kill_and_restart(self):
        old = self.cluster.described[1]["pid"]
        self.cluster.disconnect()
        self.assertEqual(self.run_json("cluster", "kill", "2")["state"], "killed")
        self.assertFalse(cluster.is_alive(old))
        states = [node["state"] for node in self.run_json("cluster", "status")["nodes"]]
        self.assertEqual(states, ["running", "killed", "running"])
        self.fail_json(FAILED, "cluster", "kill", "2")
        self.assertEqual(self.run_json("cluster", "restart", "2")["state"], "running")
        self.cluster.learn()
        self.assertNotEqual(self.cluster.described[1]["pid"], old)
        for verb in ("kill", "restart"):
            for node in ("0", "4", "one"):
                self.run_command(USAGE, "cluster", verb, node)

    def test_cluster_start_of_what_runs_changes_nothing(self):
        before = [node["pid"] for node in self.cluster.described]
        self.run_command(OK, "cluster", "start")
        self.run_command(OK, "cluster", "start", "--nodes", "3")
        self.cluster.learn()
        self.assertEqual([node["pid"] for node in self.cluster.described], before)
        self.run_command(USAGE, "cluster", "start", "--nodes", "4")
        self.run_command(USAGE, "cluster", "start", "--strategy", "consistent")

    def test_files_of_the_cluster_are_for_their_owner_alone(self):
        for name in ("token", "key", "cluster.json"):
            mode = os.stat(os.path.join(self.cluster.directory, name)).st_mode & 0o777
            self.assertEqual(mode, 0o600, name)

    # Which cluster, and how the command line is read.

    def outside(self, status, *words, **options):
        ran = cluster.run_program(cluster.BRUSIO, *words, **options)
        self.assertEqual(ran.status, status, f"brusio {' '.join(words)}: {ran!r}")
        return ran

    def test_endpoints_and_tokens(self):
        endpoint = f"http://127.0.0.1:{self.cluster.http_port(1)}"
        token = os.path.join(self.cluster.directory, "token")
        self.expect(self.cluster.client(1).write("endpoint", "value"), 200)
        get = ("get", "endpoint", "--endpoint", endpoint)
        self.assertEqual(self.outside(OK, *get, "--token-file", token).output, "value")
        self.assertEqual(self.outside(OK, *get, "--token", self.cluster.token).output, "value")
        self.assertEqual(self.outside(OK, "get", "endpoint", environment={
            "BRUSIO_ENDPOINT": endpoint, "BRUSIO_TOKEN": self.cluster.token}).output, "value")
        self.assertEqual(self.outside(OK, "get", "endpoint", environment={
            "BRUSIO_DIR": self.cluster.directory}).output, "value")
        self.assertIn("token", self.outside(FAILED, *get).errors)
        self.assertIn("token", self.outside(FAILED, *get, "--token", "wrong").errors)
        closed = f"http://127.0.0.1:{ports.free(1)[0]}"
        self.outside(UNAVAILABLE, "get", "endpoint", "--endpoint", closed, "--token", "any")
        self.assertEqual(self.outside(OK, "get", "endpoint", "--endpoint", closed, "--endpoint", endpoint, "--token",
                                      self.cluster.token).output, "value")

    def test_command_lines_that_make_no_sense(self):
        for words in ((), ("unknown",), ("keyspaces", "unknown"), ("cluster",), ("get",), ("get", "a", "b"),
                      ("get", "a", "--unknown"), ("get", "a", "--limit", "1"), ("list", "--limit", "0"),
                      ("list", "--limit", "x"), ("list", "--limit"), ("get", "a", "--timeout", "0"), ("-x",),
                      ("get", "a", "--json=1"), ("cluster", "start"), ("cluster", "stop")):
            self.assertNotEqual(self.outside(USAGE, *words).errors, "", words)
            if "--json=1" not in words:
                error = json.loads(self.outside(USAGE, "--json", *words).errors)
                self.assertEqual(error["error"], "usage", words)
        self.outside(FAILED, "cluster", "status", "--dir", os.path.join(self.scratch, "absent"))
        self.outside(FAILED, "cluster", "status", "--dir", self.scratch)
        self.outside(USAGE, "cluster", "start", "--dir", os.path.join(self.scratch, "new"), "--nodes", "2",
                     "--strategy", "consistent", "--replication-factor", "3", "--http-port", "0")
        self.assertEqual(os.listdir(self.scratch), [])

    def test_help(self):
        self.assertIn("Exit codes", self.outside(OK, "--help").output)
        self.assertIn("Usage: brusio put", self.outside(OK, "put", "--help").output)
        self.assertIn("cluster start", self.outside(OK, "help", "cluster").output)

    def test_keys_that_look_like_options(self):
        self.run_command(OK, "put", "--", "--key", "--value")
        self.assertEqual(self.run_command(OK, "get", "--", "--key").output, "--value")


class Starting(cluster.ClusterTest):
    def test_a_cluster_begun_with_a_strategy_has_it(self):
        made = self.new_cluster(3, "--strategy", "consistent", "--replication-factor", "2")
        keyspace = made.client(2).ask("GET", "/v1/keyspaces/default").json()["keyspace"]
        self.assertEqual((keyspace["strategy"], keyspace["replication_factor"]), ("consistent", 2))
        made.stop()
        self.assertEqual([node["state"] for node in made.succeed("--json", "cluster", "status").json()["nodes"]],
                         ["stopped"] * 3)
        self.assertEqual(made.succeed("cluster", "stop").output, "no node was running\n")
        self.assertEqual(made.command("get", "key").status, UNAVAILABLE)

    def test_many_nodes_serve(self):
        made = self.new_cluster(9)
        values = {f"key-{number}": str(number) for number in range(30)}
        self.set_strategy("consistent", 3, cluster=made)
        self.write_all(values, cluster=made)
        self.expect_values(values, cluster=made)

    def test_one_node_serves(self):
        made = self.new_cluster(1)
        self.write_all({"alone": "value"}, cluster=made)
        made.stop()
        made.start()
        self.expect_values({"alone": "value"}, cluster=made)
        self.fail_node(1, cluster=made)
        self.assertEqual(self.expect_error(made.client(1).read("alone"), 503)["awaited"], [1])
        self.recover_node(1, cluster=made)
        self.expect_values({"alone": "value"}, cluster=made)


if __name__ == "__main__":
    unittest.main()
