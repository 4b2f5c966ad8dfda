"""`brusio-sim epidemic table` prints what scripts read, the same for the same seed, and refuses what it cannot run."""

import json
import os
import subprocess
import unittest

BUILD = os.environ.get("BRUSIO_MUTANTS_DIR") or os.environ.get("BRUSIO_BUILD_DIR") or "build"
SECONDS_MAX = 120
USAGE = 2


class EpidemicCommand(unittest.TestCase):
    def run_table(self, *arguments):
        return subprocess.run([os.path.join(BUILD, "brusio-sim"), "epidemic", *arguments], capture_output=True,
                              timeout=SECONDS_MAX, check=False, text=True)

    def test_prints_one_json_object(self):
        for variant in ("push-feedback-counter", "push-blind-coin", "pull-feedback-counter"):
            arguments = ("table", "--nodes", "100", "--variant", variant, "--k", "2", "--runs", "10", "--seed", "5",
                         "--json")
            ran = self.run_table(*arguments)
            self.assertEqual(ran.returncode, 0, ran)
            printed = json.loads(ran.stdout)
            self.assertEqual(list(printed), ["variant", "nodes", "k", "runs", "residue", "traffic", "t_ave", "t_last"])
            self.assertEqual([printed["variant"], printed["nodes"], printed["k"], printed["runs"]],
                             [variant, 100, 2, 10])
            self.assertGreater(printed["traffic"], 1)
            self.assertGreater(printed["t_last"], printed["t_ave"])
            self.assertEqual(self.run_table(*arguments).stdout, ran.stdout)

    def test_prints_text_for_people(self):
        ran = self.run_table("table", "--variant", "push-blind-coin", "--runs", "2", "--nodes", "50")
        self.assertEqual(ran.returncode, 0, ran)
        self.assertEqual(len(ran.stdout.splitlines()), 5)

    def test_refuses_what_it_cannot_run(self):
        variant = ("--variant", "push-blind-coin")
        for arguments in ((), ("table",), ("run",), ("table", "--variant", "push"), ("table", "--variant"),
                          ("table", *variant, "--k", "0"), ("table", *variant, "--k", "65"),
                          ("table", *variant, "--nodes", "1"), ("table", *variant, "--nodes", "100001"),
                          ("table", *variant, "--runs", "0"), ("table", *variant, "--runs", "many"),
                          ("table", *variant, "--seed", "-1"), ("table", *variant, "--color", "red")):
            ran = self.run_table(*arguments)
            self.assertEqual((ran.returncode, ran.stdout), (USAGE, ""), arguments)

    def test_help_is_no_failure(self):
        ran = self.run_table("--help")
        self.assertEqual(ran.returncode, 0)
        self.assertIn("push-feedback-counter", ran.stdout)


if __name__ == "__main__":
    unittest.main()
