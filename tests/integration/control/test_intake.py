# SPDX-License-Identifier: Apache-2.0
"""Which kits become jobs, and which must not."""
import unittest

from rig import Rig, wait_for

FIRST_CUSTOMER = "CIF0000"


def kit(number, **changes):
    one = {"kitNo": str(4240190000 + number), "productId": "TRAVEL", "branchId": "BRANCH001", "status": "ASSIGNED",
           "deliveryStatus": "IN_TRANSIT", "entityId": f"CIF{number % 20:04}", "accountNo": str(8642000 + number % 20),
           "aliasName": "ASHA NAIR", **changes}
    return {key: value for key, value in one.items() if value is not None}


class IntakeTest(unittest.TestCase):
    def begin(self, kits):
        self.rig = Rig(kits=kits)
        self.addCleanup(self.rig.stop)
        self.rig.start()
        return [k["kitNo"] for k in kits]

    def test_many_that_cannot_be_made(self):
        """No product of the configuration has their plastic code; they do not keep others out, and are told about once."""
        strange = self.begin([kit(n) for n in range(150)])
        mine = self.rig.order()[0]
        self.rig.make(mine, 40)
        self.assertEqual([j["kit"] for j in self.rig.cli("jobs", "--all")["jobs"]], [mine])
        log = self.rig.log(2000)
        told = [line for line in log.splitlines() if "KIT_SKIPPED" in line]
        self.assertLessEqual(len(told), len(strange))
        self.assertEqual(len(told), len(set(told)))

    def test_made_elsewhere(self):
        """BANK is what we say of a card that is made: a kit in that state which we do not know may be a live card."""
        self.begin([kit(n, productId="CLASSIC", deliveryStatus=s) for n, s in enumerate(("BANK", "DELIVERED", "RETURNED"))])
        mine = self.rig.order()[0]
        self.rig.make(mine)
        self.rig.settle(1)
        self.assertEqual([j["kit"] for j in self.rig.cli("jobs", "--all")["jobs"]], [mine])

    def test_nobody_s_kits(self):
        """Not assigned to a customer yet: they wait at the server."""
        self.begin([kit(n, productId="CLASSIC", status="UNALLOCATED", entityId=None, accountNo=None, aliasName=None)
                    for n in range(3)])
        self.rig.settle(1.5)
        self.assertEqual(self.rig.cli("jobs", "--all")["jobs"], [])

    def test_what_the_server_always_fails_on(self):
        """One order and one customer without end: whatever comes behind them in a round goes on, and is told once."""
        self.begin([])
        for endpoint, text in (("/card-order/process", "ORD-0"), ("/card-order/fetchStatus", "ORD-0"),
                               ("/kit-manager/v2/fetchKitsByEntityId", FIRST_CUSTOMER)):
            self.rig.bank.sim("POST", "/faults", {"append": True, "faults": [
                {"endpoint": endpoint, "contains": f'"{text}"', "status": 500, "count": 0}]})
        self.rig.bank.order("ORD-0", {"CLASSIC": 1})
        wait_for("the order to fail", lambda: self.rig.bank.state()["faults"][0]["fired"] >= 3, 20)
        never, behind = self.rig.order(2)
        self.assertEqual(self.rig.kit_at_bank(never)["entityId"], FIRST_CUSTOMER)
        self.rig.make(behind, 60)
        wait_for("the customer to fail again", lambda: self.rig.bank.state()["faults"][2]["fired"] >= 4, 30)
        self.assertEqual([j["kit"] for j in self.rig.cli("jobs", "--all")["jobs"]], [behind])
        self.assertEqual(self.rig.log(2000).count("KIT_SKIPPED"), 1)
        self.rig.bank.sim("DELETE", "/faults")
        self.rig.make(never, 60)

    def test_a_refused_question_about_open_jobs_is_asked_kit_by_kit(self):
        self.begin([])
        unknown, blocked = self.rig.order(2)
        for one in (unknown, blocked):
            self.rig.make(one, 40)
        self.rig.bank.sim("POST", "/faults", {"faults": [{
            "endpoint": "/inventory/fetchKitDetailsFromInventory", "contains": unknown, "status": 400,
            "exception": "invalid.input.request", "count": 0}]})
        self.rig.bank.call("/kit-manager/manageKit", {"entityId": self.rig.kit_at_bank(blocked)["entityId"],
                                                      "oldKit": blocked, "operation": "BLOCK"})
        wait_for("the person to be told", lambda: "bank blocked or replaced" in self.rig.log(2000), 30)
        told = [line for line in self.rig.log(2000).splitlines() if "invalid.input.request" in line]
        self.assertEqual(len(told), 1, told)

    def test_server_in_trouble(self):
        """Busy, broken, slow: asked again, later and later, and nothing is lost."""
        self.begin([])
        faults = [{"endpoint": "/card-order/received", "status": 503, "exception": None, "retry_after_s": 1, "count": 2},
                  {"endpoint": "/kit-manager/v2/fetchKitsByEntityId", "drop": "after_commit", "count": 2},
                  {"endpoint": "/inventory/fetchKitDetailsFromInventory", "malformed_json": True, "count": 1},
                  {"endpoint": "/inventory/update/deliveryStatus", "drop": "after_commit", "count": 2}]
        for one in faults:
            one = {k: v for k, v in one.items() if v is not None}
            self.rig.bank.sim("POST", "/faults", {"faults": [one], "append": True})
        mine = self.rig.order()[0]
        self.rig.make(mine, 60)
        wait_for("the report", lambda: self.rig.kit_at_bank(mine)["deliveryStatus"] == "BANK", 30)
        self.assertEqual(len(self.rig.cli("jobs", "--all")["jobs"]), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
