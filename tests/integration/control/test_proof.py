# SPDX-License-Identifier: Apache-2.0
"""A product whose chip keeps the PIN, at a kiosk whose reader has a keypad: the chip's word on its new PIN, and what follows."""
import unittest

import test_kiosk
from rig import wait_for
from wire import fault


def says(outcome, tries=-1):
    return {"outcome": outcome, "tries": tries}


class ProofTest(unittest.TestCase):
    setUp = test_kiosk.KioskTest.setUp
    sealed = test_kiosk.KioskTest.sealed
    release = test_kiosk.KioskTest.release
    hand_over = test_kiosk.KioskTest.hand_over
    wait_end = test_kiosk.KioskTest.wait_end
    wait_delivered = test_kiosk.KioskTest.wait_delivered
    options = {"pin_proof": True}

    def audited(self):
        return [a["what"] for a in self.rig.cli("audit")["tail"]]

    def test_wrong_then_right(self):
        self.kiosk.keypad = [says("wrong", 2), says("right")]
        self.hand_over()
        self.wait_end("PIN SET")
        self.wait_delivered()
        self.assertEqual(self.kiosk.proofs, 2)
        self.assertNotIn("kiosk.chip_pin_not_proved", self.audited())

    def test_the_last_try_is_the_customers(self):
        """A person decides; nothing is asked that could lock the chip."""
        self.kiosk.keypad = [says("wrong", 1)]
        self.hand_over()
        self.wait_end("PLEASE ASK US")
        job = self.rig.job(self.kit)
        self.assertEqual((self.kiosk.proofs, job["wait"], job["code"]), (1, "pin_decision", "CHIP_PIN_DIFFERS"), job)
        self.rig.cli("job", "pin", self.kit, "not-set")
        self.kiosk.keypad, self.kiosk.pan = [says("right")], None
        self.hand_over()
        self.wait_delivered()

    def test_nobody_proves_it(self):
        """The chip took the script: a broken line or a customer who walks away takes nothing back, and is noted."""
        self.kiosk.keypad = [fault("RECONNECT", "the line to the reader broke")]
        self.hand_over()
        self.wait_end("PIN SET")
        self.wait_delivered()
        wait_for("the note", lambda: "kiosk.chip_pin_not_proved" in self.audited(), 5)

    def test_wrong_then_walks_away(self):
        """A wrong PIN is not forgotten because nothing better followed, however the second asking ends."""
        self.kiosk.keypad = [says("wrong", 2), says("cancelled")]
        self.hand_over()
        self.wait_end("PLEASE ASK US")
        job = self.rig.job(self.kit)
        self.assertEqual((self.kiosk.proofs, job["wait"], job["code"]), (2, "pin_decision", "CHIP_PIN_DIFFERS"), job)
        self.rig.cli("job", "pin", self.kit, "not-set")
        self.kiosk.shown.clear()
        self.kiosk.keypad, self.kiosk.pan = [says("wrong", 2), fault("RECONNECT", "the card was pulled")], None
        self.hand_over()
        self.wait_end("PLEASE ASK US")
        job = self.rig.job(self.kit)
        self.assertEqual((self.kiosk.proofs, job["wait"], job["code"]), (4, "pin_decision", "CHIP_PIN_DIFFERS"), job)
        self.assertNotIn("kiosk.chip_pin_not_proved", self.audited())


if __name__ == "__main__":
    unittest.main(verbosity=2)
