"""A node that was away while a few of many records changed is in sync again at a cost that follows what changed."""

import json
import os
import subprocess
import unittest

BUILD = os.environ.get("BRUSIO_MUTANTS_DIR") or os.environ.get("BRUSIO_BUILD_DIR") or "build"
SECONDS_MAX = 600
CONTROL_BYTES_MAX = 80  # for each record that changed
ROUND_TRIPS_MAX = 3     # for each batch


class SyncCost(unittest.TestCase):
    def run_sync(self, records, changed):
        ran = subprocess.run([os.path.join(BUILD, "brusio-sim"), "sync", "--records", str(records), "--changed",
                              str(changed)], capture_output=True, timeout=SECONDS_MAX, check=False)
        self.assertEqual(ran.returncode, 0, ran)
        result = json.loads(ran.stdout)
        print(f"{changed} of {records} records changed: {result['control_bytes_per_change']} bytes of control for each, "
              f"{result['round_trips_per_batch']} round trips for each of {result['batches']} batches")
        return result

    def test_a_thousand_of_a_million(self):
        result = self.run_sync(1000000, 1000)
        self.assertLess(result["control_bytes_per_change"], CONTROL_BYTES_MAX)
        self.assertLessEqual(result["round_trips_per_batch"], ROUND_TRIPS_MAX)
        self.assertEqual(result["sent"], 1000)

    def test_nothing_changed_costs_next_to_nothing(self):
        result = self.run_sync(20000, 1)
        self.assertLess(result["control_bytes"], 2000)


if __name__ == "__main__":
    unittest.main()
