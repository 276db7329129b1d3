#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The plug of a chip reader is pulled while a chip is personalised. pcscd goes on: only this reader is gone."""
from scenario import Scenario, main, wait_until


class Unplug(Scenario):
    stock = {"CLASSIC": 2, "TRAVEL": 1}
    options = {"unpluggable": True}

    def reader(self, name="desk-1"):
        return [s for s in self.branch.cli("status")["stations"] if s["name"] == name][0]["reader"]

    def pull(self, ins, nth=1):
        """The plug is pulled while the chip thinks about this command; the kit."""
        before = self.hits()
        self.desk().card.ask(cmd="fault", kind="late", ins=ins, nth=nth, ms=1500)
        kit = self.kit()
        wait_until("the chip to be at work", lambda: self.hits() == before + 1)
        self.branch.unplug_reader("desk-1")
        return kit

    def hits(self):
        return self.log_of("apdu-desk-1").count(", fault")

    def plug(self):
        self.branch.plug_reader("desk-1")
        wait_until("the reader to be seen", lambda: self.reader()["present"])

    def missed(self):
        """Status and doctor name the reader that is gone, and pcscd is not to blame."""
        wait_until("the reader to be missed", lambda: not self.reader()["present"])
        self.assertEqual((self.reader()["service"], self.reader("kiosk-1")["present"]), (True, True))
        check = [c for c in self.branch.cli("doctor")["checks"] if c["what"] == "desk-1 reader"][0]
        self.assertEqual(check["verdict"], "fail")
        self.assertTrue(check["todo"])

    def test_1_after_the_key_a_person_confirms_the_card(self):
        other = self.kit("TRAVEL")
        kit = self.pull("E2", 3)
        self.missed()
        self.made(other)  # the other desk does not notice
        job = self.wait_job(kit, state="SPOILED", wait="destroyed", needs_person=True)
        self.assertEqual((job["where"], self.attempts(kit)), ("reject", 1))
        self.plug()
        self.operator("job", "confirm-destroyed", job["job"])
        self.assertEqual(self.made(kit)["plastics"], 2)
        self.assertEqual(self.attempts(kit), 2)

    def test_2_before_the_key_the_card_is_tried_again_or_remade(self):
        """On a machine that stalls for longer than the chip thinks, the plug comes out behind the key: the attempt tells."""
        kit = self.pull("50")
        self.missed()
        self.plug()
        job = self.branch.wait_jobs(f"kit {kit} to be made or spoiled", lambda jobs: [
            j for j in jobs if j["kit"] == kit and j["wait"] in ("handover", "destroyed")], 30)[0]
        self.assertEqual(self.attempts(kit), 1)
        if job["wait"] == "handover":
            self.assertEqual(job["state"], "OPERATOR_OK")
            self.assertIn(job["plastics"], (1, 2))
            return
        self.operator("job", "confirm-destroyed", job["job"])
        self.made(kit)
        self.assertEqual(self.attempts(kit), 2)


if __name__ == "__main__":
    main()
