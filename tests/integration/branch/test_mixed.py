#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A mixed fleet: the main job again, with an Evolis printer on one desk and a Magicard on the other."""
import test_main_job
from scenario import main


class MixedFleet(test_main_job.MainJob):
    options = {"families": ("evolis", "magicard")}
    stock = {"CLASSIC": 3, "TRAVEL": 6}

    def magicard(self, **request):
        return self.branch.desks[1].printer.ask(**request)

    def test_0_each_desk_has_its_printer(self):
        stations = {s["name"]: s["printer"] for s in self.branch.cli("status")["stations"] if s["kind"] == "issue"}
        self.assertIn("Primacy", stations["desk-1"]["model"])
        self.assertEqual(stations["desk-2"]["model"], "Enduro+")
        self.assertEqual(stations["desk-2"]["state"], "ready")

    def test_3_an_empty_feeder_is_found_by_trying(self):
        self.magicard(cmd="hopper", count=0)
        kit = self.kit("TRAVEL")
        self.wait_job(kit, wait="supplies", code="PRD_FEEDER_EMPTY", plastics=0)
        self.magicard(cmd="hopper", count=20)
        self.assertEqual(self.made(kit)["plastics"], 1)

    def test_4_what_this_printer_cannot_tell_a_person_decides(self):
        """A print that breaks off is in doubt: nothing goes on by itself, and the next card is another plastic."""
        self.magicard(cmd="fault", name="ribbon_end", at={"panel": "m"})
        kit = self.kit("TRAVEL")
        job = self.wait_job(kit, state="IN_DOUBT", wait="decision", needs_person=True)
        self.magicard(cmd="clear", to="reject")
        self.magicard(cmd="ribbon", kind="ymcko", remaining=100)
        self.operator("job", "decide", job["job"], "spoiled")
        self.wait_job(kit, state="SPOILED", wait="destroyed")
        self.operator("job", "confirm-destroyed", job["job"])
        self.assertEqual(self.made(kit)["plastics"], 2)
        self.assertEqual(self.attempts(kit), 2)

    def test_5_without_a_reject_box_the_card_comes_out_to_a_person(self):
        self.branch.desks[1].card.ask(cmd="fault", kind="sw", ins="E2", nth=3, sw="6F00")
        before = len(self.magicard(cmd="state")["output"])
        kit = self.kit("TRAVEL")
        job = self.wait_job(kit, state="SPOILED", wait="destroyed", where="output", needs_person=True)
        self.branch.desks[1].card.ask(cmd="fault", kind="none")
        self.assertEqual(len(self.magicard(cmd="state")["output"]), before + 1)
        self.operator("job", "confirm-destroyed", job["job"])
        self.assertEqual(self.made(kit)["plastics"], 2)

    def test_6_the_station_is_started_again_between_two_cards(self):
        """It does not know whether a card is inside; the first feed makes sure."""
        desk = self.branch.desks[1]
        desk.station.stop()
        self.branch.start_station(desk)
        self.assertEqual(self.made(self.kit("TRAVEL"))["plastics"], 1)


if __name__ == "__main__":
    main()
