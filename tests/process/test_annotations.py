"""Annotations on links, on three members: written, spread, changed, in conflict, muted, followed, carried as files."""

import http.client
import json
import os
import select
import subprocess
import unittest
import urllib.parse

import cluster
import daemons

NODES = (1, 2, 3)
# Subscribed to at every node in the beginning: that others keep a channel is heard of only now and then.
CHANNELS = ("owned", "raw", "files", "lists", "replies", "conflicts", "kept", "muting", "feed", "export", "large")
# One person with two machines: what is written on either is that person's.
TWINS = (2, 3)
LINK = "https://example.org/a?b=c"
FILE = "ed2k://|file|{name}|4096|0123456789abcdef0123456789ABCDEF|/"
FEED_SECONDS = 60


class Feed:
    """Follows a node; events are (name, data), and `last` is the id of the last one."""

    def __init__(self, network, node, query="", last=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", network.http_port(node), timeout=FEED_SECONDS)
        headers = {"Authorization": f"Bearer {network.token}"}
        if last is not None:
            headers["Last-Event-ID"] = last
        self.connection.request("GET", "/v1/annotations/feed" + query, headers=headers)
        self.answer = self.connection.getresponse()
        self.last = None
        if self.answer.status == 200:
            self.next_fields()  # the id of the beginning

    def next_fields(self):
        """What stands before the next empty line; None at the end."""
        fields = {}
        while True:
            line = self.answer.readline()
            if not line:
                return None
            text = line.decode().rstrip("\n")
            if text == "" and fields:
                self.last = fields.get("id", self.last)
                return fields
            if text and not text.startswith(":"):
                name, value = text.split(": ", 1)
                fields[name] = value

    def next(self):
        fields = self.next_fields()
        return fields and (fields["event"], json.loads(fields["data"]))

    def close(self):
        self.connection.close()


class Network(daemons.Daemons):
    def share_author(self, nodes):
        key = os.urandom(32)
        for node in nodes:
            os.mkdir(self.path(f"node-{node}"))
            with open(self.path(f"node-{node}/author.key"), "wb") as stream:
                stream.write(key)

    def answers(self, node):
        """Also while it does not serve strong keyspaces."""
        client = self.new_client(node)
        try:
            return client.ask("GET", "/v1/channels").status == 200
        except OSError:
            return False
        finally:
            client.close()


class Annotations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = Network(3)
        cls.addClassCleanup(cls.network.end)
        cls.network.share_author(TWINS)
        cls.network.start()
        cls.spread = cls.network.client(1).post("/v1/annotations", {
            "channel": "spread", "link": LINK, "text": "Bello \u263a\nsi", "rating": 4, "tags": ["noir", "da vedere"]})
        for node in NODES:
            for name in CHANNELS:
                answer = cls.network.client(node).post("/v1/channels", {"name": name})
                assert answer.status in (200, 201), answer

    # What is asked.

    def ask(self, node, method, path, fields=None, status=200, **headers):
        body = None if fields is None else json.dumps(fields).encode()
        answer = self.network.client(node).ask(method, path, body, **headers)
        self.assertEqual(answer.status, status, f"{method} {path} {fields}: {answer}")
        return answer.json() if answer.body else None

    def refuse(self, node, method, path, fields, status, words):
        error = self.ask(node, method, path, fields, status)
        self.assertIn(words, error["message"])

    def add(self, node, channel, text, **more):
        fields = {"channel": channel, "link": LINK, "text": text, **more}
        return self.ask(node, "POST", "/v1/annotations", fields, 201)["annotation"]

    def one(self, node, name):
        answer = self.network.client(node).ask("GET", f"/v1/annotations/{name}")
        return answer.json()["annotation"] if answer.status == 200 else None

    def listed(self, node, **arguments):
        query = urllib.parse.urlencode(arguments, quote_via=urllib.parse.quote)
        return self.ask(node, "GET", "/v1/annotations?" + query)["annotations"]

    def await_count(self, node, count, **arguments):
        """The channel may have to come, too: so not by `channel`."""
        cluster.wait_for(f"{count} at node {node}", lambda: len(self.listed(node, **arguments)) == count)

    def author(self, node):
        return self.ask(node, "GET", "/v1/channels")["author"]

    def await_everywhere(self, what, condition, nodes=NODES):
        for node in nodes:
            cluster.wait_for(f"{what} at node {node}", lambda node=node: condition(node))

    def await_text(self, name, text, nodes=NODES):
        self.await_everywhere(f"'{text}'", lambda node: (self.one(node, name) or {}).get("text") == text, nodes)

    # Writing and reading.

    def test_spread_and_become_stable(self):
        """To nodes that nobody told of the channel: members keep what they hear of."""
        self.assertEqual(self.spread.status, 201, self.spread)
        added = self.spread.json()["annotation"]
        self.assertEqual((added["state"], added["author"]), ("tentative", self.author(1)))
        self.await_text(added["id"], "Bello \u263a\nsi")
        self.await_everywhere("stable", lambda node: self.one(node, added["id"])["state"] == "stable")
        for node in NODES:
            self.assertEqual(self.one(node, added["id"]), {**added, "state": "stable"})
            channels = {channel["name"]: channel for channel in self.ask(node, "GET", "/v1/channels")["channels"]}
            self.assertEqual((channels["spread"]["annotations"], channels["spread"]["modified"]), (1, added["modified"]))
            self.assertFalse(channels["spread"]["subscribed"])

    def test_only_their_author_changes_them(self):
        added = self.add(1, "owned", "mine")
        self.await_text(added["id"], "mine")
        path = f"/v1/annotations/{added['id']}"
        for method, fields in (("PATCH", {"text": "theirs"}), ("DELETE", None)):
            self.refuse(2, method, path, fields, 403, "another author")
        self.refuse(2, "POST", path + "/restore", {"version": added["version"]}, 403, "another author")
        changed = self.ask(1, "PATCH", path, {"text": "still mine", "rating": 1})["annotation"]
        self.assertEqual((changed["created"], changed["link"]), (added["created"], added["link"]))
        self.assertNotEqual(changed["version"], added["version"])
        self.await_text(added["id"], "still mine")
        self.refuse(1, "PATCH", path, {"text": None, "rating": None}, 400, "says nothing")
        stale = self.network.client(1).ask("PATCH", path, b'{"text":"late"}', If_Match=f'"{added["version"]}"')
        self.assertEqual((stale.status, stale.etag), (412, f'"{changed["version"]}"'))
        self.ask(1, "DELETE", path, None, 204)
        self.await_everywhere("deleted", lambda node: self.one(node, added["id"]) is None)

    def test_raw_writes_cannot_speak_for_others(self):
        """Not even through the keyspace itself: what is signed is the key with the author in it."""
        added = self.add(1, "raw", "mine")
        self.await_text(added["id"], "mine")
        key = bytes.fromhex(added["id"].replace("-", ""))
        path = f"/v1/kv/{cluster.encoded('annotations/raw')}/{cluster.encoded(key)}"
        for method, body in (("PUT", b"forged"), ("DELETE", None)):
            self.assertEqual(self.network.client(2).ask(method, path, body).status, 403, method)
        self.assertEqual(self.one(2, added["id"])["text"], "mine")
        # One's own key may hold anything, which is shown to nobody.
        own = bytes.fromhex(self.author(1)) + b"12345678"
        path = f"/v1/kv/{cluster.encoded('annotations/raw')}/{cluster.encoded(own)}"
        self.assertEqual(self.network.client(1).ask("PUT", path, b"no annotation").status, 201)
        page = self.ask(1, "GET", "/v1/annotations?channel=raw")
        self.assertEqual((len(page["annotations"]), page["unreadable"]), (1, 1))

    def test_one_file_has_one_set_of_notes(self):
        names = ("a%20b.avi", "renamed.mkv")
        for node, name in zip((1, 2), names):
            self.add(node, "files", f"of {name}", link=FILE.format(name=name))
        self.add(1, "files", "of another", link=FILE.format(name="a%20b.avi").replace("4096", "4097"))
        for name in names:
            self.await_count(3, 2, link=FILE.format(name=name))
            found = self.listed(3, link=FILE.format(name=name))
            self.assertEqual({item["link"]["name"] for item in found}, {"a b.avi", "renamed.mkv"})
            self.assertEqual(len({item["link"]["identity"] for item in found}), 1)

    def test_lists(self):
        for number in range(25):
            self.add(1, "lists", f"number {number}", rating=number % 6, tags=[f"t{number % 2}"])
        everything = self.listed(1, channel="lists", limit=1000)
        self.assertEqual(len(everything), 25)
        self.assertEqual([item["modified"] for item in everything],
                         sorted((item["modified"] for item in everything), reverse=True))
        rated = [(item["rating"], item["modified"]) for item in self.listed(1, channel="lists", sort="rating")]
        self.assertEqual(rated, sorted(rated, reverse=True))
        self.assertEqual([item["id"] for item in self.listed(1, channel="lists", order="asc")],
                         [item["id"] for item in reversed(everything)])
        self.assertEqual(len(self.listed(1, channel="lists", q="NUMBER 1")), 11)
        self.assertEqual(len(self.listed(1, channel="lists", q="t1")), 12)
        self.assertEqual(len(self.listed(1, channel="lists", author=self.author(2))), 0)
        self.assertEqual(len(self.listed(1, channel="lists", link="HTTPS://EXAMPLE.org:443/x/../a?b=c#d")), 25)
        paged, cursor = [], None
        while True:
            page = self.ask(1, "GET", "/v1/annotations?channel=lists&limit=7" + (f"&cursor={cursor}" if cursor else ""))
            self.assertEqual(page["total"], 25)
            paged += page["annotations"]
            cursor = page["cursor"]
            if cursor is None:
                break
        self.assertEqual(paged, everything)

    def test_replies(self):
        first = self.add(1, "replies", "What do you think?")
        second = self.add(2, "replies", "Not much.", replies_to=first["id"])
        self.await_text(second["id"], "Not much.")
        self.assertEqual(self.one(3, second["id"])["replies_to"], first["id"])

    # Conflicts.

    def test_conflicts_are_shown_and_can_be_resolved(self):
        network = self.network
        name = self.add(2, "conflicts", "before")["id"]
        self.await_text(name, "before")
        path = f"/v1/annotations/{name}"
        # Each of the two machines is alone while its user writes.
        for node in (1, 2):
            network.kill(node)
        network.disconnect()
        self.ask(3, "PATCH", path, {"text": "said at node 3"})
        network.kill(3)
        network.spawn(2)
        cluster.wait_for("node 2 answers", lambda: network.answers(2))
        self.ask(2, "PATCH", path, {"text": "said at node 2", "rating": 2})
        for node in (1, 3):
            network.spawn(node)
        network.await_serving(*NODES)
        self.await_everywhere("both versions", lambda node: len((self.one(node, name) or {}).get("conflicts", [])) == 1)
        shown = [self.one(node, name) for node in NODES]
        for item in shown:
            versions = [item, *item["conflicts"]]
            self.assertEqual({version["text"] for version in versions}, {"said at node 2", "said at node 3"})
            self.assertEqual(item["text"], shown[0]["text"])
            self.assertEqual(len({version["version"] for version in versions}), 2)
        channel = next(channel for channel in self.ask(1, "GET", "/v1/channels")["channels"]
                       if channel["name"] == "conflicts")
        self.assertEqual(channel["conflicts"], 1)
        loser = shown[0]["conflicts"][0]
        self.refuse(2, "POST", path + "/restore", {"version": "1-1"}, 404, "no such version")
        restored = self.ask(2, "POST", path + "/restore", {"version": loser["version"]})["annotation"]
        self.assertEqual((restored["text"], restored["rating"], restored["conflicts"]),
                         (loser["text"], loser["rating"], []))
        self.await_everywhere("one version", lambda node: self.one(node, name)["conflicts"] == [])
        self.await_text(name, loser["text"])

    def test_survive_a_restart(self):
        added = self.add(3, "kept", "durable")
        self.ask(3, "PUT", f"/v1/authors/{self.author(1)}/mute")
        self.network.kill(3)
        self.network.restart(3)
        self.assertEqual(self.one(3, added["id"])["text"], "durable")
        channels = {channel["name"]: channel for channel in self.ask(3, "GET", "/v1/channels")["channels"]}
        self.assertTrue(channels["kept"]["subscribed"])
        self.assertEqual(self.ask(3, "GET", "/v1/authors/muted")["authors"], [self.author(1)])
        self.ask(3, "DELETE", f"/v1/authors/{self.author(1)}/mute")
        # The same user as before.
        self.ask(3, "PATCH", f"/v1/annotations/{added['id']}", {"text": "and changed"})

    # Whom not to see.

    def test_muting_is_of_one_node(self):
        name = self.add(1, "muting", "loud")["id"]
        self.await_text(name, "loud")
        author = self.author(1)
        self.ask(2, "PUT", f"/v1/authors/{author}/mute")
        page = self.ask(2, "GET", "/v1/annotations?channel=muting")
        self.assertEqual((page["annotations"], page["muted"], page["total"]), ([], 1, 0))
        self.assertEqual(len(self.listed(2, channel="muting", muted="show")), 1)
        self.assertEqual(len(self.listed(3, channel="muting")), 1)
        self.assertEqual(self.one(2, name)["text"], "loud")
        self.ask(2, "DELETE", f"/v1/authors/{author}/mute")
        self.assertEqual(len(self.listed(2, channel="muting")), 1)

    # The feed.

    def test_the_feed_tells_what_others_write(self):
        feed = Feed(self.network, 2, "?channel=feed")
        self.assertEqual(feed.answer.headers.get_content_type(), "text/event-stream")
        added = self.add(1, "feed", "first")
        self.add(1, "elsewhere", "not for this reader")
        name, item = feed.next()
        self.assertEqual((name, item["id"], item["text"]), ("annotation", added["id"], "first"))
        path = f"/v1/annotations/{added['id']}"
        self.ask(1, "PATCH", path, {"text": "second"})
        self.assertEqual(feed.next()[1]["text"], "second")
        feed.close()
        # What happens while nobody reads is told to whoever comes back.
        self.ask(1, "PATCH", path, {"text": "third"})
        self.await_text(added["id"], "third", [2])
        self.ask(1, "DELETE", path, None, 204)
        cluster.wait_for("deleted at node 2", lambda: self.one(2, added["id"]) is None)
        back = Feed(self.network, 2, "?channel=feed", feed.last)
        events = [back.next() for _ in range(2)]
        self.assertEqual(events[-1], ("deleted", {"id": added["id"], "channel": "feed"}))
        back.close()
        # Another node counts otherwise.
        other = Feed(self.network, 3, "", feed.last)
        self.assertEqual(other.next()[0], "lagged")
        other.close()

    def test_the_feed_ends_with_its_node_and_is_bounded(self):
        feeds = []
        while len(feeds) < 40:
            feed = Feed(self.network, 1)
            if feed.answer.status != 200:
                break
            feeds.append(feed)
        self.assertEqual((len(feeds), feed.answer.status), (16, 503))
        feed.close()
        feeds.pop().close()
        again = cluster.wait_for("room for one more", lambda: feed if (feed := Feed(self.network, 1)).answer.status == 200
                                 else None)
        feeds.append(again)
        self.network.stop_node(1)
        self.network.disconnect()
        for feed in feeds:
            self.assertIsNone(feed.next_fields())
            feed.close()
        self.network.restart(1)
        self.network.settle()

    # Documents.

    def test_documents_come_back(self):
        names = [self.add(1, "export", f"export me {number}", rating=number % 6, tags=["a b"])["id"] for number in range(5)]
        foreign = self.add(2, "export", "export me, of another")["id"]
        for node in NODES:
            self.await_count(node, 6, q="export me")
        document = self.ask(1, "GET", "/v1/annotations/export?channel=export")
        self.assertEqual((document["type"], document["total"]), ("AnnotationCollection", 6))
        before = {item["id"]: item for item in self.listed(1, channel="export")}
        for name in names:
            self.ask(1, "DELETE", f"/v1/annotations/{name}", None, 204)
        self.await_everywhere("one left", lambda node: len(self.listed(node, channel="export")) == 1)
        counts = {"status": "success", "items": 6, "created": 5, "replaced": 0, "unchanged": 0, "foreign": 1}
        self.assertEqual(self.ask(1, "POST", "/v1/annotations/import?channel=export", document), counts)
        self.assertEqual(self.ask(1, "POST", "/v1/annotations/import", document),
                         {**counts, "created": 0, "unchanged": 5})
        self.await_everywhere("all six again", lambda node: len(self.listed(node, channel="export")) == 6)
        after = {item["id"]: item for item in self.listed(3, channel="export")}
        self.assertEqual(set(after), set(before))
        for name in names:
            for field in ("text", "rating", "tags", "link", "created", "modified"):
                self.assertEqual(after[name][field], before[name][field])
        adopted = self.ask(1, "POST", "/v1/annotations/import?as=own", document)
        self.assertEqual((adopted["created"], adopted["unchanged"]), (1, 5))
        copies = [item for item in self.listed(1, channel="export", q="of another")]
        self.assertEqual({item["author"] for item in copies}, {self.author(1), self.author(2)})
        self.assertIn(foreign, [item["id"] for item in copies])

    def test_large_channels_travel_in_pieces(self):
        lines = [f"{number} " + "x" * 3000 for number in range(200)]
        for line in lines:
            self.add(1, "large", line)
        path = self.network.path("large.json")
        self.brusio(1, "annotate", "export", "large", "--file", path)
        with open(path, encoding="utf-8") as stream:
            document = json.load(stream)
        self.assertGreater(os.path.getsize(path), 600_000)
        self.assertEqual(document["total"], 200)
        first = self.ask(1, "GET", "/v1/annotations/export?channel=large")
        self.assertEqual((first["type"], first["partOf"]["total"]), ("AnnotationPage", 200))
        ran = self.brusio(2, "annotate", "import", path, "--as-own", "--json")
        self.assertEqual(json.loads(ran)["created"], 200)

    # Bad input.

    def test_bad_input_changes_nothing(self):
        before = self.ask(1, "GET", "/v1/annotations?limit=1")["total"]
        good = {"channel": "bad", "link": LINK, "text": "a"}
        for change, words in (({"channel": "No Such"}, "channel is wrong"), ({"channel": "a" * 65}, "channel"),
                              ({"link": "http://a b"}, "link is wrong at byte 8"), ({"link": "x" * 5000}, "link"),
                              ({"link": "ed2k://|file|a|1|x|/"}, "link is wrong"), ({"text": "\u0007"}, "text is wrong"),
                              ({"text": "x" * 4097}, "text has at most"), ({"rating": 9}, "rating"),
                              ({"rating": True}, "rating"), ({"tags": ["a"] * 17}, "tags"), ({"tags": ["a\tb"]}, "tag 1"),
                              ({"text": None}, "text"), ({"replies_to": "me"}, "replies_to"), ({"author": "me"}, "author")):
            answer = self.network.client(1).post("/v1/annotations", {**good, **change})
            self.assertIn(answer.status, (400, 413), change)
            self.assertIn(words, answer.json()["message"])
        for method, path in (("GET", "/v1/annotations/x"), ("DELETE", "/v1/annotations/" + "0" * 49),
                             ("GET", "/v1/annotations?channel=../etc"), ("GET", "/v1/annotations?limit=-1"),
                             ("GET", "/v1/annotations?link=%ff"), ("PUT", "/v1/authors/me/mute"),
                             ("DELETE", "/v1/channels/%2e%2e"), ("GET", "/v1/annotations/feed?sort=time")):
            self.assertEqual(self.network.client(1).ask(method, path).status, 400, path)
        for body in (b"", b"\xff", b"[]", b"{" * 100, b'{"a":' * 50 + b"1" + b"}" * 50):
            for path in ("/v1/annotations", "/v1/annotations/import", "/v1/channels"):
                self.assertEqual(self.network.client(1).ask("POST", path, body).status, 400, (path, body))
        self.assertEqual(self.network.client(1).ask("GET", "/v1/annotations", Authorization=None).status, 401)
        self.assertEqual(self.ask(1, "GET", "/v1/annotations?limit=1")["total"], before)

    # The command line.

    def brusio(self, node, *words, status=0, standard_input=b""):
        environment = {**os.environ, "BRUSIO_TOKEN": self.network.token,
                       "BRUSIO_ENDPOINT": f"http://127.0.0.1:{self.network.http_port(node)}"}
        ran = subprocess.run([cluster.BRUSIO, *words], input=standard_input, env=environment, capture_output=True,
                             timeout=cluster.COMMAND_SECONDS, check=False)
        self.assertEqual(ran.returncode, status, (words, ran.stdout, ran.stderr))
        return (ran.stdout if status == 0 else ran.stderr).decode()

    def test_commands(self):
        added = self.brusio(1, "annotate", "add", LINK, "-", "--channel", "shell", "--rating", "5", "--tags", "a,b c",
                            standard_input="due\nrighe\n".encode())
        name = added.split()[1]
        shown = self.brusio(1, "annotate", "ls", "--channel", "shell")
        for line in (r"5/5  ", "  due\n  righe\n", "  tags: a, b c\n", f"  {LINK}\n", f"  {name}\n", "tentative"):
            self.assertIn(line, shown.replace("stable", "tentative"))
        self.brusio(1, "annotate", "edit", name, "uno", "--rating", "none", "--tags", "")
        whole = json.loads(self.brusio(1, "annotate", "show", name, "--json"))["annotation"]
        self.assertEqual((whole["text"], whole["rating"], whole["tags"]), ("uno", None, []))
        self.assertIn("version: ", self.brusio(1, "annotate", "show", name))
        self.brusio(1, "annotate", "subscribe", "shell")
        self.assertRegex(self.brusio(1, "annotate", "channels"), r"shell +1 +0  yes ")
        self.brusio(1, "annotate", "unsubscribe", "shell")
        self.brusio(1, "annotate", "mute", self.author(1))
        self.assertEqual(self.brusio(1, "annotate", "muted"), self.author(1) + "\n")
        self.assertEqual(self.brusio(1, "annotate", "ls", "--channel", "shell"), "")
        self.assertIn("uno", self.brusio(1, "annotate", "ls", "--channel", "shell", "--muted"))
        self.brusio(1, "annotate", "unmute", self.author(1))
        self.brusio(1, "annotate", "rm", name)
        self.brusio(1, "annotate", "rm", name, status=3)
        self.brusio(1, "annotate", "add", LINK, "text", status=2)
        self.assertIn("byte 8", self.brusio(1, "annotate", "add", "http://a b", "text", "--channel", "shell", status=1))
        self.brusio(1, "annotate", "import", self.network.path("token"), status=1)

    def test_the_feed_command(self):
        process = subprocess.Popen(
            [cluster.BRUSIO, "annotate", "feed", "--channel", "follow", "--json", "--token", self.network.token,
             "--endpoint", f"http://127.0.0.1:{self.network.http_port(1)}"], stdout=subprocess.PIPE)
        try:
            names = []

            def told():
                """It may not follow yet when the first is written."""
                names.append(self.add(1, "follow", "come")["id"])
                return select.select([process.stdout], [], [], 0.2)[0]
            cluster.wait_for("an event", told)
            event = json.loads(process.stdout.readline())
            self.assertEqual((event["event"], event["data"]["text"]), ("annotation", "come"))
            self.assertIn(event["data"]["id"], names)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


if __name__ == "__main__":
    unittest.main()
