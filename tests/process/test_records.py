"""Keys and values of any bytes, conditions, and listings."""

import base64
import unittest

import cluster

KEY_BYTES_MAX = 480
VALUE_BYTES_MAX = 8 << 20
EVERY_BYTE = bytes(range(256))

KEYS = (b"/", b"//", b"a/b/c", b"a//b/", b"/..", b"../..", b".", b"..", b"\x00", b"a\x00b", b"\x00" * KEY_BYTES_MAX,
        b"%", b"%00", b"%2F", b"a%", b"?", b"a?b=c", b"#", b"a b", b"+", b" ", b"\t\r\n", b"\xff", b"\xff\xfe\xfd",
        b"\xc3\xa9", "\u00fcml\u00e4ut \U0001f600".encode(), EVERY_BYTE, b"k" * KEY_BYTES_MAX, b"\xff" * KEY_BYTES_MAX,
        b"{tag}", b"{", b"}{", b"{}", b'"', b"\\", b"'", b"<script>", b"kv", b"consistency=local")
VALUES = (b"", b"\x00", b"\x00" * 1000, EVERY_BYTE, EVERY_BYTE[::-1] * 7, b"\r\n\r\n", b"\xff\xfe", b"{}", b"v" * 65536)


class Records(cluster.ClusterTest):
    NODES = 3

    def setUp(self):
        self.set_strategy("consistent", 2)

    def test_keys_of_any_bytes(self):
        for at, key in enumerate(KEYS):
            answer = self.cluster.client(at % 3 + 1).put(key, b"value of " + key)
            self.assertIn(answer.status, (201, 204), key)
        for client in self.cluster.all_clients():
            for key in KEYS:
                self.assertEqual(self.expect(client.get(key), 200, key).body, b"value of " + key)
        for at, key in enumerate(KEYS):
            self.expect(self.cluster.client((at + 1) % 3 + 1).kv("DELETE", key), 204, key)
        for client in self.cluster.all_clients():
            for key in KEYS:
                self.expect_error(client.get(key), 404, key)

    def test_values_of_any_bytes(self):
        for at, value in enumerate(VALUES):
            self.expect(self.cluster.client(at % 3 + 1).put(f"value-{at}", value), 201, at)
        for client in self.cluster.all_clients():
            for at, value in enumerate(VALUES):
                answer = self.expect(client.get(f"value-{at}"), 200, at)
                self.assertEqual(answer.body, value)
                self.assertEqual(answer.headers["Content-Length"], str(len(value)))

    def test_large_values(self):
        for size in (1 << 20, VALUE_BYTES_MAX):
            value = (EVERY_BYTE * (size // 256))[:-3] + b"end"
            self.expect(self.cluster.client(1).put("large", value), 201, size)
            for client in self.cluster.all_clients():
                self.assertTrue(self.expect(client.get("large"), 200, size).body == value, size)
            for node in self.cluster.client(1).replicas("large"):
                answer = self.expect(self.cluster.client(node).get("large", local=True), 200, size)
                self.assertTrue(answer.body == value, size)
            self.expect(self.cluster.client(2).kv("DELETE", "large"), 204, size)

    def test_large_values_as_json(self):
        value = '"\\\u00e9\n' * 300000
        self.expect(self.cluster.client(1).write("large-text", value), 200)
        for client in self.cluster.all_clients():
            self.assertTrue(self.expect(client.read("large-text"), 200).json()["value"] == value)

    def test_text_as_json(self):
        texts = ("plain", "a/b", "\u00e9", "\U0001f600", "\x00", "\x1f\x7f", '"\\/', "%41", "a b+c", "\u2028", "\ufffe")
        for at, text in enumerate(texts):
            self.expect(self.cluster.client(at % 3 + 1).write(text, f"{text}:{text}"), 200, text)
        for client in self.cluster.all_clients():
            for text in texts:
                body = self.expect(client.read(text), 200, text).json()
                self.assertEqual((body["status"], body["key"], body["value"]), ("success", text, f"{text}:{text}"))
                self.assertEqual(client.get(text.encode()).body, f"{text}:{text}".encode())
        for at, text in enumerate(texts):
            self.expect(self.cluster.client(at % 3 + 1).delete(text), 200, text)
            self.expect_error(self.cluster.client((at + 1) % 3 + 1).delete(text), 404, text)

    def test_bytes_that_are_no_text_are_base64_in_json(self):
        self.expect(self.cluster.client(1).put("bytes", EVERY_BYTE), 201)
        for client in self.cluster.all_clients():
            body = self.expect(client.read("bytes"), 200).json()
            self.assertNotIn("value", body)
            self.assertEqual(base64.b64decode(body["value_base64"]), EVERY_BYTE)

    def test_tags_change_with_each_write_and_are_the_same_everywhere(self):
        tags = []
        for at in range(6):
            answer = self.cluster.client(at % 3 + 1).put("tagged", b"the same")
            self.expect(answer, 201 if at == 0 else 204)
            self.assertRegex(answer.etag, r'^"[^"]+"$')
            tags.append(answer.etag)
            for client in self.cluster.all_clients():
                self.assertEqual(self.expect(client.get("tagged"), 200).etag, answer.etag)
                head = self.expect(client.kv("HEAD", "tagged"), 200)
                self.assertEqual((head.etag, head.body, head.headers["Content-Length"]), (answer.etag, b"", "8"))
        self.assertEqual(len(set(tags)), len(tags))

    def test_conditions(self):
        one, two, three = self.cluster.all_clients()
        self.expect_error(one.put("conditional", b"never", If_Match="*"), 412)
        self.expect_error(two.get("conditional"), 404)
        first = self.expect(two.put("conditional", b"1", If_None_Match="*"), 201).etag
        refused = three.put("conditional", b"never", If_None_Match="*")
        self.expect_error(refused, 412)
        self.assertEqual(refused.etag, first)
        second = self.expect(three.put("conditional", b"2", If_Match=first), 204).etag
        refused = one.put("conditional", b"never", If_Match=first)
        self.expect_error(refused, 412)
        self.assertEqual(refused.etag, second)
        self.expect(two.put("conditional", b"3", If_Match="*"), 204)
        self.expect_error(one.kv("DELETE", "conditional", If_Match=second), 412)
        third = self.expect(one.get("conditional"), 200)
        self.assertEqual(third.body, b"3")
        self.expect(one.kv("DELETE", "conditional", If_Match=third.etag), 204)
        for client in self.cluster.all_clients():
            self.expect_error(client.get("conditional"), 404)
        self.expect_error(two.put("conditional", b"never", If_Match=third.etag), 412)
        fourth = self.expect(three.put("conditional", b"4", If_None_Match="*"), 201).etag
        self.assertNotIn(fourth, (first, second, third.etag))

    def test_reads_on_condition(self):
        tag = self.expect(self.cluster.client(1).put("cached", b"value"), 201).etag
        for client in self.cluster.all_clients():
            for tags in (tag, "*", f"W/{tag}", f'"x", {tag}'):
                answer = self.expect(client.get("cached", If_None_Match=tags), 304, tags)
                self.assertEqual((answer.body, answer.etag), (b"", tag))
            self.assertEqual(self.expect(client.get("cached", If_None_Match='"x"'), 200).body, b"value")

    def test_an_operation_that_is_repeated_is_carried_out_once(self):
        identity = "0123456789abcdef0123456789abcdef"
        first = self.cluster.client(1).put("once", b"1", Idempotency_Key=identity)
        self.expect(first, 201)
        again = self.cluster.client(2).put("once", b"1", Idempotency_Key=identity)
        self.assertIn(again.status, (201, 204), again)
        self.assertEqual(again.etag, first.etag)


class Listings(cluster.ClusterTest):
    NODES = 3
    COUNT = 230

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys = {f"list/{number % 7}/{number:04}".encode(): b"v" * number for number in range(cls.COUNT)}
        cls.keys.update({b"\x00": b"", b"\xff\xff": b"1", EVERY_BYTE: b"22"})
        cls.tags = {}
        for at, (key, value) in enumerate(cls.keys.items()):
            cls.tags[key] = cls.cluster.client(at % 3 + 1).put(key, value).etag

    @staticmethod
    def key_of(entry):
        return base64.b64decode(entry["key_base64"]) if "key_base64" in entry else entry["key"].encode()

    def expect_listed(self, wanted, **arguments):
        """Through every node, each of these keys exactly once, with its size and tag."""
        for node in self.cluster.numbers():
            entries = self.cluster.client(node).pages(**arguments)
            listed = [self.key_of(entry) for entry in entries]
            self.assertEqual(sorted(listed), sorted(wanted), f"through node {node}, {arguments}")
            for entry in entries:
                key = self.key_of(entry)
                self.assertEqual((entry["size"], entry["etag"]), (len(self.keys[key]), self.tags[key]), key)

    def list_all(self):
        self.expect_listed(self.keys)
        for limit in (1, 7, 100, 1000):
            self.expect_listed(self.keys, limit=limit)
        for prefix in (b"list/", b"list/3/", b"list/3/0003", b"\x00", b"\xff", b"nothing"):
            self.expect_listed([key for key in self.keys if key.startswith(prefix)], prefix=prefix)
            self.expect_listed([key for key in self.keys if key.startswith(prefix)], prefix=prefix, limit=3)

    def test_each_key_is_listed_once_with_full(self):
        self.set_strategy("full")
        self.list_all()

    def test_each_key_is_listed_once_with_one_copy(self):
        self.set_strategy("consistent", 1)
        self.list_all()

    def test_each_key_is_listed_once_with_two_copies(self):
        self.set_strategy("consistent", 2)
        self.list_all()

    def test_each_key_is_listed_once_while_a_node_is_failed(self):
        self.set_strategy("consistent", 2)
        for node in self.cluster.numbers():
            self.fail_node(node)
            self.expect_listed(self.keys, limit=50)
            self.recover_node(node)

    def test_pages_hold_no_more_than_was_asked_for(self):
        for limit in (1, 2, 99):
            answer = self.expect(self.cluster.client(1).page(limit=limit), 200).json()
            self.assertLessEqual(len(answer["keys"]), limit)
            self.assertIsNotNone(answer["cursor"])

    def test_a_cursor_of_one_node_is_taken_by_another(self):
        self.set_strategy("consistent", 1)
        listed, cursor = [], None
        for turn in range(self.COUNT):
            arguments = {"limit": 10} if cursor is None else {"limit": 10, "cursor": cursor}
            page = self.expect(self.cluster.client(turn % 3 + 1).page(**arguments), 200).json()
            listed += [self.key_of(entry) for entry in page["keys"]]
            cursor = page["cursor"]
            if cursor is None:
                break
        self.assertEqual(sorted(listed), sorted(self.keys))

    def test_keyspaces_do_not_mix(self):
        client = self.cluster.client(1)
        self.expect(client.post("/v1/keyspaces", {"name": "other/one", "strategy": "consistent",
                                                  "replication_factor": 2}), 201)
        self.expect_error(client.post("/v1/keyspaces", {"name": "other/one"}), 409)
        cluster.wait_for("every node knows the keyspace", lambda: all(
            each.ask("GET", "/v1/keyspaces/other%2Fone").status == 200 for each in self.cluster.all_clients()))
        for node in self.cluster.numbers():
            answer = self.cluster.client(node).put("list/1/0001", b"other", keyspace="other/one")
            self.expect(answer, 201 if node == 1 else 204)
        for each in self.cluster.all_clients():
            entries = each.pages("other/one")
            self.assertEqual([entry["key"] for entry in entries], ["list/1/0001"])
            self.assertEqual(each.get("list/1/0001", keyspace="other/one").body, b"other")
            self.assertEqual(each.get("list/1/0001").body, b"v")
        self.expect(client.kv("DELETE", "list/1/0001", keyspace="other/one"), 204)
        self.expect_listed(self.keys)


if __name__ == "__main__":
    unittest.main()
