"""The simulator over many seeds, its repeatability, and the rules that it must see broken."""

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
SEEDS = 1000
BROKEN_SEEDS = 200  # within which a broken rule must be noticed
CHUNK = 20


def simulate(program, *arguments):
    return subprocess.run([program, "strong", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


class Seeds(unittest.TestCase):
    def run_all(self, program, first, last, *arguments):
        run = simulate(program, "--seeds", f"{first}..{last}", "--jobs", JOBS, *arguments)
        self.assertEqual(run.returncode, 0, run.stdout)
        print("\n".join(run.stdout.splitlines()[:3]))

    def test_many_seeds_meet_every_fault_message_and_step(self):
        self.run_all(FAST, 1, SEEDS, "--coverage")

    def test_some_seeds_under_the_sanitizers(self):
        self.run_all(CHECKED, 4, 13)

    def test_more_nodes_than_vote(self):
        self.run_all(FAST, 1, 6, "--nodes", "9")


class Coverage(unittest.TestCase):
    def test_what_was_never_met_fails_the_run_and_is_named(self):
        run = simulate(FAST, "--seeds", "3", "--steps", "1", "--coverage")
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stdout, r"never met: fault: ")


class Repeatability(unittest.TestCase):
    def test_a_seed_prints_the_same_trace_every_time(self):
        first = simulate(FAST, "--seeds", "9", "--trace")
        second = simulate(FAST, "--seeds", "9", "--trace")
        self.assertGreater(len(first.stdout.splitlines()), 1000)
        self.assertEqual(first.stdout, second.stdout)

    def test_seeds_end_alike_however_many_run_at_once(self):
        runs = [simulate(FAST, "--seeds", "1..12", "--verbose", "--jobs", jobs) for jobs in ("1", "3")]
        lines = [sorted(re.findall(r"^seed .*$", run.stdout, re.MULTILINE)) for run in runs]
        self.assertEqual(len(lines[0]), 12, runs[0].stdout)
        self.assertEqual(lines[0], lines[1])

    def test_seeds_differ(self):
        first = simulate(FAST, "--seeds", "9", "--trace")
        second = simulate(FAST, "--seeds", "10", "--trace")
        self.assertNotEqual(first.stdout, second.stdout)

    def test_a_fault_that_is_left_out_leaves_the_others_what_they_were(self):
        whole = simulate(FAST, "--seeds", "9", "--plan").stdout.splitlines()
        part = simulate(FAST, "--seeds", "9", "--plan", "--without", "2-3,5").stdout.splitlines()
        self.assertGreater(len(whole), 5)
        self.assertEqual(sum(line.endswith("(left out)") for line in part), 3)
        self.assertEqual([line.replace(" (left out)", "") for line in part], whole)

    def test_unusable_arguments_are_refused(self):
        for arguments in (["--seeds", "2..1"], ["--seeds", "x"], ["--nodes", "2", "--seeds", "1"], ["--steps", "0"],
                          ["--seeds", "1", "--jobs", "0"], ["--seeds", "1", "--without", "3-"],
                          ["--seeds", "1..2", "--shrink"], ["--seeds", "1", "--rounds", "4"], []):
            self.assertEqual(simulate(FAST, *arguments).returncode, 2, arguments)


@unittest.skipUnless(MUTANTS, "BRUSIO_MUTANTS_DIR is not set: there is no build whose rules can be broken")
class BrokenRules(unittest.TestCase):
    """Rules that random seeds see broken within 200; tests/core/strong has a schedule for every rule."""

    def caught(self, rule):
        for first in range(1, BROKEN_SEEDS, CHUNK):
            run = simulate(FAST, "--seeds", f"{first}..{first + CHUNK - 1}", "--break", rule, "--jobs", JOBS)
            if run.returncode != 0:
                break
        self.assertEqual(run.returncode, 1, f"{rule} is broken and nobody notices: {run.stdout}")
        found = re.search(r"seed (\d+) failed: (.*)", run.stdout)
        self.assertIsNotNone(found, run.stdout)
        again = simulate(FAST, "--seeds", found.group(1), "--break", rule)
        self.assertIn(found.group(0), again.stdout, "the seed that is named does not fail again")
        return found.group(1)

    def test_commits_that_count_live_replicas_only(self):
        self.caught("whole-list")

    def test_takeover_left_out(self):
        self.caught("takeover")

    def test_serving_without_a_lease(self):
        self.caught("lease")

    def test_marks_that_a_restart_forgets(self):
        self.caught("keep-marks")

    def test_joiners_that_take_what_is_in_flight_for_committed(self):
        self.caught("joiner-in-flight")

    def test_stamps_that_start_again_below_older_epochs(self):
        self.caught("epoch-stamps")

    def test_any_prefix_that_a_loss_of_power_left(self):
        self.caught("longest-prefix")

    def test_prefixes_that_forget_the_deletes_swept_from_them(self):
        self.caught("prefix-swept")

    def test_a_failing_run_is_made_smaller_and_its_command_repeats_it(self):
        seed = self.caught("takeover")
        run = simulate(FAST, "--seeds", seed, "--break", "takeover", "--shrink")
        command = re.search(r"fails alike: brusio-sim strong (.*)", run.stdout)
        self.assertIsNotNone(command, run.stdout)
        again = simulate(FAST, *command.group(1).split())
        self.assertEqual(again.returncode, 1)
        violation = re.search(r"failed: (.*)", run.stdout).group(1)
        self.assertIn(violation, again.stdout)


if __name__ == "__main__":
    unittest.main()
