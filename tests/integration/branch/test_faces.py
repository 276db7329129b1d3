#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Cards with a printed back, and chips read by their antenna: made where a printer turns cards over, refused elsewhere before a card is fed."""
import json
import os

from pixels import read_png, values
from scenario import Scenario, main, wait_until

FACE = {"face": "two-sided-debit.json"}


class Faces(Scenario):
    stock = {"CLASSIC": 1, "TRAVEL": 2}
    # The second desk reads the chips of its cards, which have two interfaces, by their antenna.
    options = {"flips": ("none", "long"), "antennas": (False, True), "ribbon": "ymckok:50",
               "config": {"products": {"71": FACE, "72": {**FACE, "profile": "two-interfaces.json"}}}}

    def panels(self, kit, side):
        folder = self.branch.plastic_of(kit)[0]["folder"]
        return sorted(n for n in os.listdir(folder) if n.startswith(side + "-")), folder

    def test_1_both_faces_are_printed_with_one_set(self):
        kit = self.kit("TRAVEL")
        self.assertEqual(self.made(kit)["plastics"], 1)
        front, folder = self.panels(kit, "front")
        back, _ = self.panels(kit, "back")
        self.assertEqual(front, [f"front-{p}.png" for p in "ckmoy"])
        self.assertEqual(back, ["back-k.png"])
        self.assertEqual(values(read_png(os.path.join(folder, "back-k.png"))[3]), {0, 255})
        printer = self.branch.desks[1].printer.ask(cmd="state")
        self.assertEqual((printer["ribbon"]["remaining"], printer["violations"]), (49, 0))
        self.made_at_the_antenna(kit)

    def places_of(self, folder):
        with open(os.path.join(folder, "plastic.json")) as f:
            return [h["where"] for h in json.load(f)["history"]]

    def made_at_the_antenna(self, kit):
        """Chip and verify found the card there, and it never was at the contacts."""
        told = {e["step"]: e["evidence"]["where"] for e in self.history(kit) if e["kind"] == "OUTCOME"}
        self.assertEqual((told["chip"], told["verify"]), ("contactless", "contactless"))
        places = self.places_of(self.branch.plastic_of(kit)[0]["folder"])
        self.assertIn("contactless", places)
        self.assertNotIn("contact", places)
        self.assertEqual(self.branch.desks[1].card.ask(cmd="state")["violation_count"], 0)
        checks = {c["what"]: (c["verdict"], c["text"]) for c in self.branch.cli("doctor")["checks"]}
        self.assertEqual(checks["desk-2 chip station"], ("ok", "contactless"))
        self.assertNotIn("desk-1 chip station", checks)
        printers = {p["name"]: p for p in self.branch.cli("printers")["printers"]}
        self.assertIn("contactless", printers["desk-2"]["abilities"])

    def test_2_a_printer_of_one_face_refuses_before_a_card_is_fed(self):
        kit = self.kit("CLASSIC")
        job = self.wait_job(kit, code="PRT_SETUP_ERROR", plastics=0)
        printer = self.branch.desks[0].printer.ask(cmd="state")
        self.assertEqual((printer["counters"]["fed"], printer["violations"]), (0, 0))
        self.assertNotEqual(job["state"], "DONE")
        self.assertNotIn("feed", self.steps(kit))

    def test_3_a_card_jammed_between_its_faces_is_made_again(self):
        desk = self.branch.desks[1]
        desk.printer.ask(cmd="fault", name="jam", at={"command": "Sv"})
        kit = self.kit("TRAVEL")
        wait_until("the jam", lambda: desk.printer.ask(cmd="state")["jammed"])
        desk.printer.ask(cmd="clear", to="inside")
        job = self.wait_job(kit, state="SPOILED", wait="destroyed", code="PRD_FEEDER_JAM", where="reject")
        self.operator("job", "confirm-destroyed", job["job"])
        self.assertEqual(self.made(kit)["plastics"], 2)
        self.assertEqual(desk.printer.ask(cmd="state")["ribbon"]["remaining"], 47)

    def test_4_the_test_card_of_the_chip_goes_to_the_antenna_too(self):
        self.test_cards = ("desk-2",)
        self.operator("printer", "desk-2", "test-card", "chip")
        places = [self.places_of(p["folder"]) for p in self.plastics_at("output") if not p["personalised"]]
        self.assertEqual(len(places), 1)
        self.assertIn("contactless", places[0])
        self.assertNotIn("contact", places[0])


if __name__ == "__main__":
    main()
