#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What only a person can say: how a finished card looks, what became of a step nobody can prove, that the cover is closed."""
import json
import os

from scenario import Scenario, main, wait_until


class Person(Scenario):
    stock = {"CLASSIC": 4, "TRAVEL": 5}
    options = {"config": {"products": {"72": {"visual_check": "operator"}}}}

    def into_the_box(self, kit):
        """A person takes the card out of the tray and drops it into the locked reject box."""
        folder = self.hand_out(kit)
        path = os.path.join(folder, "plastic.json")
        with open(path) as f:
            plastic = json.load(f)
        plastic["where"] = "reject"
        with open(path, "w") as f:
            json.dump(plastic, f)

    def to_look_at(self, kit):
        job = self.wait_job(kit, state="PRINT", wait="visual", needs_person=True)
        self.assertEqual(self.branch.cli_raw("job", kit).returncode, 4)
        self.assertIn("cardwright job visual", self.branch.cli_raw("jobs").stdout)
        # Nothing is told and nothing handed over before somebody has looked.
        self.assertEqual(self.bank_kit(kit)["deliveryStatus"], "IN_TRANSIT")
        self.operator("release", kit, "kiosk-1", code=1)
        return job

    def uncounted(self, desk, *faults):
        """This printer does not tell its counters: what it did cannot be proven."""
        desk.printer.ask(cmd="fault", name="error_cde", text="Rco", count=0)
        for fault in faults:
            desk.printer.ask(cmd="fault", **fault)

    def test_1_a_card_that_looks_good_and_one_that_does_not(self):
        plain, good, bad = self.kit("CLASSIC"), self.kit("TRAVEL"), self.kit("TRAVEL")
        for kit in (good, bad):
            self.to_look_at(kit)
        actors = {r["actor"] for r in self.branch.cli("audit")["tail"]}
        self.assertNotIn("station", actors)  # always which one
        self.assertTrue(actors & {"station:desk-1", "station:desk-2"}, actors)
        self.made(plain)  # a product that nobody needs to look at
        self.operator("job", "visual", plain, "good", code=1)
        self.operator("job", "visual", good, "good")
        self.made(good)
        self.operator("job", "visual", bad, "bad")
        job = self.wait_job(bad, state="SPOILED", wait="destroyed", code="PRD_FINAL_VALIDATION_NOK", needs_person=True)
        self.operator("job", "visual", bad, "good", code=1)
        self.into_the_box(bad)
        self.operator("job", "confirm-destroyed", job["job"])
        self.assertEqual(self.to_look_at(bad)["plastics"], 2)
        self.operator("job", "visual", bad, "good")
        self.made(bad)

    def test_2_a_bad_card_that_is_not_made_again(self):
        kit = self.kit("TRAVEL")
        job = self.to_look_at(kit)
        self.operator("job", "visual", kit, "bad")
        self.into_the_box(kit)
        self.operator("job", "confirm-destroyed", job["job"], "--no-remake")
        self.wait_job(kit, state="FAILED", code="PRD_FINAL_VALIDATION_NOK")
        wait_until("the report", lambda: self.bank_kit(kit)["deliveryStatus"] == "RETURNED")

    def test_3_a_print_that_nobody_can_prove_is_called_done(self):
        self.uncounted(self.desk(), {"name": "garbage", "at": {"command": "Se"}})
        kit = self.kit()
        job = self.wait_job(kit, state="IN_DOUBT", wait="decision", needs_person=True)
        self.operator("job", "decide", job["job"], "not_done", code=1)  # ink may be on it
        self.operator("job", "decide", job["job"], "done")
        self.assertEqual(self.made(kit)["plastics"], 1)
        self.assertEqual(len(self.branch.plastic_of(kit)), 1)

    def test_4_a_feed_that_nobody_can_prove_is_called_not_done(self):
        self.uncounted(self.desk(), {"name": "feed_fail"}, {"name": "garbage", "at": {"command": "Si"}})
        kit = self.kit()
        job = self.wait_job(kit, state="IN_DOUBT", wait="decision", needs_person=True)
        self.assertEqual(self.steps(kit), ["feed"])
        self.desk().printer.ask(cmd="faults_off")
        self.operator("job", "decide", job["job"], "not_done")
        self.assertEqual(self.made(kit)["plastics"], 1)

    def test_5_the_cover_is_opened_while_a_card_moves(self):
        """While it is fed and while it goes to the contacts: nothing but the cover's closing is needed from the person."""
        self.desk("CLASSIC").printer.ask(cmd="fault", name="cover_open", at={"command": "Si"})
        self.desk("TRAVEL").printer.ask(cmd="fault", name="cover_open", at={"command": "Sis"})
        kits = self.kit("CLASSIC"), self.kit("TRAVEL")
        for kit, desk in zip(kits, self.branch.desks):
            job = self.wait_job(kit, state="SPOILED", wait="supplies", code="PRT_COVER_OPEN", needs_person=True)
            self.assertEqual((job["plastics"], self.attempts(kit)), (1, 0))
            self.assertIn("PRT_COVER_OPEN", self.branch.cli_raw("jobs").stdout)
            desk.printer.ask(cmd="clear", to="inside")
        self.assertEqual(self.made(kits[0])["plastics"], 2)
        self.assertEqual(self.wait_job(kits[1], wait="visual")["plastics"], 2)
        self.operator("job", "visual", kits[1], "good")
        self.made(kits[1])


if __name__ == "__main__":
    main()
