"""What tests of many seeds share: which builds run them, that they repeat, and that they see broken rules."""

import os
import re
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BRUSIO_BUILD_DIR", os.path.join(ROOT, "build"))
MUTANTS = os.environ.get("BRUSIO_MUTANTS_DIR")

# The mutants build is an optimized one, and nothing is broken in it unless a test asks: the many seeds run there.
FAST = os.path.join(MUTANTS or BUILD, "brusio-sim")
CHECKED = os.path.join(BUILD, "brusio-sim")
JOBS = str(min(os.cpu_count() or 1, 64))
LINES_SHOWN = 3

needs_mutants = unittest.skipUnless(MUTANTS,
                                    "BRUSIO_MUTANTS_DIR is not set: there is no build whose rules can be broken")


class SeedsTest(unittest.TestCase):
    command = []      # of brusio-sim, that runs seeds
    broken_seeds = 0  # within which a broken rule must be noticed
    chunk = 1         # of those, at once

    def simulate(self, program, *arguments):
        return subprocess.run([program, *self.command, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)

    def run_all(self, program, first, last, *arguments):
        """None may fail; what they print."""
        run = self.simulate(program, "--seeds", f"{first}..{last}", "--jobs", JOBS, *arguments)
        self.assertEqual(run.returncode, 0, run.stdout)
        print("\n".join(run.stdout.splitlines()[:LINES_SHOWN]))
        return run.stdout

    def caught(self, rule):
        """The first seed that was seen to fail without the rule; it changes with whatever changes what seeds draw."""
        for first in range(1, self.broken_seeds, self.chunk):
            run = self.simulate(FAST, "--seeds", f"{first}..{first + self.chunk - 1}", "--break", rule, "--jobs", JOBS)
            if run.returncode != 0:
                break
        self.assertEqual(run.returncode, 1, f"{rule} is broken and nobody notices: {run.stdout}")
        found = re.search(r"seed (\d+) failed: (.*)", run.stdout)
        self.assertIsNotNone(found, run.stdout)
        again = self.simulate(FAST, "--seeds", found.group(1), "--break", rule)
        self.assertIn(found.group(0), again.stdout, "the seed that is named does not fail again")
        return found.group(1)


class RepeatabilityTest(SeedsTest):
    trace_lines_least = 0

    def test_a_seed_prints_the_same_trace_every_time(self):
        first = self.simulate(FAST, "--seeds", "9", "--trace")
        second = self.simulate(FAST, "--seeds", "9", "--trace")
        self.assertGreater(len(first.stdout.splitlines()), self.trace_lines_least)
        self.assertEqual(first.stdout, second.stdout)

    def test_seeds_end_alike_however_many_run_at_once(self):
        runs = [self.simulate(FAST, "--seeds", "1..12", "--verbose", "--jobs", jobs) for jobs in ("1", "3")]
        lines = [sorted(re.findall(r"^seed .*$", run.stdout, re.MULTILINE)) for run in runs]
        self.assertEqual(len(lines[0]), 12, runs[0].stdout)
        self.assertEqual(len(set(lines[0])), 12)
        self.assertEqual(lines[0], lines[1])
