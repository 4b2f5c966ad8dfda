"""The simulator over many seeds, its repeatability, and the rules that it must see broken."""

import re
import unittest

import seeds

SEEDS = 1000


class Strong(seeds.SeedsTest):
    command = ["strong"]
    broken_seeds = 200
    chunk = 20


class Seeds(Strong):
    def test_many_seeds_meet_every_fault_message_and_step(self):
        self.run_all(seeds.FAST, 1, SEEDS, "--coverage")

    def test_some_seeds_under_the_sanitizers(self):
        self.run_all(seeds.CHECKED, 4, 13)

    def test_more_nodes_than_vote(self):
        self.run_all(seeds.FAST, 1, 6, "--nodes", "9")


class Coverage(Strong):
    def test_what_was_never_met_fails_the_run_and_is_named(self):
        run = self.simulate(seeds.FAST, "--seeds", "3", "--steps", "1", "--coverage")
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stdout, r"never met: fault: ")


class Repeatability(Strong, seeds.RepeatabilityTest):
    trace_lines_least = 1000

    def test_seeds_differ(self):
        first = self.simulate(seeds.FAST, "--seeds", "9", "--trace")
        second = self.simulate(seeds.FAST, "--seeds", "10", "--trace")
        self.assertNotEqual(first.stdout, second.stdout)

    def test_a_fault_that_is_left_out_leaves_the_others_what_they_were(self):
        whole = self.simulate(seeds.FAST, "--seeds", "9", "--plan").stdout.splitlines()
        part = self.simulate(seeds.FAST, "--seeds", "9", "--plan", "--without", "2-3,5").stdout.splitlines()
        self.assertGreater(len(whole), 5)
        self.assertEqual(sum(line.endswith("(left out)") for line in part), 3)
        self.assertEqual([line.replace(" (left out)", "") for line in part], whole)

    def test_unusable_arguments_are_refused(self):
        for arguments in (["--seeds", "2..1"], ["--seeds", "x"], ["--nodes", "2", "--seeds", "1"], ["--steps", "0"],
                          ["--seeds", "1", "--jobs", "0"], ["--seeds", "1", "--without", "3-"],
                          ["--seeds", "1..2", "--shrink"], ["--seeds", "1", "--rounds", "4"], []):
            self.assertEqual(self.simulate(seeds.FAST, *arguments).returncode, 2, arguments)


@seeds.needs_mutants
class BrokenRules(Strong):
    """Rules that random seeds see broken within 200; tests/core/strong has a schedule for every rule."""

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
        run = self.simulate(seeds.FAST, "--seeds", seed, "--break", "takeover", "--shrink")
        command = re.search(r"fails alike: brusio-sim strong (.*)", run.stdout)
        self.assertIsNotNone(command, run.stdout)
        again = self.simulate(seeds.FAST, *command.group(1).split())
        self.assertEqual(again.returncode, 1)
        violation = re.search(r"failed: (.*)", run.stdout).group(1)
        self.assertIn(violation, again.stdout)


if __name__ == "__main__":
    unittest.main()
