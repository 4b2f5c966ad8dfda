"""tools/run-tests counts what it should, and fails when it should."""

import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.join(ROOT, "tools", "run-tests")


def load_tool():
    loader = importlib.machinery.SourceFileLoader("run_tests", TOOL)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_tests", loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


run_tests = load_tool()


def cmocka(status, *lines):
    outcome = run_tests.Outcome()
    run_tests.count_cmocka(outcome, status, list(lines))
    return outcome


class CmockaCounting(unittest.TestCase):
    def expect(self, outcome, passed, failed, skipped=0):
        self.assertEqual((outcome.passed, outcome.failed, len(outcome.skipped)), (passed, failed, skipped))

    def test_counts_functions_of_several_groups(self):
        group = ["[==========] Running 2 test(s).", "[ RUN      ] test_a", "[       OK ] test_a",
                 "[ RUN      ] test_b", "[       OK ] test_b", "[==========] 2 test(s) run.",
                 "[  PASSED  ] 2 test(s)."]
        self.expect(cmocka(0, *group, *group), 4, 0)

    def test_counts_a_failure_once_though_the_summary_repeats_it(self):
        self.expect(cmocka(1, "[==========] Running 2 test(s).", "[ RUN      ] test_a", "[  FAILED  ] test_a",
                           "[ RUN      ] test_b", "[       OK ] test_b", "[==========] 2 test(s) run.",
                           "[  PASSED  ] 1 test(s).", "[  FAILED  ] 1 test(s), listed below:",
                           "[  FAILED  ] test_a"), 1, 1)

    def test_counts_what_never_ended_as_failed(self):
        self.expect(cmocka(-6, "[==========] Running 3 test(s).", "[ RUN      ] test_a", "[       OK ] test_a",
                           "[ RUN      ] test_b", "it crashed"), 1, 2)

    def test_fails_when_there_is_no_test(self):
        self.expect(cmocka(0), 0, 1)

    def test_fails_when_only_the_exit_code_does(self):
        self.expect(cmocka(1, "[==========] Running 1 test(s).", "[ RUN      ] test_a", "[       OK ] test_a"), 1, 1)

    def test_wants_a_reason_for_skipping(self):
        head = ["[==========] Running 1 test(s).", "[ RUN      ] test_a"]
        self.expect(cmocka(0, *head, "no IPv6 here", "[  SKIPPED ] test_a"), 0, 0, 1)
        self.expect(cmocka(0, *head, "[  SKIPPED ] test_a"), 0, 1, 0)


UNITTEST = """
import os, sys, time, unittest
class Some(unittest.TestCase):
    def test_good(self): pass
    def test_bad(self): self.fail("on purpose")
    def test_error(self): raise ValueError("on purpose")
    @unittest.skip("a reason")
    def test_skipped(self): pass
    def test_with_bad_subtests(self):
        for i in range(3):
            with self.subTest(i): self.assertEqual(i, 1)
    {extra}
"""


class Running(unittest.TestCase):
    def run_file(self, text, timeout=60):
        with tempfile.TemporaryDirectory() as scratch:
            path = os.path.join(scratch, "test_sample.py")
            results = os.path.join(scratch, "results")
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text)
            open(results, "w", encoding="utf-8").close()
            suite = run_tests.Suite("sample", [sys.executable, TOOL, "--unittest-file", path, "--results", results],
                                    timeout, run_tests.count_unittest(results))
            return run_tests.execute(suite)[0]

    def test_counts_each_test_of_a_unittest_file(self):
        outcome = self.run_file(UNITTEST.format(extra=""))
        self.assertEqual((outcome.passed, outcome.failed), (1, 3))
        self.assertEqual(outcome.skipped, ["Some.test_skipped: a reason"])

    def test_fails_a_file_that_is_cut_off(self):
        outcome = self.run_file(UNITTEST.format(extra="def test_z(self): os._exit(0)"))
        self.assertEqual((outcome.passed, outcome.failed), (1, 4))

    def test_fails_a_file_that_cannot_be_loaded(self):
        self.assertEqual(self.run_file("import nothing_of_that_name").failed, 1)
        self.assertEqual(self.run_file("").failed, 1)

    def test_ends_what_takes_too_long_with_its_children(self):
        text = UNITTEST.format(extra="def test_z(self): import subprocess; subprocess.run(['sleep', '1000.125'])")
        outcome = self.run_file(text, timeout=2)
        self.assertEqual(outcome.failed, 4)
        listed = subprocess.run(["ps", "-A", "-o", "stat=,args="], capture_output=True, text=True, check=True).stdout
        left = [line for line in listed.split("\n") if "sleep 1000.125" in line and not line.startswith("Z")]
        self.assertEqual(left, [])


if __name__ == "__main__":
    unittest.main()
