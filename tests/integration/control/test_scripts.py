# SPDX-License-Identifier: Apache-2.0
"""Issuer scripts by the word of two administrators: the kiosk waits for the card, sends once, and what came of it is on record."""
import grp
import json
import os
import subprocess
import unittest

import test_kiosk
from rig import BUILD, Rig, wait_for
from wire import fault

SECOND_UID = 65534


def said(outcome, **more):
    return {"outcome": outcome, "genuine": True, "atc": 7, "done": 1, "sw": "9000", "code": "", "text": "", **more}


@unittest.skipIf(os.getuid(), "a second user id needs root")
class ScriptTest(unittest.TestCase):
    sealed = test_kiosk.KioskTest.sealed

    def setUp(self):
        self.rig = Rig()
        self.group = grp.getgrgid(SECOND_UID)
        with open(self.rig.path("cardwright.json")) as f:
            config = json.load(f)
        config["agent"]["admin_group"] = self.group.gr_name
        config["agent"]["release_ttl_s"] = self.ttl_s()
        with open(self.rig.path("cardwright.json"), "w") as f:
            json.dump(config, f)
        os.chmod(self.rig.folder, 0o711)
        self.rig.start()
        self.addCleanup(self.rig.stop)
        self.kiosk = self.rig.kiosk
        self.kit = self.rig.order()[0]
        self.rig.make(self.kit)
        self.pan = self.rig.hsmd.pan_of(self.sealed())
        wait_for("PRODUCED at the server", lambda: self.rig.kit_at_bank(self.kit)["deliveryStatus"] == "BANK", 10)

    def ttl_s(self):
        """How long a card is waited for, and how long a row is shown."""
        return 10 if "expires" in self.id() else 600

    def second(self, *words):
        argv = [os.path.join(BUILD, "agent/cardwright"), "--json", "--socket", self.rig.path("run/control.sock"), *words]
        reader = os.open(argv[0], os.O_RDONLY)
        try:
            return subprocess.run([f"/proc/self/fd/{reader}", *argv[1:]], capture_output=True, text=True, check=False, timeout=60,
                                  user=SECOND_UID, group=self.group.gr_gid, extra_groups=[], pass_fds=[reader])
        finally:
            os.close(reader)

    def ordered(self, command):
        """Asked for by one, confirmed by the other."""
        order = self.rig.cli("kiosk", "script", self.kit, command, "kiosk-1")
        self.assertEqual(order["state"], "asked")
        done = self.second("kiosk", "confirm", order["id"])
        self.assertEqual(done.returncode, 0, done.stderr)
        return order["id"]

    def row(self, order):
        return [o for o in self.rig.cli("kiosk", "scripts")["scripts"] if o["id"] == order][0]

    def ended(self, order):
        wait_for("the script to be over", lambda: self.row(order)["state"] in ("done", "not_done", "unknown"), 30)
        wait_for("the kiosk to be free", lambda: self.kiosk.ticket is None, 10)
        wait_for("no session to be left", lambda: not self.rig.hsmd.reap(), 10)
        return self.row(order)

    def audited(self):
        return [a["what"] for a in self.rig.cli("audit")["tail"] if a["what"].startswith("kiosk.script")]

    def test_1_each_command_is_sent_once(self):
        for command, word in (("block-application", "application-block"), ("unblock-application", "application-unblock"),
                              ("unblock-pin", "pin-unblock"), ("block-card", "card-block")):
            self.kiosk.pan, self.kiosk.scripts = None, []
            order = self.ordered(command)
            wait_for("the kiosk to ask for a card", lambda: self.kiosk.ticket, 10)
            self.assertEqual(self.row(order)["state"], "confirmed")
            self.kiosk.pan = self.pan
            row = self.ended(order)
            self.assertEqual((row["state"], row["sw"], row["atc"], row["command"]), ("done", "9000", 7, word), row)
            self.assertEqual(self.kiosk.scripts, [[word]])
            self.assertEqual(self.kiosk.pins, 0)
            self.assertEqual(self.audited()[-4:], ["kiosk.script.asked", "kiosk.script.confirmed", "kiosk.script.sent",
                                                   "kiosk.script.ended"])

    def test_2_one_person_is_not_enough(self):
        order = self.rig.cli("kiosk", "script", self.kit, "block-card", "kiosk-1")
        done = self.rig.cli_raw("kiosk", "confirm", order["id"])
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("another administrator", done.stderr)
        self.assertNotEqual(self.rig.cli_raw("kiosk", "script", self.kit, "unblock-pin", "kiosk-1").returncode, 0)
        self.kiosk.pan = self.pan
        self.rig.settle(1)
        self.assertEqual((self.kiosk.begun, self.row(order["id"])["state"]), (0, "asked"))
        self.rig.cli("kiosk", "drop", order["id"])
        self.assertNotEqual(self.second("kiosk", "confirm", order["id"]).returncode, 0)
        for words in ((self.kit, "change-pin", "kiosk-1"), (self.kit, "block-card", "s1"), (self.kit, "block-card", "nowhere")):
            self.assertNotEqual(self.rig.cli_raw("kiosk", "script", *words).returncode, 0)

    def test_3_a_lost_answer_is_unknown_and_not_repeated(self):
        self.kiosk.script_reply = fault("RECONNECT", "the line to the station broke")
        self.kiosk.pan = self.pan
        row = self.ended(self.ordered("block-application"))
        self.assertEqual(row["state"], "unknown")
        self.rig.settle(3)  # longer than the kiosk rests
        self.assertEqual(self.kiosk.scripts, [["application-block"]])
        self.kiosk.script_reply = said("not_done", sw="6985", text="the card refuses the bank's script")
        row = self.ended(self.ordered("unblock-pin"))
        self.assertEqual((row["state"], row["sw"]), ("not_done", "6985"))

    def test_4_another_card_gets_nothing(self):
        other = self.rig.order(order_id="ORD-2")[0]
        self.rig.make(other)
        kit, self.kit = self.kit, other
        self.kiosk.pan = self.rig.hsmd.pan_of(self.sealed())
        self.kit = kit
        order = self.ordered("block-application")
        wait_for("the card to be refused", lambda: "not the one of kit" in self.row(order)["text"], 20)
        self.assertEqual((self.row(order)["state"], self.kiosk.scripts), ("confirmed", []))
        self.assertNotIn("kiosk.script.sent", self.audited())
        self.kiosk.pan = self.pan
        self.assertEqual(self.ended(order)["state"], "done")
        self.assertEqual(self.kiosk.scripts, [["application-block"]])

    def test_5_taken_back_while_the_card_is_waited_for(self):
        order = self.ordered("block-card")
        wait_for("the kiosk to ask for a card", lambda: self.kiosk.ticket, 10)
        self.rig.cli("kiosk", "drop", order)
        wait_for("the kiosk to be free", lambda: self.kiosk.ticket is None, 10)
        wait_for("no session to be left", lambda: not self.rig.hsmd.reap(), 10)
        self.kiosk.pan = self.pan
        self.rig.settle(3)  # longer than the kiosk rests
        self.assertEqual((self.kiosk.scripts, self.rig.cli("kiosk", "scripts")["scripts"]), ([], []))
        self.assertEqual(self.audited()[-1], "kiosk.script.dropped")

    def test_6_a_blocked_card_does_not_say_which_one_it_is(self):
        self.kiosk.begin_reply = fault("REJECT", "the payment application cannot be selected")
        self.kiosk.begin_reply["error"]["native"] = 0x6a81
        self.kiosk.pan = self.pan
        row = self.ended(self.ordered("block-card"))
        self.assertEqual((row["state"], self.kiosk.scripts), ("unknown", []), row)
        self.assertIn("which one", row["text"])
        self.assertEqual(self.audited()[-1], "kiosk.script.ended")

    def test_7_done_by_a_card_that_is_not_genuine_is_unknown(self):
        self.kiosk.script_reply = said("done", genuine=False)
        self.kiosk.pan = self.pan
        self.assertEqual(self.ended(self.ordered("unblock-pin"))["state"], "unknown")

    def test_8_no_card_in_time_expires_on_record(self):
        order = self.ordered("block-application")
        self.assertEqual(self.ended(order)["state"], "not_done")
        wait_for("the record", lambda: "kiosk.script.expired" in self.audited(), 10)
        self.assertEqual((self.audited().count("kiosk.script.expired"), self.kiosk.scripts), (1, []))


if __name__ == "__main__":
    unittest.main(verbosity=2)
