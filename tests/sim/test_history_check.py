"""`brusio-sim check` on histories that are good, bad and broken: what it says, and its exit status."""

import json
import os
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BRUSIO_BUILD_DIR", os.path.join(ROOT, "build"))
SIM = os.path.join(BUILD, "brusio-sim")

LONGEST = 32768  # operations of one key: LINEAR_OPERATIONS_MAX
FIRST, SECOND = "10000001-1", "10000002-1"


def operation(kind, start, end, **fields):
    return {"client": 1, "key": "key", "kind": kind, "start_ns": start * 1000, "end_ns": end * 1000, **fields}


PUTS = [operation("put", 1, 2, value=1, outcome="ok", stamp=FIRST, existed=False),
        operation("put", 3, 4, value=2, outcome="ok", stamp=SECOND, existed=True)]


class Check(unittest.TestCase):
    def check(self, *arguments, standard_input=""):
        return subprocess.run([SIM, "check", *arguments], input=standard_input, capture_output=True, text=True,
                              check=False)

    def judge(self, operations, status):
        ran = self.check("-", standard_input="".join(json.dumps(line) + "\n" for line in operations))
        self.assertEqual(ran.returncode, status, ran)
        return ran.stdout

    def test_a_good_history_is_linearizable(self):
        read = operation("read", 5, 6, outcome="ok", value=2, stamp=SECOND)
        self.assertIn("linearizable", self.judge([*PUTS, read], 0))

    def test_a_stale_read_is_named(self):
        read = operation("read", 5, 6, outcome="ok", value=1, stamp=FIRST)
        output = self.judge([read, *PUTS], 1)
        self.assertIn("key key: not linearizable", output)
        self.assertIn("put 2 -> done", output)

    def test_of_two_swaps_from_one_version_one_is_too_many(self):
        swaps = [operation("cas", 5, 9, value=number, expected=SECOND, outcome="ok", stamp=f"1000000{number}-1")
                 for number in (3, 4)]
        self.judge([*PUTS, swaps[0]], 0)
        self.judge([*PUTS, *swaps], 1)

    def test_keys_are_judged_one_by_one(self):
        lost = {**operation("read", 5, 6, outcome="absent"), "key": "other"}
        self.judge([*PUTS, lost], 0)
        self.judge([*PUTS, {**lost, "key": "key"}], 1)

    def test_a_write_that_was_refused_has_no_effect(self):
        write = operation("put", 1, 2, value=1)
        read = operation("read", 3, 4, outcome="ok", value=1, stamp=FIRST)
        self.judge([{**write, "outcome": "unknown"}, read], 0)
        self.judge([{**write, "outcome": "refused"}, read], 1)

    def test_a_history_that_is_too_long_is_undecided(self):
        reads = [operation("read", 2 * number, 2 * number + 1, outcome="absent") for number in range(LONGEST + 1)]
        self.judge(reads[:LONGEST], 0)
        self.judge(reads, 3)

    def test_what_cannot_be_read_is_told(self):
        for text in ("word\n", '{"key":"a"}\n'):
            ran = self.check("-", standard_input=text)
            self.assertEqual(ran.returncode, 2, ran)
            self.assertIn("line 1: ", ran.stderr)
        for words in ((), ("a", "b"), (os.path.join(BUILD, "absent"),)):
            ran = self.check(*words)
            self.assertEqual(ran.returncode, 2, ran)
            self.assertGreater(len(ran.stderr), 10)
        self.assertIn("Usage", self.check("--help").stdout)


if __name__ == "__main__":
    unittest.main()
