# SPDX-License-Identifier: Apache-2.0
"""cardwrightd killed and started again, at any moment; and starts that cannot succeed."""
import os
import random
import shutil
import subprocess
import time
import unittest

from fake_station import ORDER, Step
from rig import BUILD, Rig, wait_for

KILLS = 14


class RestartTest(unittest.TestCase):
    def setUp(self):
        self.rig = Rig(stations=("s1", "s2")).start()
        self.addCleanup(self.rig.stop)

    def steps_of(self, job):
        return [s[1] for station in self.rig.stations.values() for s in station.steps if s[0] == job]

    def assert_order(self, kits):
        """Every kit was made exactly once, every plastic is accounted for, the journal agrees with itself."""
        taken = [t for s in self.rig.stations.values() for t in s.taken]
        for kit in kits:
            job = self.rig.job(kit)
            self.assertEqual(job["wait"], "handover", job)
            self.assertEqual([t for t in taken if t == (job["job"], "eject")], [(job["job"], "eject")])
        fed = sum(s.fed for s in self.rig.stations.values())
        stock = self.rig.cli("stock")
        self.assertEqual((stock["drawn"], stock["unaccounted"], stock["balanced"]), (fed, 0, True))
        self.assertEqual(stock["in_output"] + stock["spoiled"], fed)
        checks = {c["what"]: c for c in self.rig.cli("doctor")["checks"]}
        for what in ("journal", "audit log", "stock"):
            self.assertEqual(checks[what]["verdict"], "ok", checks[what])

    def settle_doubts(self):
        """A try that was journalled and never acknowledged: the person with the key to the reject box."""
        for job in (self.rig.cli("jobs", check=False) or {"jobs": []})["jobs"]:
            if job["wait"] == "destroyed":
                self.rig.cli("job", "confirm-destroyed", job["job"], check=False)

    def test_killed_at_any_moment(self):
        seed = int(os.environ.get("CW_SEED", random.SystemRandom().randrange(1 << 30)))
        print(f"CW_SEED={seed}", flush=True)
        dice = random.Random(seed)
        for station in self.rig.stations.values():
            station.seconds = 0.05
        kits = self.rig.order(6)
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.02, 0.6))
            self.rig.kill_agent()
            self.rig.start_agent(wait=dice.random() < 0.5)
            self.settle_doubts()
        for kit in kits:
            self.rig.wait_job(kit, "the card", lambda j: self.settle_doubts() or j["wait"] == "handover", 60)
        self.assert_order(kits)
        wait_for("no session to be left", lambda: not self.rig.hsmd.reap(), 5)

    def test_killed_in_every_step(self):
        """The station works on alone; its result waits for the daemon."""
        kit = self.rig.order()[0]
        for step in ORDER:
            for station in self.rig.stations.values():
                station.script[step] = [Step(seconds=0.05, hold=0.8) if step == "chip" else Step(seconds=0.8)]
        for step in ORDER:
            job = self.rig.wait_job(kit, step, lambda j, s=step: j["step"] == s and j["wait"] == "result")
            if step == "chip":  # the try must be acknowledged, or no key is tried
                wait_for("the attempt", lambda: any(s.acks for s in self.rig.stations.values()), 5)
            self.rig.kill_agent()
            self.rig.settle(0.2)
            self.rig.start_agent()
        self.rig.make(kit)
        self.assertEqual(self.steps_of(job["job"]), ORDER)
        self.assert_order([kit])

    def test_everything_restarts(self):
        """Daemon, hsmd and station together, in the middle of a card."""
        kit = self.rig.order()[0]
        for station in self.rig.stations.values():
            station.script["stripe"] = [Step(seconds=0.5)]
        self.rig.wait_job(kit, "the stripe", lambda j: j["step"] == "stripe" and j["wait"] == "result")
        self.rig.kill_agent()
        self.rig.hsmd.restart()
        self.rig.settle(0.6)
        for station in self.rig.stations.values():
            station.restart()
        self.rig.start_agent()
        self.rig.make(kit)
        self.assert_order([kit])

    def test_stopped_in_order(self):
        """SIGTERM in the middle of a card: status 0, and the same as a crash for the card."""
        kit = self.rig.order()[0]
        for station in self.rig.stations.values():
            station.script["print"] = [Step(seconds=0.7)]
        job = self.rig.wait_job(kit, "the print", lambda j: j["step"] == "print" and j["wait"] == "result")
        self.rig.agent.stop()
        self.assertEqual(self.rig.agent.child.returncode, 0)
        self.assertFalse(os.path.exists(self.rig.path("run/control.sock")))
        self.rig.start_agent()
        self.rig.make(kit)
        self.assertEqual(self.steps_of(job["job"]), ORDER)
        self.assert_order([kit])

    def test_kits_found_twice_are_one_job(self):
        kits = self.rig.order(2)
        for kit in kits:
            self.rig.make(kit)
        self.rig.kill_agent()
        self.rig.start_agent()
        self.rig.settle(1.5)
        self.assertEqual(len(self.rig.cli("jobs", "--all")["jobs"]), 2)
        self.assert_order(kits)

    def test_server_away(self):
        """No server for a while: cards already known are made, their reports wait and arrive."""
        for station in self.rig.stations.values():
            station.seconds = 0.15
        kits = self.rig.order(3)
        for kit in kits:
            self.rig.wait_job(kit, "the job", lambda j: True)
        self.rig.bank.stop()
        for kit in kits:
            self.rig.make(kit, 30)
        self.rig.kill_agent()
        self.rig.start_agent()
        self.assertGreater(self.rig.cli("status")["journal"]["outbox_unsent"], 0)
        self.rig.bank.start()
        wait_for("the reports", lambda: all(self.rig.kit_at_bank(k)["deliveryStatus"] == "BANK" for k in kits), 30)
        self.assert_order(kits)


class StartTest(unittest.TestCase):
    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.stop)
        self.argv = [os.path.join(BUILD, "agent/cardwrightd"), "--config", self.rig.path("cardwright.json")]

    def refused(self, word):
        """It ends by itself, in order, with a sentence that names the trouble."""
        done = subprocess.run(self.argv, capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(word, done.stderr)

    def change(self, old, new):
        with open(self.rig.path("cardwright.json")) as f:
            text = f.read()
        self.assertIn(old, text)
        with open(self.rig.path("cardwright.json"), "w") as f:
            f.write(text.replace(old, new))

    def test_twice(self):
        self.rig.start()
        self.refused("journal")
        self.assertTrue(self.rig.cli("status"))
        self.rig.make(self.rig.order()[0])

    def test_no_password(self):
        os.unlink(self.rig.path("credentials/dcms-password"))
        self.refused("dcms-password")

    def test_no_ca(self):
        os.unlink(self.rig.path("bank/ca.pem"))
        self.refused("ca.pem")

    def test_state_is_no_folder(self):
        shutil.rmtree(self.rig.path("state"))
        with open(self.rig.path("state"), "w"):
            pass
        self.refused("state")

    def test_damaged_journal(self):
        with open(self.rig.path("state/journal.db"), "wb") as f:
            f.write(os.urandom(40960))
        self.refused("journal")

    def test_bad_config(self):
        self.change('"branch_id"', '"branch"')
        self.refused("branch")

    def test_runtime_folder_cannot_be(self):
        self.change('"runtime_dir": "' + self.rig.path("run"), '"runtime_dir": "' + self.rig.path("cardwright.json"))
        self.refused("cardwright.json")


if __name__ == "__main__":
    unittest.main(verbosity=2)
