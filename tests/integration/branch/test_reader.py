#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Chips that die, readers that vanish: before the first key the card is tried again or remade, after it a person is asked."""
import os

from scenario import Scenario, main, wait_until


class Reader(Scenario):
    stock = {"CLASSIC": 8, "TRAVEL": 7}

    def at(self, product, kind, ins, nth=1, **more):
        """The next card of this desk has a chip that fails there; its kit."""
        self.desk(product).card.ask(cmd="fault", kind=kind, ins=ins, nth=nth, **more)
        return self.kit(product)

    def finished(self, kit, plastics):
        """Made, and each plastic drawn saw at most one key."""
        job = self.made(kit)
        self.assertEqual(job["plastics"], plastics)
        self.assertEqual(len(self.branch.plastic_of(kit)), plastics)
        return job

    def asks_for_person(self, kit, decide=False):
        """The key was tried and the chip is not done: the card is rejected and a person confirms, then it is remade."""
        if decide:
            job = self.wait_job(kit, state="IN_DOUBT", wait="decision", needs_person=True)
            self.operator("job", "decide", job["job"], "spoiled")
        job = self.wait_job(kit, state="SPOILED", wait="destroyed", needs_person=True)
        self.assertEqual((job["where"], job["code"], self.attempts(kit)), ("reject", "PRD_SMARTCARD", 1))
        self.operator("job", "confirm-destroyed", job["job"])

    def test_1_a_chip_that_dies_before_its_first_key(self):
        a = self.at("CLASSIC", "die", "50", reconnect=True)
        b = self.at("TRAVEL", "die", "A4")
        for kit in (a, b):
            job = self.made(kit)
            self.assertIn(job["plastics"], (1, 2))
            self.assertEqual(self.attempts(kit), 1)

    def test_2_a_chip_that_dies_at_its_key_or_right_after(self):
        a = self.at("CLASSIC", "die", "82")
        b = self.at("TRAVEL", "tear", "82")
        self.asks_for_person(a)
        self.asks_for_person(b)
        self.finished(a, 2)
        self.finished(b, 2)

    def test_3_a_chip_that_dies_while_it_is_personalised(self):
        a = self.at("CLASSIC", "die", "E2", 1)
        b = self.at("TRAVEL", "tear", "E2", 5)
        self.asks_for_person(a)
        self.asks_for_person(b)
        self.finished(a, 2)
        self.finished(b, 2)

    def test_4_the_answer_of_the_last_command_is_lost(self):
        """Done or not: the chip itself is asked, and only a chip that cannot answer is for a person."""
        a = self.at("CLASSIC", "tear", "E2", 10)
        b = self.at("TRAVEL", "die", "E2", 10)
        self.finished(a, 1)
        verdict = [e for e in self.history(a) if e["type"] == "verdict"][0]
        self.assertEqual(verdict["evidence"]["verdict"], "done")
        self.asks_for_person(b, decide=True)
        self.finished(b, 2)

    def test_5_another_chip_under_the_contacts(self):
        """Before the first key the printer brings its own card back, or a new one; after it the card is rejected. Never the other chip."""
        others = [self.branch.path("other-" + name) for name in ("a", "b")]
        for folder in others:
            os.mkdir(folder)
        a = self.at("CLASSIC", "swap", "50", plastic=others[0])
        b = self.at("TRAVEL", "swap", "E2", 3, plastic=others[1])
        self.asks_for_person(b)
        self.finished(a, self.made(a)["plastics"])
        self.assertIn(self.made(a)["plastics"], (1, 2))
        self.finished(b, 2)
        self.assertEqual((self.attempts(a), self.attempts(b)), (1, 2))
        for folder in others:
            self.assertFalse(self.desk().card.ask(cmd="state", plastic=folder)["personalised"])

    def test_6_a_chip_that_dies_when_it_is_checked(self):
        """A contact lost while the chip is read is made anew, and it is read again; a chip that refuses is not handed out."""
        a = self.at("CLASSIC", "die", "AE")
        b = self.at("TRAVEL", "sw", "AE", sw="6985")
        self.asks_for_person(b)
        self.finished(a, 1)
        self.finished(b, 2)

    def test_7_pcscd_is_killed_before_and_after_the_key(self):
        """One service, two desks: one card has not seen a key yet, the other is half personalised."""
        before = self.hits()
        a = self.at("CLASSIC", "late", "50", ms=4000)
        b = self.at("TRAVEL", "late", "E2", 5, ms=4000)
        wait_until("both slow chips", lambda: self.hits() == [n + 1 for n in before])
        self.branch.pcscd.kill()
        self.branch.start_pcscd()
        self.asks_for_person(b)
        self.finished(b, 2)
        job = self.made(a)
        self.assertIn(job["plastics"], (1, 2))
        self.assertEqual(self.attempts(a), 1)

    def test_8_no_card_is_fed_while_pcscd_is_away(self):
        self.branch.pcscd.kill()
        wait_until("the readers to be missed", lambda: not any(
            s["reader"]["service"] for s in self.branch.cli("status")["stations"]))
        checks = [c for c in self.branch.cli("doctor")["checks"] if c["what"].endswith("reader")]
        self.assertEqual({c["verdict"] for c in checks}, {"fail"})
        kit = self.kit("CLASSIC")
        self.wait_job(kit, wait="supplies", code="PRT_NOT_REACHABLE", plastics=0)
        self.branch.start_pcscd()
        self.finished(kit, 1)

    def hits(self):
        """How many chip faults have hit so far, of each desk."""
        return [self.log_of("apdu-" + d.name).count(", fault") for d in self.branch.desks]


if __name__ == "__main__":
    main()
