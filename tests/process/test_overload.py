"""Too many clients, and clients that behave badly: each gets an answer or is cut off, the others get through, memory
stays within bounds, and afterwards everything that was acknowledged is there.
"""

import asyncio
import http.client
import json
import resource
import socket
import time
import unittest

import cluster

NODES = 3
CROWD = 3000
SILENT = 1500
PEER_SILENT = 300
SLOW_READERS = 60
LARGE_BYTES = 8 << 20
WRITERS = 120
WRITE_BYTES = 1 << 20
WRITE_SECONDS = 6
# Of what clients send a node takes in 16 MiB at once, and holds it at several places on its way; of answers, 64 MiB.
RESIDENT_BYTES_MAX = 1200 << 20
# Callers that make no progress are cut after 10 seconds, peers that prove nothing after 2.
CUT_SECONDS = 40


def resident_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    raise AssertionError("no VmHWM")


class Overload(cluster.ClusterTest):
    NODES = NODES

    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 2 * CROWD + 1000
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise unittest.SkipTest(f"this process may open only {hard} descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        super().setUpClass()

    def setUp(self):
        self.kept = {f"kept-{number}": f"value {number}" for number in range(20)}
        self.write_all(self.kept)

    def tearDown(self):
        """The cluster serves as before."""
        self.cluster.disconnect()
        self.expect_values(self.kept)
        self.cluster.settle()
        for node in self.cluster.numbers():
            self.check_memory(node)

    def check_memory(self, node):
        pids = cluster.pids_naming(f"{self.cluster.directory}/node-{node}")
        peak = max(resident_bytes(pid) for pid in pids)
        print(f"{self.id().rsplit('.', 1)[1]}: node {node} held at most {peak >> 20} MiB so far", flush=True)
        self.assertLess(peak, RESIDENT_BYTES_MAX, f"memory of node {node}")

    def request(self, method, path, body=b"", *more):
        head = [f"{method} {path} HTTP/1.1", "Host: localhost", *more, f"Authorization: Bearer {self.cluster.token}",
                f"Content-Length: {len(body)}", "", ""]
        return "\r\n".join(head).encode() + body

    def open_many(self, port, count, first=b"", **options):
        """Raw connections, of which each has sent `first`."""
        opened = []
        for _ in range(count):
            connection = socket.socket()
            self.addCleanup(connection.close)
            connection.settimeout(cluster.ANSWER_SECONDS)
            for name, value in options.items():
                connection.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
            connection.connect(("127.0.0.1", port))
            if first:
                connection.sendall(first)
            opened.append(connection)
        return opened

    def expect_cut(self, connections, what):
        """The other side ends every connection, whether or not it says something before."""
        until = time.monotonic() + CUT_SECONDS
        for connection in connections:
            connection.settimeout(max(until - time.monotonic(), 0.01))
            try:
                while connection.recv(1 << 16):
                    pass
            except ConnectionError:
                pass
            except TimeoutError:
                self.fail(f"{what}: still open after {CUT_SECONDS} s")

    def expect_served(self, what, rounds=20):
        """New clients get through at every node meanwhile; they may be asked to come again."""
        longest = 0
        for number in range(rounds):
            for node in self.cluster.numbers():
                begun = time.monotonic()
                key, value = f"{what}-{number}-{node}", f"{what} {number}"
                self.persist(node, lambda client, key=key, value=value: client.write(key, value))
                read = self.persist(node, lambda client, key=key: client.read(key))
                self.assertEqual(read.json()["value"], value)
                longest = max(longest, time.monotonic() - begun)
                self.kept[key] = value
        print(f"{what}: a write and a read took at most {longest * 1000:.0f} ms", flush=True)

    def persist(self, node, ask, seconds=20):
        """The answer to a request that is sent again for as long as it is refused for lack of room."""
        until = time.monotonic() + seconds
        while True:
            client = self.cluster.new_client(node)
            try:
                answer = ask(client)
            finally:
                client.close()
            if answer.status == 200:
                return answer
            self.check_refusal(answer.status, answer.headers, answer.body)
            self.assertLess(time.monotonic(), until, f"still refused: {answer!r}")
            time.sleep(0.1)

    def check_refusal(self, status, headers, body):
        self.assertIn(status, (429, 503), body[:200])
        self.assertIsNotNone(headers.get("Retry-After"), body[:200])
        self.assertRegex(json.loads(body)["error"], "^[a-z_]+$")

    # Many at once.

    async def answer(self, reader):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(headers["Content-Length"]))
        return int(head.split(" ", 2)[1]), headers, body

    def tell_crowd(self, what, answers):
        served = 0
        for status, headers, body in answers:
            if status == 200:
                served += 1
            else:
                self.check_refusal(status, headers, body)
        print(f"{what}: {served} of {len(answers)} served, the others told to come again", flush=True)
        self.assertEqual(len(answers), CROWD)
        self.assertGreater(served, 0)

    def test_a_crowd_that_asks_as_it_comes(self):
        async def one():
            reader, writer = await asyncio.open_connection("127.0.0.1", self.cluster.http_port(1))
            writer.write(self.request("GET", "/read/kept-1"))
            answer = await self.answer(reader)
            writer.close()
            return answer

        async def crowd():
            return await asyncio.wait_for(asyncio.gather(*(one() for _ in range(CROWD))), cluster.DEADLINE_SECONDS)
        self.tell_crowd("asking at once", asyncio.run(crowd()))

    def test_a_crowd_that_comes_before_it_asks(self):
        async def crowd():
            port = self.cluster.http_port(1)
            opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CROWD)]

            async def one(reader, writer):
                try:
                    writer.write(self.request("GET", "/read/kept-1"))
                    return await self.answer(reader)
                finally:
                    writer.close()
            return await asyncio.wait_for(asyncio.gather(*(one(*pair) for pair in opened)), cluster.DEADLINE_SECONDS)
        self.tell_crowd("asking later", asyncio.run(crowd()))

    # Clients that behave badly.

    def test_silent_connections(self):
        port = self.cluster.http_port(1)
        silent = self.open_many(port, SILENT // 2) + self.open_many(port, SILENT // 2, b"GET /read/kept-1 HTTP/1.1\r\nHo")
        self.expect_served("silent")
        self.expect_cut(silent, "silent connections")

    def test_requests_that_dribble(self):
        """Heads and bodies of which a byte comes now and then."""
        half = self.request("PUT", "/v1/kv/default/dribbled", b"x" * 1000)[:-900]
        dribbling = self.open_many(self.cluster.http_port(1), 100, b"GET /read/kept-1 HTTP/1.1\r\nA: ")
        dribbling += self.open_many(self.cluster.http_port(1), 100, half)
        until = time.monotonic() + CUT_SECONDS
        while dribbling:
            self.assertLess(time.monotonic(), until, f"{len(dribbling)} are still taken")
            time.sleep(0.5)
            for connection in list(dribbling):
                try:
                    connection.send(b"x")
                except ConnectionError:
                    dribbling.remove(connection)
        self.expect_served("dribbling", rounds=3)
        self.assertEqual(self.cluster.client(1).get("dribbled").status, 404)

    def test_slow_readers(self):
        client = self.cluster.client(1)
        self.expect(client.put("large", b"v" * LARGE_BYTES), 201)
        slow = self.open_many(self.cluster.http_port(1), SLOW_READERS,
                              self.request("GET", "/v1/kv/default/large", b"", "Connection: close"), SO_RCVBUF=4096)
        self.expect_served("slow readers")
        time.sleep(CUT_SECONDS / 2)
        whole = 0
        for connection in slow:
            taken = 0
            connection.settimeout(5)
            try:
                while piece := connection.recv(1 << 20):
                    taken += len(piece)
            except ConnectionError:
                pass
            whole += taken >= LARGE_BYTES
        self.assertEqual(whole, 0, "answers that nobody read for so long were kept")
        self.assertEqual(len(self.expect(client.get("large"), 200).body), LARGE_BYTES)
        self.expect(client.delete("large"), 200)

    def test_silent_peers(self):
        """Connections to the port of the peers that prove nothing."""
        silent = self.open_many(self.cluster.peer_port(1), PEER_SILENT)
        silent += self.open_many(self.cluster.peer_port(1), PEER_SILENT, b"BRUSIO\r\n")
        self.expect_served("silent peers")
        self.expect_cut(silent, "silent peers")

    # More than can be written.

    def test_more_than_can_be_written(self):
        threads = cluster.Threads()
        outcomes = []
        until = time.monotonic() + WRITE_SECONDS

        def write(number):
            client = self.cluster.new_client(number % NODES + 1)
            kept, acknowledged, refused, unknown, longest, cut = None, 0, 0, 0, 0, 0
            for turn in range(1 << 20):
                if time.monotonic() > until:
                    break
                body = f"{number} {turn} ".encode() + b"w" * WRITE_BYTES
                begun = time.monotonic()
                try:
                    answer = client.put(f"written-{number}", body)
                except (http.client.HTTPException, ConnectionError):
                    # So many threads of one process may be too slow for their own connections.
                    kept, cut = None, cut + 1
                    continue
                longest = max(longest, time.monotonic() - begun)
                if answer.status in (201, 204):
                    kept, acknowledged = (turn, answer.etag), acknowledged + 1
                elif answer.status == 504:
                    kept, unknown = None, unknown + 1
                else:
                    self.check_refusal(answer.status, answer.headers, answer.body)
                    refused += 1
                    time.sleep(int(answer.headers["Retry-After"]))
            client.close()
            outcomes.append((number, kept, acknowledged, refused, unknown, longest, cut))
        for number in range(WRITERS):
            threads.start(write, number)
        threads.join()
        written = [outcome for outcome in outcomes if outcome[1] is not None]
        acknowledged, refused, unknown, cut = (sum(outcome[column] for outcome in outcomes) for column in (2, 3, 4, 6))
        print(f"writing: {acknowledged} writes acknowledged, {refused} told to come again, {unknown} "
              f"given up, {cut} cut, none after more than {max(outcome[5] for outcome in outcomes):.1f} s", flush=True)
        self.assertGreater(acknowledged, 0)
        self.assertLess(cut, acknowledged + refused + unknown)
        for number, (turn, etag), *_ in written:
            answer = self.expect(self.cluster.client(number % NODES + 1).get(f"written-{number}"), 200)
            self.assertEqual((answer.etag, answer.body[:20]), (etag, (f"{number} {turn} " + "w" * 20).encode()[:20]))
        for number in range(WRITERS):
            self.cluster.client(1).kv("DELETE", f"written-{number}")


if __name__ == "__main__":
    unittest.main()
