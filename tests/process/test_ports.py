"""What tests/process/ports.py promises to the tests that start servers."""

import os
import socket
import tempfile
import unittest
import unittest.mock

import ports


class Ports(unittest.TestCase):
    def setUp(self):
        """A turn of its own: all ports are gone through here, which others of this time rely on not to be."""
        scratch = tempfile.TemporaryDirectory(prefix="brusio-ports-")
        self.addCleanup(scratch.cleanup)
        turn = unittest.mock.patch.object(ports, "TURN", os.path.join(scratch.name, "turn"))
        turn.start()
        self.addCleanup(turn.stop)

    def test_none_is_one_that_connections_begin_at(self):
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as stream:
            least = int(stream.read().split()[0])
        self.assertLess(ports.MOST, least)
        self.assertTrue(all(ports.LEAST <= port <= ports.MOST for port in ports.free(8)))

    def test_what_was_given_is_not_given_again_soon(self):
        given = [port for _ in range(100) for port in ports.free(3)]
        self.assertEqual(len(set(given)), len(given))

    def test_a_port_that_is_listened_on_is_not_given(self):
        taken = ports.free(1)[0]
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", taken))
            listener.listen()
            self.assertFalse(ports.is_free(taken))
            given = {port for _ in range(ports.MOST - ports.LEAST) for port in ports.free(1)}
            self.assertNotIn(taken, given)
            self.assertGreater(len(given), (ports.MOST - ports.LEAST) // 2)
        self.assertTrue(ports.is_free(taken))


if __name__ == "__main__":
    unittest.main()
