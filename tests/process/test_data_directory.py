"""A data directory belongs to one process, one node and one cluster; what does not fit is refused and untouched."""

import os
import shutil
import signal
import subprocess
import tempfile
import unittest

import cluster
import ports

REFUSED_SECONDS = 30


class Daemon:
    """A brusiod that is begun by hand, with its log in a file."""

    def __init__(self, scratch, name, arguments):
        self.log_path = os.path.join(scratch, name + ".log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([cluster.BRUSIOD, *arguments], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as stream:
            return stream.read()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(REFUSED_SECONDS)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()


def files_of(directory):
    return sorted(os.path.join(folder, file) for folder, _, files in os.walk(directory) for file in files)


class DataDirectory(cluster.ClusterTest):
    NODES = 2

    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="brusio-process-")
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)
        self.cluster.start()

    def tearDown(self):
        self.cluster.start()
        self.expect(self.cluster.client(1).write("alive", "yes"), 200)
        self.expect_values({"alive": "yes"})

    def path(self, *names):
        return os.path.join(self.cluster.directory, *names)

    def secret(self, name, text):
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
        return path

    def arguments(self, data, *more, key=None, token=None):
        http, peer = ports.free(2)
        return ["--data", data, "--http", f"127.0.0.1:{http}", "--listen", f"127.0.0.1:{peer}", "--token-file",
                token or self.path("token"), "--key-file", key or self.path("key"), *more]

    def refused(self, arguments, status=1):
        ran = cluster.run_program(cluster.BRUSIOD, *arguments, seconds=REFUSED_SECONDS)
        self.assertEqual(ran.status, status, ran)
        self.assertGreater(len(ran.errors), 20)
        return ran.errors

    def join(self):
        return f"127.0.0.1:{self.cluster.peer_port(1)}"

    def test_a_second_process_on_a_directory_is_refused_and_told_who_holds_it(self):
        pid = self.cluster.described[0]["pid"]
        for more in ((), ("--init",), ("--join", self.join())):
            message = self.refused(self.arguments(self.path("node-1"), *more))
            self.assertIn("in use by process", message)
            self.assertIn(str(pid), message)
            self.assertIn(self.path("node-1"), message)
        self.expect(self.cluster.client(1).ask("GET", "/readyz"), 200)

    def test_init_over_a_directory_that_holds_a_node_is_refused(self):
        self.expect(self.cluster.client(1).write("before", "init"), 200)
        self.cluster.stop()
        message = self.refused(self.arguments(self.path("node-1"), "--init"))
        self.assertIn("without --init", message)
        self.cluster.start()
        self.expect_values({"before": "init"})

    def test_an_empty_directory_without_init_or_join_is_refused(self):
        for name in ("absent", "empty"):
            data = os.path.join(self.scratch, name)
            if name == "empty":
                os.mkdir(data)
            message = self.refused(self.arguments(data))
            self.assertIn("--init", message)
            self.assertIn("--join", message)
            # It is not spoiled by that.
            daemon = Daemon(self.scratch, name, self.arguments(data, "--init"))
            try:
                cluster.wait_for("a node that serves", lambda daemon=daemon: " serves" in daemon.log())
            finally:
                status = daemon.stop()
            self.assertEqual(status, 0, daemon.log())

    def test_a_node_with_another_cluster_key_cannot_join(self):
        before = self.cluster.client(1).nodes()
        key = self.secret("key", "0123456789abcdef" * 4)
        daemon = Daemon(self.scratch, "stranger",
                        self.arguments(os.path.join(self.scratch, "stranger"), "--join", self.join(), key=key))
        try:
            cluster.wait_for("a word on the cluster key", lambda: "cluster key" in daemon.log())
            self.assertIsNone(daemon.process.poll())
            self.assertNotIn(" serves", daemon.log())
        finally:
            status = daemon.stop()
        self.assertEqual(status, 0, daemon.log())
        self.assertEqual(self.cluster.client(1).nodes(), before)
        self.assertEqual(self.cluster.client(2).nodes(), before)

    def test_a_key_or_token_that_cannot_be_used_is_refused(self):
        data = os.path.join(self.scratch, "unused")
        for options in ({"key": self.secret("short", "short")}, {"key": self.secret("none", "")},
                        {"token": self.secret("none", "")}, {"key": os.path.join(self.scratch, "absent")}):
            self.refused(self.arguments(data, "--init", **options), 2)
        self.assertFalse(os.path.exists(data))

    def test_data_of_another_node_are_refused(self):
        self.expect(self.cluster.client(1).write("before", "swap"), 200)
        self.cluster.stop()

        def swap():
            os.rename(self.path("node-1", "data"), self.path("data"))
            os.rename(self.path("node-2", "data"), self.path("node-1", "data"))
            os.rename(self.path("data"), self.path("node-2", "data"))

        swap()
        try:
            for node in ("node-1", "node-2"):
                for more in ((), ("--join", self.join())):
                    message = self.refused(self.arguments(self.path(node), *more))
                    self.assertIn("belongs to another node", message)
        finally:
            swap()
        self.cluster.start()
        self.expect_values({"before": "swap"})

    def test_data_that_are_gone_are_noticed(self):
        self.expect(self.cluster.client(1).write("before", "loss"), 200)
        self.cluster.stop()
        os.rename(self.path("node-2", "data"), self.path("away"))
        try:
            message = self.refused(self.arguments(self.path("node-2")))
            self.assertIn("does not say whose it is", message)
        finally:
            shutil.rmtree(self.path("node-2", "data"), ignore_errors=True)
            os.rename(self.path("away"), self.path("node-2", "data"))
        self.cluster.start()
        self.expect_values({"before": "loss"})

    def test_a_format_of_a_newer_version_is_refused(self):
        self.cluster.stop()
        path = self.path("node-1", "data", "brusio.format")
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        for other, word in (("brusio store format 999\n", "newer"), ("nonsense\n", "damaged"), ("", "damaged")):
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(other)
            try:
                self.assertIn(word, self.refused(self.arguments(self.path("node-1"))))
            finally:
                with open(path, "w", encoding="utf-8") as stream:
                    stream.write(text)

    def test_a_port_that_is_taken_is_named(self):
        data = os.path.join(self.scratch, "taken")
        taken = f"127.0.0.1:{self.cluster.http_port(1)}"
        arguments = self.arguments(data, "--init")
        arguments[arguments.index("--http") + 1] = taken
        self.assertIn(str(self.cluster.http_port(1)), self.refused(arguments))

    def test_command_lines_that_make_no_sense_are_usage_errors(self):
        data = os.path.join(self.scratch, "usage")
        for more in (("--init", "--join", self.join()), ("--strategy", "partial"), ("--replication-factor", "0"),
                     ("--replication-factor", "x"), ("--durability", "never"), ("--log-level", "loud"),
                     ("--unknown",), ("word",), ("--store-bytes-max", "1")):
            self.refused(self.arguments(data, *more), 2)
        self.refused([], 2)
        self.assertFalse(os.path.exists(data))

    def test_another_cluster_does_not_take_a_node_in(self):
        """A node of one cluster that is started towards another one stays what it is, or stops; it never mixes."""
        other = self.new_cluster(1)
        self.cluster.stop()
        before = other.client(1).nodes()
        shutil.copy(os.path.join(other.directory, "key"), os.path.join(self.scratch, "other-key"))
        daemon = Daemon(self.scratch, "astray", self.arguments(
            self.path("node-2"), "--join", f"127.0.0.1:{other.peer_port(1)}",
            key=os.path.join(self.scratch, "other-key")))
        try:
            cluster.wait_for("an end, or a word on the seed",
                             lambda: daemon.process.poll() is not None or "seed" in daemon.log())
        finally:
            daemon.stop()
        self.assertNotIn(" serves", daemon.log())
        self.assertEqual(other.client(1).nodes(), before)


if __name__ == "__main__":
    unittest.main()
