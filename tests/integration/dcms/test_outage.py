# SPDX-License-Identifier: Apache-2.0
"""Hours without the server, in seconds: libfaketime moves the agent's clocks, wall and monotonic, from hour to hour."""
import glob
import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "control"))

from rig import BUILD, Rig, wait_for  # noqa: E402
from process import Process  # noqa: E402

FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
REPORT = "/inventory/update/deliveryStatus"


class TimedRig(Rig):
    """now("+3h") is what the agent's clocks show from then on."""

    def now(self, offset):
        path = self.path("time")
        with open(path + ".new", "w") as f:
            f.write(offset + "\n")
        os.rename(path + ".new", path)

    def start_agent(self, wait=True):
        self.now("+0")
        env = {"LD_PRELOAD": FAKETIME[0], "FAKETIME_TIMESTAMP_FILE": self.path("time"), "FAKETIME_NO_CACHE": "1"}
        argv = [os.path.join(BUILD, "agent/cardwrightd"), "--config", self.path("cardwright.json")]
        self.agent = Process("cardwrightd", argv, self.path("cardwrightd.log"), env).start()
        if wait:
            wait_for("cardwrightd", lambda: self.cli("status", check=False), 15, processes=[self.agent])


@unittest.skipUnless(FAKETIME, "libfaketime is not installed")
class Outage(unittest.TestCase):
    def setUp(self):
        self.rig = TimedRig()
        self.rig.start()

    def tearDown(self):
        self.rig.stop()

    def calls(self, path):
        return self.rig.bank.state()["calls"].get(path, 0)

    def reports(self):
        return self.rig.cli("outbox")["reports"]

    def tried(self):
        return sum(r["attempts"] for r in self.reports())

    def test_hours_without_the_server_lose_nothing(self):
        kits = self.rig.order(4)
        wait_for("the jobs", lambda: len(self.rig.cli("jobs", "--all")["jobs"]) == 4, 30)
        logins = self.calls("/api/authenticate")
        self.rig.bank.stop()
        # Cards go on being made: nothing of theirs needs the server until somebody takes them.
        for kit in kits:
            self.rig.make(kit, 40)
        # Nobody came for one of them: its kit has a second thing to tell, which must not overtake the first.
        returned = kits[-1]
        self.rig.cli("job", "returned", returned)
        waiting = {r["kit"] for r in self.reports()}
        self.assertEqual(waiting, set(kits))
        self.assertEqual([r["kit"] for r in self.reports()].count(returned), 2)
        for hour in (1, 2, 4, 6):
            before = self.tried()
            self.rig.now(f"+{hour}h")
            wait_for(f"hour {hour}: each report to be tried again", lambda n=before: self.tried() >= n + len(waiting), 30)
        self.assertEqual({r["kit"] for r in self.reports()}, waiting)
        self.assertEqual([r["attempts"] for r in self.reports() if r["kit"] == returned][1:], [0])
        self.assertFalse([r for r in self.reports() if r["parked"]])
        self.assertEqual(self.rig.cli("status")["server"]["state"], "offline")
        self.rig.bank.start()
        self.rig.now("+370m")  # the longest pause is over
        wait_for("the reports to be told", lambda: not self.reports(), 40)
        state = self.rig.bank.state()
        told = {k["kitNo"]: k["deliveryStatus"] for k in state["kits"] if k["kitNo"] in kits}
        self.assertEqual(told, {kit: "RETURNED" if kit == returned else "BANK" for kit in kits})
        self.assertGreaterEqual(state["calls"][REPORT], 5)  # one on its way when the clock jumped is told again
        self.assertEqual((state["duplicate_deliveries"], state["duplicate_activations"]), (0, 0))
        self.assertGreater(self.calls("/api/authenticate"), logins)  # its token was over long ago
        # Weeks later the certificates end soon, and a person is told.
        self.rig.now("+70d")
        checks = {c["what"]: c["verdict"] for c in self.rig.cli("doctor")["checks"]}
        self.assertEqual((checks["client certificate"], checks["server certificate"]), ("warn", "warn"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
