"""Every bad input is answered with a 4xx error in JSON, and changes nothing."""

import json
import socket
import unittest

import cluster

KEY_BYTES_MAX = 480
VALUE_BYTES_MAX = 8 << 20
NODES = 3

BAD_JSON = (b"", b"{", b"}", b"nonsense", b"[]", b"null", b"3", b'"text"', b"{'key': 'a', 'value': 'b'}",
            b'{"key": "a", "value": "b"', b'{"key": "a", "value": "b",}', b'{"key": "a", "value": "b"} more',
            b'{"key": "a", "key": "b", "value": "c"}', b'{"key": "\xff\xfe", "value": "b"}',
            b'{"key": "a", "value": "\xc3"}', b'{"key": "\\ud800", "value": "b"}', b"[" * 5000,
            b'{"key": "a", "value": ' + b"[" * 5000 + b"]" * 5000 + b"}", b"\x00" * 20)
NOT_TEXT = (None, 1, 1.5, True, [], {}, ["a"], {"a": "b"})
NOT_A_FACTOR = (0, -1, -2147483649, 2.5, 2.0, 1e300, NODES + 1, 255, 256, 257, 65537, 2**32 + 1, 2**63 - 1, "2", "two",
                "", None, True, [2], {})
NOT_A_STRATEGY = (None, "", "Full", "FULL", "full ", "partial", "consistent\0", 1, True, [], {}, ["full"])


class BadInput(cluster.ClusterTest):
    NODES = NODES

    def setUp(self):
        self.set_strategy("consistent", 2)
        self.write_all({f"kept-{number}": f"value {number}" for number in range(5)})
        self.before = self.state()

    def tearDown(self):
        self.assertEqual(self.state(), self.before, "a bad request changed something")

    def state(self):
        """What a client can see of nodes, keyspaces and keys."""
        client = self.cluster.client(1)
        keyspaces = client.ask("GET", "/v1/keyspaces").json()["keyspaces"]
        records = {entry["key"]: (entry["etag"], entry["size"]) for entry in client.pages()}
        return client.nodes(), keyspaces, records

    def refused(self, method, path, body=None, status=400, **headers):
        """Through every node the same refusal."""
        for client in self.cluster.all_clients():
            answer = client.ask(method, path, body, **headers)
            what = f"{method} {path[:80]} {(body or b'')[:80]!r} {headers}:"
            if status == 400:
                self.assertIn(answer.status, (400, 413), f"{what} {answer!r}")
                self.expect_error(answer, answer.status, what)
            else:
                self.expect_error(answer, status, what)

    def refused_fields(self, method, path, fields, status=400):
        self.refused(method, path, json.dumps(fields).encode(), status)

    def test_malformed_json(self):
        for body in BAD_JSON:
            self.refused("POST", "/write", body)
            self.refused("POST", "/set_replication_strategy", body)
            self.refused("POST", "/v1/keyspaces", body)
            self.refused("PATCH", "/v1/keyspaces/default", body)

    def test_writes_without_a_key_or_a_value_that_is_text(self):
        self.refused_fields("POST", "/write", {})
        self.refused_fields("POST", "/write", {"key": "a"})
        self.refused_fields("POST", "/write", {"value": "b"})
        self.refused_fields("POST", "/write", {"Key": "a", "Value": "b"})
        for bad in (*NOT_TEXT, ""):
            self.refused_fields("POST", "/write", {"key": bad, "value": "b"})
            self.refused_fields("POST", "/write", {"key": "kept-1", "value": bad})

    def test_keys_over_the_limit(self):
        for length in (KEY_BYTES_MAX + 1, KEY_BYTES_MAX + 1000, 5000):
            key = "k" * length
            self.refused_fields("POST", "/write", {"key": key, "value": "b"})
            self.refused("PUT", f"/v1/kv/default/{key}", b"b")
            for method, path in (("GET", "/read/"), ("DELETE", "/delete/"), ("GET", "/nodes_for_key/"),
                                 ("GET", "/v1/kv/default/"), ("DELETE", "/v1/kv/default/")):
                self.refused(method, path + key)
        # Bytes count, not characters.
        self.refused_fields("POST", "/write", {"key": "\u00e9" * (KEY_BYTES_MAX // 2 + 1), "value": "b"})
        self.refused("PUT", "/v1/kv/default/" + "%00" * (KEY_BYTES_MAX + 1), b"b")

    def test_keys_that_are_empty_or_badly_encoded(self):
        for key in ("", "%", "%4", "%zz", "a%", "a%0", "%%41"):
            self.refused("PUT", "/v1/kv/default/" + key, b"b")
            for method, path in (("GET", "/read/"), ("DELETE", "/delete/"), ("GET", "/nodes_for_key/"),
                                 ("GET", "/v1/kv/default/"), ("DELETE", "/v1/kv/default/")):
                self.refused(method, path + key)
        for key in ("%ff", "%c3", "%ed%a0%80", "%c0%80"):
            for method, path in (("GET", "/read/"), ("DELETE", "/delete/"), ("GET", "/nodes_for_key/")):
                self.refused(method, path + key)

    def test_values_over_the_limit(self):
        value = b"v" * (VALUE_BYTES_MAX + 1)
        self.refused("PUT", "/v1/kv/default/kept-1", value, 413)
        self.refused("PUT", "/v1/kv/default/large", value, 413)
        self.refused("POST", "/write", b'{"key": "kept-1", "value": "' + value + b'"}', 413)

    def exchange(self, text):
        """What the server answers to bytes as they are, before it reads more."""
        with socket.create_connection(("127.0.0.1", self.cluster.http_port(2)), cluster.ANSWER_SECONDS) as connection:
            connection.sendall(text)
            return connection.recv(4096)

    def announced(self, path, length, *more):
        method = "POST" if path == "/write" else "PUT"
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {length}",
                 f"Authorization: Bearer {self.cluster.token}", *more, "", ""]
        return self.exchange("\r\n".join(lines).encode())

    def test_values_over_the_limit_that_are_only_announced(self):
        """Nobody waits for what will not be taken."""
        for path in ("/v1/kv/default/kept-1", "/write"):
            for length in (80 << 20, 1 << 40):
                self.assertRegex(self.announced(path, length), rb"^HTTP/1\.1 413 ")
            self.assertRegex(self.announced(path, 60 << 20, "Expect: 100-continue"), rb"^HTTP/1\.1 413 ")
            self.assertRegex(self.announced(path, 2**64 - 1), rb"^HTTP/1\.1 4\d\d ")
            self.assertRegex(self.announced(path, -1), rb"^HTTP/1\.1 4\d\d ")

    def test_unknown_nodes(self):
        for verb in ("fail", "recover"):
            for node in ("0", "4", "64", "65", "255", "256", "257", "65537", "4294967297", "-1",
                         "99999999999999999999999"):
                self.refused("POST", f"/{verb}/{node}", status=404)
            for node in ("", "one", "1.0", "1e0", "0x1", "+1", "%31x", "1/", "1%00", "--1", "-"):
                self.refused("POST", f"/{verb}/{node}")

    def test_unknown_strategies(self):
        self.refused_fields("POST", "/set_replication_strategy", {})
        self.refused_fields("POST", "/set_replication_strategy", {"replication_factor": 2})
        for strategy in NOT_A_STRATEGY:
            self.refused_fields("POST", "/set_replication_strategy", {"strategy": strategy})
            self.refused_fields("POST", "/set_replication_strategy", {"strategy": strategy, "replication_factor": 2})
            self.refused_fields("PATCH", "/v1/keyspaces/default", {"strategy": strategy})

    def test_replication_factors_that_are_none(self):
        for factor in NOT_A_FACTOR:
            for strategy in ("full", "consistent"):
                self.refused_fields("POST", "/set_replication_strategy",
                                    {"strategy": strategy, "replication_factor": factor})
            self.refused_fields("PATCH", "/v1/keyspaces/default", {"replication_factor": factor})
            self.refused_fields("PATCH", "/v1/keyspaces/default", {"strategy": "full", "min_in_sync": factor})
            self.refused_fields("POST", "/v1/keyspaces", {"name": "never", "replication_factor": factor})
        self.refused("POST", "/set_replication_strategy", b'{"strategy": "consistent", "replication_factor": NaN}')
        self.refused("POST", "/set_replication_strategy",
                     b'{"strategy": "consistent", "replication_factor": 99999999999999999999999999}')

    def test_names_of_keyspaces(self):
        for name in (*NOT_TEXT, "", "UPPER", "-a", "a-", "a b", "a\0", "\u00e9", "a" * 1000, "/a"):
            self.refused_fields("POST", "/v1/keyspaces", {"name": name})
        self.refused_fields("POST", "/v1/keyspaces", {"name": "default"}, 409)
        self.refused_fields("POST", "/v1/keyspaces", {"name": "never", "unknown": 1})
        self.refused_fields("PATCH", "/v1/keyspaces/default", {})
        self.refused_fields("PATCH", "/v1/keyspaces/default", {"name": "other"})
        self.refused_fields("PATCH", "/v1/keyspaces/never", {"strategy": "full"}, 404)
        self.refused("GET", "/v1/keyspaces/never", status=404)
        self.refused("GET", "/v1/kv/never", status=404)
        for method in ("GET", "PUT", "DELETE"):
            self.refused(method, "/v1/kv/never/key", b"b" if method == "PUT" else None, 404)
            self.refused(method, "/v1/kv/NEVER/key", b"b" if method == "PUT" else None)

    def test_arguments_and_headers(self):
        for query in ("limit=0", "limit=-1", "limit=x", "limit=", "limit=1001", "limit=99999999999", "cursor=%21",
                      "cursor=a", "cursor=__8", "prefix=%zz", "prefix=" + "p" * (KEY_BYTES_MAX + 1)):
            self.refused("GET", f"/v1/kv/default?{query}")
        self.refused("GET", "/v1/kv/default/kept-1?consistency=none")
        self.refused("GET", "/v1/kv/default/kept-1?consistency=")
        for method in ("PUT", "DELETE"):
            body = b"b" if method == "PUT" else None
            for tag in ("", "x", '""', '"x"', '"1.1", "2.2"', "W/*"):
                self.refused(method, "/v1/kv/default/kept-1", body, If_Match=tag)
            self.refused(method, "/v1/kv/default/kept-1", body, If_None_Match='"x"')
            self.refused(method, "/v1/kv/default/kept-1", body, If_Match="*", If_None_Match="*")
            for identity in ("", "x", "0" * 32, "f" * 31, "f" * 33, "g" * 32):
                self.refused(method, "/v1/kv/default/kept-1", body, Idempotency_Key=identity)

    def test_tokens_that_are_wrong_or_missing(self):
        wrong = ("", "Bearer", "Bearer ", "Bearer wrong", f"Bearer {self.cluster.token}x",
                 f"Bearer {self.cluster.token[:-1]}", f"Basic {self.cluster.token}", self.cluster.token,
                 f"Bearer {self.cluster.token} {self.cluster.token}", "Bearer " + "t" * 4000, None)
        for authorization in wrong:
            for method, path, body in (("GET", "/nodes", None), ("GET", "/read/kept-1", None),
                                       ("DELETE", "/delete/kept-1", None), ("POST", "/fail/1", None),
                                       ("POST", "/write", b'{"key": "kept-1", "value": "never"}'),
                                       ("POST", "/set_replication_strategy", b'{"strategy": "full"}'),
                                       ("PUT", "/v1/kv/default/kept-1", b"never"), ("GET", "/nowhere", None)):
                self.refused(method, path, body, 401, Authorization=authorization)

    def test_health_needs_no_token(self):
        for client in self.cluster.all_clients():
            self.expect(client.ask("GET", "/livez", Authorization=None), 200)
            self.expect(client.ask("GET", "/readyz", Authorization=None), 200)

    def test_unknown_paths(self):
        for path in ("/nowhere", "/v2/nodes", "/writes", "/nodes/", "/nodes/1", "/v1", "/v1/", "/v1/node", "/read",
                     "/fail", "//nodes", "/..", "/%2e%2e/nodes", "/NODES"):
            self.refused("GET", path, status=404)

    def test_wrong_methods(self):
        allowed = {"/write": "POST", "/read/kept-1": "GET, HEAD", "/delete/kept-1": "DELETE", "/fail/1": "POST",
                   "/recover/1": "POST", "/nodes": "GET, HEAD", "/set_replication_strategy": "POST",
                   "/nodes_for_key/kept-1": "GET, HEAD", "/v1/kv/default/kept-1": "GET, HEAD, PUT, DELETE",
                   "/v1/nodes": "GET, HEAD", "/v1/nodes/1": "DELETE", "/v1/keyspaces": "GET, HEAD, POST",
                   "/v1/keyspaces/default": "GET, HEAD, PATCH"}
        for path, methods in allowed.items():
            for method in ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
                if method in methods.split(", "):
                    continue
                for client in self.cluster.all_clients():
                    answer = client.ask(method, path, b"{}" if method in ("PUT", "POST", "PATCH") else None)
                    self.expect_error(answer, 405, f"{method} {path}:")
                    self.assertEqual(answer.headers["Allow"], methods, f"{method} {path}")
        self.refused("DELETE", "/v1/kv/default", status=405)
        self.refused("PUT", "/v1/kv/default", b"", status=405)

    def test_keys_that_are_not_there(self):
        for method, path in (("GET", "/read/"), ("DELETE", "/delete/"), ("GET", "/v1/kv/default/"),
                             ("DELETE", "/v1/kv/default/")):
            self.refused(method, path + "absent", status=404)

    def test_what_is_no_http(self):
        for text in (b"GET / HTTP/9.9\r\n\r\n", b"GET /nodes\r\n\r\n", b"GET /" + b"n" * 60000 + b" HTTP/1.1\r\n\r\n",
                     b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 6000 + b"\r\n"):
            self.assertRegex(self.exchange(text), rb"^HTTP/1\.[01] (4\d\d|505) ", text[:40])
        for text in (b"\r\n\r\n", b"\x00\x01\x02\x03\r\n\r\n", b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00"):
            with socket.create_connection(("127.0.0.1", self.cluster.http_port(2))) as connection:
                connection.sendall(text)
        self.expect(self.cluster.client(2).read("kept-1"), 200)


if __name__ == "__main__":
    unittest.main()
