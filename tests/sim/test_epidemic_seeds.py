"""Peers of optimistic keyspaces over many seeds, their repeatability, and the rules that must be seen broken."""

import json
import re
import unittest

import seeds

SEEDS = 2000


class Epidemic(seeds.SeedsTest):
    command = ["epidemic", "run"]
    broken_seeds = SEEDS
    chunk = 100


class Seeds(Epidemic):
    def test_many_seeds_meet_every_fault(self):
        printed = self.run_all(seeds.FAST, 1, SEEDS)
        for fault in re.search(r"faults: (.*)", printed).group(1).split(", "):
            self.assertFalse(fault.startswith("0 "), f"never met: {fault}")

    def test_some_seeds_under_the_sanitizers(self):
        self.run_all(seeds.CHECKED, 1, 60)

    def test_fifty_peers(self):
        self.run_all(seeds.FAST, 1, 4, "--peers", "50")

    def test_five_thousand_peers(self):
        self.run_all(seeds.FAST, 29, 29, "--peers", "5000")


class QuietNetwork(Epidemic):
    """One write among peers with the settings that keyspaces have by default: soon everywhere, and sent about once."""

    def test_a_write_reaches_a_thousand_peers_in_time_and_is_sent_to_each_about_once(self):
        run = self.simulate(seeds.FAST, "--quiet-network", "--peers", "1000", "--seeds", "1..3", "--json")
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
        runs = [self.simulate(seeds.FAST, "--quiet-network", "--peers", "100", "--seeds", "4").stdout for _ in range(2)]
        self.assertRegex(runs[0], r"everybody has it after \d+ rounds")
        self.assertEqual(runs[0], runs[1])


class Repeatability(Epidemic, seeds.RepeatabilityTest):
    trace_lines_least = 100

    def test_totals_are_told_as_json(self):
        totals = json.loads(self.simulate(seeds.FAST, "--seeds", "1..3", "--json").stdout)
        self.assertEqual((totals["seeds"], totals["failed"]), (3, 0))
        self.assertGreater(totals["operations"], 0)

    def test_unusable_arguments_are_refused(self):
        for arguments in (["--seeds", "2..1"], ["--seeds", "x"], ["--seeds", "1", "--peers", "1"], ["--peers", "3"],
                          ["--seeds", "1", "--jobs", "0"], ["--seeds", "1..2", "--trace"], ["--seeds"], [],
                          ["--seeds", "1", "--peers", "5001"], ["--quiet-network", "--trace"]):
            self.assertEqual(self.simulate(seeds.FAST, *arguments).returncode, 2, arguments)


@seeds.needs_mutants
class BrokenRules(Epidemic):
    """Rules that random seeds see broken; tests/core/epidemic has a schedule for every rule, `horizon` (R10) included,
    which seeds hardly ever meet: a rumor whose cause comes only after the rumor itself is under the horizon."""

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
