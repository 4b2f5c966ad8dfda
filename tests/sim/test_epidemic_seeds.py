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
CHUNK = 100


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

    def test_five_thousand_peers(self):
        self.run_all(FAST, 29, 29, "--peers", "5000")


class QuietNetwork(unittest.TestCase):
    """One write among peers with the settings that keyspaces have by default: soon everywhere, and sent about once."""

    def test_a_write_reaches_a_thousand_peers_in_time_and_is_sent_to_each_about_once(self):
        run = simulate(FAST, "--quiet-network", "--peers", "1000", "--seeds", "1..3", "--json")
        self.assertEqual(run.returncode, 0, run.stdout)
        print(run.stdout)
        for line in run.stdout.splitlines():
            quiet = json.loads(line)
            self.assertEqual((quiet["peers"], quiet["residue"]), (1000, 0))
            self.assertLessEqual(quiet["rounds"], 20)
            self.assertLessEqual(quiet["payloads_per_peer"], 1.10)
            self.assertGreater(quiet["payloads_per_peer"], 0.9)
            self.assertLess(quiet["control_bytes_per_peer"], quiet["idle_bytes_per_peer"] + 1000)

    def test_it_is_told_for_people_and_the_same_each_time(self):
        runs = [simulate(FAST, "--quiet-network", "--peers", "100", "--seeds", "4").stdout for _ in range(2)]
        self.assertRegex(runs[0], r"everybody has it after \d+ rounds")
        self.assertEqual(runs[0], runs[1])


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
                          ["--seeds", "1", "--jobs", "0"], ["--seeds", "1..2", "--trace"], ["--seeds"], [],
                          ["--seeds", "1", "--peers", "5001"], ["--quiet-network", "--trace"]):
            self.assertEqual(simulate(FAST, *arguments).returncode, 2, arguments)


@unittest.skipUnless(MUTANTS, "BRUSIO_MUTANTS_DIR is not set: there is no build whose rules can be broken")
class BrokenRules(unittest.TestCase):
    """Rules that random seeds see broken; tests/core/epidemic has a schedule for every rule, `horizon` (R10) included,
    which seeds hardly ever meet: a rumor whose cause comes only after the rumor itself is under the horizon."""

    def caught(self, rule):
        """By some seed; by which one changes with whatever changes what seeds draw."""
        for first in range(1, SEEDS, CHUNK):
            run = simulate(FAST, "--seeds", f"{first}..{first + CHUNK - 1}", "--break", rule, "--jobs", JOBS)
            if run.returncode != 0:
                break
        self.assertEqual(run.returncode, 1, f"{rule} is broken and nobody notices: {run.stdout}")
        found = re.search(r"seed (\d+) failed: (.*)", run.stdout)
        self.assertIsNotNone(found, run.stdout)
        again = simulate(FAST, "--seeds", found.group(1), "--break", rule)
        self.assertIn(found.group(0), again.stdout, "the seed that is named does not fail again")

    def test_origins_that_a_restored_disk_uses_again(self):
        self.caught("fresh-origin")

    def test_headers_that_go_before_others_say_all_they_cover(self):
        self.caught("tidy-context")

    def test_knowledge_that_is_taken_over_before_a_session_ends(self):
        self.caught("close-last")

    def test_peers_that_missed_what_was_dropped_and_compare_nothing(self):
        self.caught("behind")

    def test_what_is_dead_elsewhere_and_is_not_dropped(self):
        self.caught("drop-under-horizon")

    def test_what_became_live_behind_the_list_and_is_not_listed_again(self):
        self.caught("list-again")

    def test_bundles_that_claim_what_they_left_out(self):
        self.caught("bundle-since")


if __name__ == "__main__":
    unittest.main()
