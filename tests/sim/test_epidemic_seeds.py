"""Peers of optimistic keyspaces over many seeds, their repeatability, and the rules that must be seen broken."""

import json
import os
import re
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BRUSIO_BUILD_DIR", os.path.join(ROOT, "build"))
MUTANTS = os.environ.get("BRUSIO_MUTANTS_DIR")

# The mutants build is an optimized one, and nothing is broken in it unless a test asks: the many seeds run there.
FAST = os.path.join(MUTANTS, "brusio-sim") if MUTANTS else os.path.join(BUILD, "brusio-sim")
CHECKED = os.path.join(BUILD, "brusio-sim")
JOBS = str(min(os.cpu_count() or 1, 64))
SEEDS = 2000


def simulate(program, *arguments):
    return subprocess.run([program, "epidemic", "run", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


class Seeds(unittest.TestCase):
    def run_all(self, program, first, last, *arguments):
        run = simulate(program, "--seeds", f"{first}..{last}", "--jobs", JOBS, *arguments)
        self.assertEqual(run.returncode, 0, run.stdout)
        print(run.stdout)
        return run.stdout

    def test_many_seeds_meet_every_fault(self):
        printed = self.run_all(FAST, 1, SEEDS)
        for fault in re.search(r"faults: (.*)", printed).group(1).split(", "):
            self.assertFalse(fault.startswith("0 "), f"never met: {fault}")

    def test_some_seeds_under_the_sanitizers(self):
        self.run_all(CHECKED, 1, 60)

    def test_fifty_peers(self):
        self.run_all(FAST, 1, 4, "--peers", "50")


class Repeatability(unittest.TestCase):
    def test_a_seed_prints_the_same_trace_every_time(self):
        first = simulate(FAST, "--seeds", "9", "--trace")
        second = simulate(FAST, "--seeds", "9", "--trace")
        self.assertGreater(len(first.stdout.splitlines()), 100)
        self.assertEqual(first.stdout, second.stdout)

    def test_seeds_end_alike_however_many_run_at_once(self):
        runs = [simulate(FAST, "--seeds", "1..12", "--verbose", "--jobs", jobs) for jobs in ("1", "3")]
        lines = [sorted(re.findall(r"^seed .*$", run.stdout, re.MULTILINE)) for run in runs]
        self.assertEqual(len(lines[0]), 12, runs[0].stdout)
        self.assertEqual(len(set(lines[0])), 12)
        self.assertEqual(lines[0], lines[1])

    def test_totals_are_told_as_json(self):
        totals = json.loads(simulate(FAST, "--seeds", "1..3", "--json").stdout)
        self.assertEqual((totals["seeds"], totals["failed"]), (3, 0))
        self.assertGreater(totals["operations"], 0)

    def test_unusable_arguments_are_refused(self):
        for arguments in (["--seeds", "2..1"], ["--seeds", "x"], ["--seeds", "1", "--peers", "1"], ["--peers", "3"],
                          ["--seeds", "1", "--jobs", "0"], ["--seeds", "1..2", "--trace"], ["--seeds"], []):
            self.assertEqual(simulate(FAST, *arguments).returncode, 2, arguments)


@unittest.skipUnless(MUTANTS, "BRUSIO_MUTANTS_DIR is not set: there is no build whose rules can be broken")
class BrokenRules(unittest.TestCase):
    """Rules that random seeds see broken; tests/core/epidemic has a schedule for every rule."""

    def caught(self, rule, seeds):
        run = simulate(FAST, "--seeds", seeds, "--break", rule, "--jobs", JOBS)
        self.assertEqual(run.returncode, 1, f"{rule} is broken and nobody notices: {run.stdout}")
        found = re.search(r"seed (\d+) failed: (.*)", run.stdout)
        self.assertIsNotNone(found, run.stdout)
        again = simulate(FAST, "--seeds", found.group(1), "--break", rule)
        self.assertIn(found.group(0), again.stdout, "the seed that is named does not fail again")

    def test_origins_that_a_restored_disk_uses_again(self):
        self.caught("fresh-origin", "1..20")

    def test_headers_that_go_before_others_say_all_they_cover(self):
        self.caught("tidy-context", "1..200")

    def test_garbage_that_goes_before_the_horizon(self):
        self.caught("horizon", "1..400")

    def test_knowledge_that_is_taken_over_before_a_session_ends(self):
        self.caught("close-last", "1..20")

    def test_peers_that_missed_what_was_dropped_and_compare_nothing(self):
        self.caught("behind", "1..200")

    def test_what_is_dead_elsewhere_and_is_not_dropped(self):
        self.caught("drop-under-horizon", "1..200")

    def test_bundles_that_claim_what_they_left_out(self):
        self.caught("bundle-since", "1..400")


if __name__ == "__main__":
    unittest.main()
