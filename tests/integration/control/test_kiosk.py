# SPDX-License-Identifier: Apache-2.0
"""Hand-over: a released card, the customer's PIN, setPin at the real server; and everything that can go wrong in between."""
import unittest

from rig import Rig, wait_for
from wire import fault

DELIVERY = "/inventory/update/deliveryStatus"


class KioskTest(unittest.TestCase):
    options = {}

    def setUp(self):
        self.rig = Rig(**self.options).start()
        self.addCleanup(self.rig.stop)
        self.kiosk = self.rig.kiosk
        self.kit = self.rig.order()[0]
        self.job = self.rig.make(self.kit)["job"]
        self.pan = self.rig.hsmd.pan_of(self.sealed())
        wait_for("PRODUCED at the server", lambda: self.rig.kit_at_bank(self.kit)["deliveryStatus"] == "BANK", 10)

    def sealed(self):
        """encryptedCardNumber of the kit, as the teller's system would read it."""
        entity = self.rig.kit_at_bank(self.kit)["entityId"]
        answer = self.rig.bank.call("/kit-manager/v2/fetchKitsByEntityId", {"entityId": entity})
        kits = answer if isinstance(answer, list) else answer.get("kitList") or answer.get("kits") or [answer]
        return next(k for k in kits if str(k["kitNo"]) == str(self.kit))["encryptedCardNumber"]

    def release(self):
        return self.rig.cli("release", self.kit, "kiosk-1")

    def hand_over(self):
        """The customer with the card comes to the kiosk after the teller's release."""
        self.release()
        wait_for("the kiosk to ask for a card", lambda: self.kiosk.ticket, 5)
        self.kiosk.pan = self.pan

    def wait_end(self, text):
        wait_for(f"{text} on the kiosk", lambda: self.kiosk.shown and self.kiosk.shown[-1] == text, 15)
        wait_for("the kiosk to be free", lambda: self.kiosk.ticket is None, 5)
        wait_for("no session to be left", lambda: not self.rig.hsmd.reap(), 5)

    def wait_delivered(self):
        self.rig.wait_job(self.kit, "delivery", lambda j: j["state"] == "DELIVERED")
        bank = self.rig.kit_at_bank(self.kit)
        self.assertTrue(bank["pin_set"])
        self.assertEqual((bank["status"], bank["deliveryStatus"], bank["activationCount"]), ("ACTIVE", "DELIVERED", 1))
        stock = self.rig.cli("stock")
        self.assertEqual((stock["delivered"], stock["closed"]), (1, True))

    def test_equal(self):
        self.hand_over()
        self.wait_end("PIN SET")
        self.wait_delivered()
        self.assertEqual(self.rig.bank.state()["duplicate_activations"], 0)

    def test_no_release_no_card_wanted(self):
        self.kiosk.pan = self.pan
        self.rig.settle(2)
        self.assertEqual((self.kiosk.begun, self.kiosk.pins), (0, 0))
        self.assertEqual(self.rig.cli_raw("release", self.kit, "s1").returncode, 2)
        self.assertEqual(self.rig.cli_raw("release", "4240189999", "kiosk-1").returncode, 1)

    def test_outcomes_that_set_nothing(self):
        """Each ends the hand-over; a new release begins a new one."""
        for outcome, text in (("mismatch", "PINS DIFFER"), ("cancelled", "CANCELLED"), ("timeout", "TIME IS UP"),
                              ("weak", "PIN TOO SIMPLE"), ("pad_error", "PIN PAD ERROR"), ("strange", "PIN NOT SET")):
            with self.subTest(outcome=outcome):
                self.kiosk.outcome, self.kiosk.pan = outcome, None
                self.kiosk.shown.clear()
                self.hand_over()
                self.wait_end(text)
                self.assertEqual(self.rig.job(self.kit)["wait"], "handover")
                self.assertFalse(self.rig.kit_at_bank(self.kit)["pin_set"])
        self.kiosk.outcome, self.kiosk.pan = "equal", None
        self.hand_over()
        self.wait_delivered()

    def test_a_pad_that_is_away_keeps_the_hand_over_open(self):
        """One release: the kiosk begins again by itself until the pad is back."""
        self.kiosk.outcome = "pad_away"
        self.hand_over()
        wait_for("a second try", lambda: self.kiosk.pins >= 2, 15)
        self.assertFalse(self.rig.kit_at_bank(self.kit)["pin_set"])
        self.kiosk.outcome = "equal"
        self.wait_delivered()
        notes = [a["what"] for a in self.rig.cli("audit")["tail"]]
        self.assertIn("release.reopened", notes)

    def test_not_genuine(self):
        self.kiosk.genuine = False
        self.hand_over()
        self.wait_end("CARD REFUSED")
        self.assertEqual(self.kiosk.pins, 0)
        self.assertIn("kiosk.not_genuine", [a["what"] for a in self.rig.cli("audit")["tail"]])

    def test_another_card(self):
        """A card the branch does not know, and the server neither."""
        self.release()
        wait_for("the kiosk to ask for a card", lambda: self.kiosk.ticket, 5)
        self.kiosk.pan = self.pan[:6] + "0000000000"
        self.wait_end("CARD REFUSED")
        self.assertEqual(self.kiosk.pins, 0)

    def test_card_of_another_kit(self):
        """Released is the first kit; the second one's card is not accepted in its place."""
        other = self.rig.order(order_id="ORD-2")[0]
        self.rig.make(other)
        first, self.kit = self.kit, other
        wrong = self.rig.hsmd.pan_of(self.sealed())
        self.kit = first
        self.release()
        wait_for("the kiosk to ask for a card", lambda: self.kiosk.ticket, 5)
        self.kiosk.pan = wrong
        self.wait_end("PLEASE ASK US")
        self.assertEqual(self.kiosk.pins, 0)

    def test_lost_answer_is_asked_again(self):
        """setPin arrives, its answer does not: the same bytes again, and it is set once."""
        self.rig.bank.sim("POST", "/faults", {"faults": [{"endpoint": "/kit-manager/v2/setPin", "drop": "after_commit"}]})
        self.hand_over()
        self.wait_end("PIN SET")
        self.wait_delivered()

    def deliveries(self):
        return self.rig.bank.state()["calls"].get(DELIVERY, 0)

    def test_a_delivery_status_that_arrived_is_read_back_and_not_sent_again(self):
        """Every answer is lost; then the agent dies before it noted that the server has it. Only reading tells."""
        self.rig.bank.sim("POST", "/faults", {"faults": [{"endpoint": DELIVERY, "drop": "after_commit", "count": 0}]})
        self.hand_over()
        wait_for("DELIVERED at the server", lambda: self.rig.kit_at_bank(self.kit)["deliveryStatus"] == "DELIVERED", 30)
        self.rig.kill_agent()
        before = self.deliveries()
        self.rig.start_agent()
        self.wait_delivered()
        self.assertEqual(self.deliveries(), before)

    def test_pin_in_doubt(self):
        """Set or not, nobody knows: nothing is activated before a person has asked the bank."""
        self.rig.bank.sim("POST", "/faults", {"faults": [{"endpoint": "/kit-manager/v2/setPin", "drop": "after_commit", "count": 0},
                                                         {"endpoint": "/kit-manager/v2/validatePin", "drop": "after_commit", "count": 0}]})
        self.hand_over()
        self.wait_end("PLEASE ASK US")
        job = self.rig.wait_state(self.kit, "pin_decision")
        self.assertEqual(job["pin"], "doubt")
        self.rig.bank.sim("DELETE", "/faults")
        self.rig.settle(2)
        self.assertEqual(self.rig.kit_at_bank(self.kit)["activationCount"], 0)
        self.assertEqual(self.rig.cli_raw("release", self.kit, "kiosk-1").returncode, 1)
        self.rig.cli("job", "pin", self.kit, "set")
        self.wait_delivered()

    def test_nobody_decides_while_the_pin_is_on_its_way(self):
        """Its answer is to come, and may be another one than the person's."""
        self.rig.bank.sim("POST", "/faults", {"faults": [{"endpoint": "/kit-manager/v2/setPin", "delay_ms": 2000}]})
        self.hand_over()
        self.rig.wait_state(self.kit, "pin")
        for word in ("set", "not-set"):
            done = self.rig.cli_raw("job", "pin", self.kit, word)
            self.assertEqual(done.returncode, 1)
            self.assertIn("on its way", done.stderr)
        self.wait_end("PIN SET")
        self.wait_delivered()

    def test_pin_already_set_by_another(self):
        """The PIN at the server is not the one this customer chose: in doubt, not a success and not a retry."""
        entity = self.rig.kit_at_bank(self.kit)["entityId"]
        self.kiosk.outcome = "cancelled"
        self.hand_over()
        self.wait_end("CANCELLED")
        form = self.form_of_another()
        self.rig.bank.call("/kit-manager/v2/setPin", {"entityId": entity, "kitNo": self.kit, "pin": form,
                                                      "expiryDate": self.expiry()})
        self.kiosk.outcome, self.kiosk.pan = "equal", None
        self.hand_over()
        self.wait_end("PLEASE ASK US")
        job = self.rig.wait_state(self.kit, "pin_decision")
        self.assertEqual(job["code"], "pin.already.set")

    def test_server_down_nothing_sent(self):
        self.rig.bank.stop()
        self.rig.settle(0.5)
        self.hand_over()
        self.wait_end("PIN NOT SET")
        self.assertEqual(self.rig.job(self.kit)["wait"], "handover")
        self.rig.bank.start()
        self.kiosk.pan = None
        self.hand_over()
        self.wait_delivered()

    def test_killed_while_the_pin_is_sent(self):
        """kill -9 between the INTENT and the answer: in doubt after the restart, never activated by itself."""
        self.rig.bank.sim("POST", "/faults", {"faults": [{"endpoint": "/kit-manager/v2/setPin", "delay_ms": 3000}]})
        self.hand_over()
        self.rig.wait_state(self.kit, "pin")
        self.rig.kill_agent()
        self.rig.start_agent()
        self.rig.wait_state(self.kit, "pin_decision")
        self.rig.settle(3)
        self.assertEqual(self.rig.kit_at_bank(self.kit)["activationCount"], 0)
        wait_for("the kiosk to be free", lambda: not self.kiosk.running, 5)

    def test_killed_while_the_kiosk_waits(self):
        """The release outlives the daemon; the kiosk's new connection ends the old hand-over."""
        self.release()
        wait_for("the kiosk to ask for a card", lambda: self.kiosk.ticket, 5)
        self.rig.kill_agent()
        self.rig.start_agent()
        wait_for("the kiosk to ask anew", lambda: self.kiosk.begun == 2, 10)
        self.kiosk.pan = self.pan
        self.wait_delivered()

    def test_kiosk_dies(self):
        """At the PIN the kiosk is gone: the hand-over is over, the session too, another release works."""
        self.kiosk.do_kiosk_pin = lambda connection, message: self.kiosk.restart()
        self.hand_over()
        wait_for("the loss to be seen", lambda: "KIOSK_ENDED" in self.rig.log(), 10)
        wait_for("no session to be left", lambda: not self.rig.hsmd.reap(), 5)
        del self.kiosk.do_kiosk_pin
        self.kiosk.pan = None
        self.hand_over()
        self.wait_delivered()

    def test_hsmd_dies(self):
        self.rig.hsmd.refuse["pin.form"] = [fault("RECONNECT", "the worker ended", layer=15)]
        self.hand_over()
        self.wait_end("PIN NOT SET")
        self.kiosk.pan = None
        self.hand_over()
        self.wait_delivered()

    def test_kiosk_that_fails_at_once(self):
        """It is not asked again without a pause while the release lasts."""
        self.kiosk.refuse["kiosk.begin"] = [fault("OPERATOR", "the reader is gone") for _ in range(100)]
        self.release()
        self.rig.settle(5)
        tries = [c for c, _ in self.kiosk.calls].count("kiosk.begin")
        self.assertTrue(1 <= tries <= 4, tries)
        wait_for("no session to be left", lambda: not self.rig.hsmd.reap(), 5)

    def test_returned(self):
        self.rig.cli("job", "returned", self.kit)
        self.assertEqual(self.rig.job(self.kit)["state"], "FAILED")
        wait_for("RETURNED at the server", lambda: self.rig.kit_at_bank(self.kit)["deliveryStatus"] == "RETURNED", 10)
        self.assertEqual(self.rig.cli("stock")["returned"], 1)

    # ---- helpers of one test ----

    def form_of_another(self):
        """A set-PIN form of another PIN for this card."""
        sent = []
        hsmd = self.rig.hsmd
        hsmd.next += 1
        hsmd.sessions[hsmd.next] = {"kind": "kiosk", "for": "x", "socket": None, "pan": self.pan, "bound": True, "equal": True}
        request = type("Request", (), {"body": {"call": "pin.form", "session": hsmd.next}})
        hsmd.pin, reply = "9173", hsmd.reply
        hsmd.reply = lambda c, m, body=None, attachments=(), fds=(): sent.append(attachments[0].decode())
        try:
            hsmd.do_pin_form(None, request)
        finally:
            hsmd.pin, hsmd.reply = "4826", reply
            del hsmd.sessions[hsmd.next]
        return sent[0]

    def expiry(self):
        kit = self.rig.kit_at_bank(self.kit)
        text = str(kit.get("expiry") or kit.get("expiryDate"))
        digits = "".join(c for c in text if c.isdigit())
        return digits[4:6] + digits[2:4] if len(digits) >= 6 else digits


if __name__ == "__main__":
    unittest.main(verbosity=2)
