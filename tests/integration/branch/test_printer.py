#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Printers in trouble. Each job ends where it should, and every plastic lies where the books say. Two desks, two troubles."""
import os

from scenario import BranchError, Scenario, main, wait_until


class Printer(Scenario):
    stock = {"CLASSIC": 6, "TRAVEL": 6}

    def setUp(self):
        self.first, self.second = self.branch.desks
        for desk in self.branch.desks:
            desk.printer.ask(cmd="ribbon", kind="ymcko", remaining=100)
            desk.rejected = len(self.state(desk)["reject"])

    def state(self, desk):
        return desk.printer.ask(cmd="state")

    def both(self, first, second):
        """The same moment, another fault at each desk; a kit for each."""
        if first:
            self.first.printer.ask(cmd="fault", **first)
        if second:
            self.second.printer.ask(cmd="fault", **second)
        return self.kit("CLASSIC"), self.kit("TRAVEL")

    def rejected(self, desk):
        """Plastics that came into the reject box in this test; none is left in the path."""
        state = self.state(desk)
        self.assertEqual((state["card"], state["jammed"]), (None, False), desk.name)
        return len(state["reject"]) - desk.rejected

    def remade(self, kit, desk):
        """One plastic in the reject box, one in the tray."""
        job = self.made(kit)
        self.assertEqual((job["plastics"], self.rejected(desk)), (2, 1))
        return job

    def confirm(self, kit, desk, code):
        """A card that saw a key: a person confirms that it is in the reject box, then it is made again."""
        job = self.wait_job(kit, state="SPOILED", wait="destroyed", needs_person=True)
        self.assertEqual((job["code"], job["where"], self.rejected(desk)), (code, "reject", 1))
        self.assertEqual(self.branch.cli_raw("job", kit).returncode, 4)
        self.operator("job", "confirm-destroyed", job["job"])

    def free(self, desk):
        """A person opens the cover, frees the card and closes it: the printer goes on with the card."""
        wait_until("the jam", lambda: self.state(desk)["jammed"])
        desk.printer.ask(cmd="clear", to="inside")

    def test_1_what_is_missing_before_a_card_is_fed_only_waits(self):
        one, two = self.first.printer, self.second.printer
        one.ask(cmd="cover", open=True)
        two.ask(cmd="hopper", count=0)
        a, b = self.both(None, None)
        self.wait_job(a, wait="supplies", code="PRT_COVER_OPEN", plastics=0, needs_person=True)
        self.wait_job(b, wait="supplies", code="PRD_FEEDER_EMPTY", plastics=0)
        self.assertEqual(self.branch.cli_raw("status").returncode, 4)
        one.ask(cmd="fault", name="reject_full", count=0)
        one.ask(cmd="cover", open=False)
        self.wait_job(a, wait="supplies", code="PRD_REJECT_FULL", plastics=0)
        two.ask(cmd="ribbon", kind="ymcko", remaining=0)
        two.ask(cmd="hopper", count=20)
        self.wait_job(b, wait="supplies", code="PRT_RIBBON_ENDED", plastics=0)
        with self.assertRaisesRegex(BranchError, "no card is there"):
            one.ask(cmd="take_reject")  # what filled the box was not ours
        two.ask(cmd="ribbon", kind="ymcko", remaining=100)
        self.assertEqual((self.made(a)["plastics"], self.made(b)["plastics"]), (1, 1))

    def test_2_unplugged_while_printing_and_jammed_before_the_chip(self):
        a, b = self.both({"name": "unplug", "at": {"panel": "c"}, "ms": 700}, {"name": "jam", "at": {"command": "Sis"}})
        # Nobody knows how much was printed, but where the card is: a person decides, the machine rejects it.
        job = self.wait_job(a, state="IN_DOUBT", wait="decision", where="print", needs_person=True)
        self.assertEqual(job["code"], "PRT_NOT_REACHABLE")
        self.operator("job", "decide", job["job"], "spoiled")
        self.free(self.second)
        self.confirm(a, self.first, "PRT_NOT_REACHABLE")
        self.remade(a, self.first)
        self.remade(b, self.second)
        self.assertEqual((self.attempts(a), self.attempts(b)), (2, 1))

    def test_3_jammed_after_the_chip_and_a_ribbon_that_ends_in_a_panel(self):
        a, b = self.both({"name": "jam", "at": {"panel": "c"}}, {"name": "ribbon_end", "at": {"panel": "m"}})
        self.free(self.first)
        self.confirm(a, self.first, "PRD_FEEDER_JAM")
        self.second.printer.ask(cmd="ribbon", kind="ymcko", remaining=100)
        job = self.wait_job(b, state="SPOILED", wait="destroyed", code="PRT_RIBBON_ENDED", where="reject")
        self.operator("job", "confirm-destroyed", job["job"], "--no-remake")
        self.wait_job(b, state="FAILED", code="PRT_RIBBON_ENDED")
        self.remade(a, self.first)
        self.assertEqual(self.rejected(self.second), 1)
        self.assertEqual(self.bank_kit(b)["deliveryStatus"], "RETURNED")

    def test_4_a_stripe_that_cannot_be_written_is_remade_once(self):
        a, b = self.both({"name": "mag_blank"}, {"name": "mag_write_fail", "count": 0})
        self.assertEqual(self.remade(a, self.first)["remakes"], 1)
        job = self.wait_job(b, state="FAILED", code="PRD_MAGSTRIPE")
        self.assertEqual((job["plastics"], job["remakes"], self.rejected(self.second)), (2, 1, 2))
        self.assertEqual((self.attempts(a), self.attempts(b)), (1, 0))
        self.assertEqual(self.steps(b), ["feed", "stripe", "reject"] * 2)

    def test_5_power_lost_while_encoding_and_an_answer_that_makes_no_sense(self):
        a, b = self.both({"name": "power_cycle", "at": {"command": "Smw"}, "ms": 300},
                         {"name": "garbage", "at": {"command": "Se"}, "text": "@#!"})
        job = self.wait_job(a, state="IN_DOUBT", wait="decision", where="print", code="PRT_NOT_REACHABLE")
        self.operator("job", "decide", job["job"], "spoiled")
        self.confirm(a, self.first, "PRT_NOT_REACHABLE")
        self.remade(a, self.first)
        # The last answer is unreadable, and the counters say that the card was printed and is out.
        job = self.made(b)
        self.assertEqual((job["plastics"], len(self.branch.plastic_of(b))), (1, 1))
        verdict = [e for e in self.history(b) if e["type"] == "verdict"][0]
        self.assertEqual(verdict["evidence"]["verdict"], "done")

    def test_6_the_printed_faces_of_remade_cards_are_whole(self):
        made = [p for p in self.branch.plastics() if p["where"] == "output" and p["personalised"]]
        self.assertGreater(len(made), 5)
        for plastic in made:
            panels = [n for n in os.listdir(plastic["folder"]) if n.startswith("front-")]
            self.assertEqual(sorted(panels), [f"front-{p}.png" for p in "ckmoy"])


if __name__ == "__main__":
    main()
