#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the agent does at the bank by itself: a spoiled card's kit replaced once, a PIN by mail, the first version of the PIN calls."""
from scenario import Scenario, main, wait_until

MANAGE, MAILER = "/kit-manager/manageKit", "/kit-manager/regeneratePinMailer"
SET_PIN, VALIDATE_PIN = "/kit-manager/setPin", "/kit-manager/validatePin"


class Workflows(Scenario):
    stock = {"CLASSIC": 2, "TRAVEL": 4}
    options = {"config": {
        "pin": {"call": "v1-ecb-hex16"},
        "products": {"71": {"visual_check": "operator", "spoiled_kit": "replace"},
                     "72": {"pin_source": "mailer", "mailer_currency": "356", "spoiled_kit": "block"}}}}

    def calls(self, path):
        return self.branch.bank.state()["calls"].get(path, 0)

    def spoil(self, kit):
        """The finished card looks bad, goes into the box, and is not made again from the same data."""
        job = self.wait_job(kit, wait="visual")["job"]
        self.operator("job", "visual", kit, "bad")
        self.operator("job", "confirm-destroyed", job, "--no-remake")
        self.wait_job(kit, state="FAILED")

    def reported(self, kit, status, delivery):
        wait_until(f"kit {kit} to be {status} and {delivery}", lambda: (
            self.bank_kit(kit)["status"], self.bank_kit(kit)["deliveryStatus"]) == (status, delivery))

    def successors(self, kit):
        entity = self.bank_kit(kit)["entityId"]
        return [k["kitNo"] for k in self.branch.bank.state()["kits"] if k["entityId"] == entity and k["kitNo"] != kit]

    def test_1_a_lost_answer_to_the_replacement_makes_one_card(self):
        self.fault(MANAGE, drop="after_commit")
        kit = self.kit("CLASSIC")
        self.spoil(kit)
        self.reported(kit, "REPLACED", "RETURNED")
        new = self.successors(kit)
        self.assertEqual(len(new), 1)
        self.wait_job(new[0], wait="visual")  # found by itself, made by itself
        self.operator("job", "visual", new[0], "good")
        self.made(new[0])
        self.assertEqual(self.calls(MANAGE), 1)

        # The customer chooses the PIN at the kiosk, every answer is lost, and validatePin knows.
        self.fault(SET_PIN, drop="after_commit", count=0)
        self.customer("4826", "4826")
        self.operator("release", new[0], "kiosk-1")
        self.insert_card(self.hand_out(new[0]))
        self.kiosk_ended("PIN SET", 40)
        self.wait_job(new[0], state="DELIVERED")
        bank = self.bank_kit(new[0])
        self.assertEqual((bank["pinSetCount"], bank["activationCount"], self.calls(VALIDATE_PIN)), (1, 1, 1))
        self.assertEqual(self.calls("/kit-manager/v2/setPin"), 0)

    def test_2_a_kit_that_is_blocked_already_goes_to_a_person(self):
        kit = self.kit("CLASSIC")
        self.wait_job(kit, wait="visual")
        self.branch.bank.call(MANAGE, {"entityId": self.bank_kit(kit)["entityId"], "oldKit": kit, "operation": "BLOCK"})
        calls = self.calls(MANAGE)
        self.spoil(kit)
        wait_until("the report to be parked", lambda: any(
            r["kit"] == kit and r["parked"] for r in self.branch.cli("outbox", check=False)["reports"]))
        self.assertEqual((self.calls(MANAGE), self.successors(kit)), (calls, []))
        self.branch.bank.call(MANAGE, {"entityId": self.bank_kit(kit)["entityId"], "oldKit": kit, "operation": "REPLACE",
                                       "cardType": "PHYSICAL", "deliveryAddress": "PERMANENT"})
        report = [r for r in self.branch.cli("outbox", check=False)["reports"] if r["kit"] == kit][0]
        self.branch.cli("outbox", "retry", str(report["id"]))
        self.reported(kit, "REPLACED", "RETURNED")
        self.wait_job(self.successors(kit)[0], wait="visual")

    def test_3_a_kit_replaced_at_the_bank_is_not_made(self):
        self.desk("TRAVEL").printer.ask(cmd="hopper", count=0)
        kit = self.kit("TRAVEL")
        self.wait_job(kit, wait="supplies")
        self.branch.bank.call(MANAGE, {"entityId": self.bank_kit(kit)["entityId"], "oldKit": kit, "operation": "BLOCK"})
        self.assertEqual(self.wait_job(kit, state="CANCELLED")["plastics"], 0)
        self.reported(kit, "BLOCKED", "RETURNED")
        self.desk("TRAVEL").printer.ask(cmd="hopper", count=20)

    def test_4_a_pin_by_mail(self):
        lost, refused, kit = self.kit("TRAVEL"), self.kit("TRAVEL"), self.kit("TRAVEL")
        self.by_mail = {kit, lost}
        for k in (kit, refused, lost):
            self.made(k)
        self.operator("release", kit, "kiosk-1", code=1)
        self.operator("mailer", kit)
        self.wait_job(kit, state="DELIVERED")
        bank = self.bank_kit(kit)
        self.assertEqual((bank["status"], bank["deliveryStatus"], bank["pin_set"]), ("ACTIVE", "DELIVERED", False))
        self.operator("mailer", kit, code=1)
        self.assertEqual(self.branch.bank.state()["pin_mailers"], 1)

        self.fault(MAILER, status=400, exception="MCC007")
        self.operator("mailer", refused, code=1)
        self.wait_job(refused, state="OPERATOR_OK", wait="handover", code="MCC007")

        # Sent once, whatever the network does: a second mailer would undo the first.
        self.fault(MAILER, drop="after_commit")
        self.operator("mailer", lost, code=1)
        self.wait_job(lost, wait="pin_decision", needs_person=True)
        self.assertEqual((self.branch.bank.state()["pin_mailers"], self.bank_kit(lost)["activationCount"]), (2, 0))
        self.operator("job", "pin", lost, "set")
        self.wait_job(lost, state="DELIVERED")


if __name__ == "__main__":
    main()
