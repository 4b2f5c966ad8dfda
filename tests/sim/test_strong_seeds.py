"""The simulator over many seeds, its repeatability, and the rules that it must see broken."""

import os
import re
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BRUSIO_BUILD_DIR", os.path.join(ROOT, "build"))
MUTANTS = os.environ.get("BRUSIO_MUTANTS_DIR")

# The mutants build is an optimized one, and nothing is broken in it unless a test asks: the many seeds run there.
FAST = os.path.join(MUTANTS, "brusio-sim") if MUTANTS else os.path.join(BUILD, "brusio-sim")
CHECKED = os.path.join(BUILD, "brusio-sim")
SEEDS = 1000
SEEDS_PER_RUN = 50


def simulate(program, *arguments):
    return subprocess.run([program, "strong", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


class Seeds(unittest.TestCase):
    def run_all(self, program, first, last):
        ranges = [(seed, min(seed + SEEDS_PER_RUN - 1, last)) for seed in range(first, last + 1, SEEDS_PER_RUN)]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            runs = list(pool.map(lambda r: simulate(program, "--seeds", f"{r[0]}..{r[1]}"), ranges))
        for run in runs:
            self.assertEqual(run.returncode, 0, run.stdout)
        hours = sum(float(re.search(r"([0-9.]+) simulated", run.stdout).group(1)) for run in runs)
        operations = sum(int(re.search(r"(\d+) operations", run.stdout).group(1)) for run in runs)
        print(f"seeds {first}..{last}: {hours:.1f} simulated cluster-hours, {operations} operations checked")

    def test_many_seeds_with_3_to_7_nodes(self):
        self.run_all(FAST, 1, SEEDS)

    def test_some_seeds_under_the_sanitizers(self):
        self.run_all(CHECKED, 1, 40)

    def test_more_nodes_than_vote(self):
        run = simulate(FAST, "--seeds", "1..6", "--nodes", "9")
        self.assertEqual(run.returncode, 0, run.stdout)


class Repeatability(unittest.TestCase):
    def test_a_seed_prints_the_same_trace_every_time(self):
        first = simulate(FAST, "--seeds", "7", "--trace")
        second = simulate(FAST, "--seeds", "7", "--trace")
        self.assertEqual(first.returncode, 0)
        self.assertGreater(len(first.stdout.splitlines()), 1000)
        self.assertEqual(first.stdout, second.stdout)

    def test_seeds_differ(self):
        first = simulate(FAST, "--seeds", "7", "--trace")
        second = simulate(FAST, "--seeds", "8", "--trace")
        self.assertNotEqual(first.stdout, second.stdout)

    def test_unusable_arguments_are_refused(self):
        for arguments in (["--seeds", "2..1"], ["--seeds", "x"], ["--nodes", "2", "--seeds", "1"], ["--steps", "0"],
                          []):
            self.assertEqual(simulate(FAST, *arguments).returncode, 2, arguments)


@unittest.skipUnless(MUTANTS, "BRUSIO_MUTANTS_DIR is not set: there is no build whose rules can be broken")
class BrokenRules(unittest.TestCase):
    """Rules that random seeds see broken within a few; tests/core/strong has a schedule for every rule."""

    def caught(self, rule, seeds):
        run = simulate(FAST, "--seeds", seeds, "--break", rule)
        self.assertEqual(run.returncode, 1, f"{rule} is broken and nobody notices: {run.stdout}")
        found = re.search(r"seed (\d+) failed: (.*)", run.stdout)
        self.assertIsNotNone(found, run.stdout)
        again = simulate(FAST, "--seeds", found.group(1), "--break", rule)
        self.assertIn(found.group(0), again.stdout, "the seed that is named does not fail again")

    def test_commits_that_count_live_replicas_only(self):
        self.caught("whole-list", "1..200")

    def test_takeover_left_out(self):
        self.caught("takeover", "1..200")


if __name__ == "__main__":
    unittest.main()
