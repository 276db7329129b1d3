#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The kiosk: which card may be handed over, what customers do at the PIN pad, and a server that fails at the one moment."""
import glob
import json
import os
import shutil
import signal
import sqlite3

from scenario import Scenario, main, pause, wait_until
from bank import BIRTH_DATE
from testkeys import card_master_keys

SET_PIN = "/kit-manager/v2/setPin"
VIEW_CUSTOMER = "/viewCustomer"
VALIDATE_PIN = "/kit-manager/v2/validatePin"


class Kiosk(Scenario):
    stock = {"CLASSIC": 4, "TRAVEL": 4}
    # Travel cards (odd ones of ready) have the PIN in the chip too, and keys of AES for cryptograms and scripts.
    options = {"keys": card_master_keys("aes256"),
               "config": {"pin": {"entry_timeout_ms": 2500},
                          "products": {"71": {"weak_pins": "repeated,sequential,birth-date"},
                                       "72": {"chip_pin_script": True, "cvn": "ccd", "profile": "core-aes256.json",
                                              **{f"imk_{part}": f"aes256-imk-{part}" for part in ("ac", "smi", "smc")}}}}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        cls.ready = [case.kit(p) for _ in range(4) for p in ("CLASSIC", "TRAVEL")]
        for kit in cls.ready:
            case.made(kit, 60)

    def setUp(self):
        self.asked_before = 0
        self.asked_before = len(self.prompts())

    def tearDown(self):
        shutil.rmtree(self.branch.path("plastics", "counterfeit"), ignore_errors=True)
        self.branch.kiosk_card.ask(cmd="remove")
        super().tearDown()

    def hand_over(self, kit, *pins):
        """Release, customer, card in the slot."""
        self.customer(*pins)
        self.operator("release", kit, "kiosk-1")
        self.insert_card(self.hand_out(kit))

    def nothing_happened(self, kit):
        """The kit is as it was before the customer came: no PIN, not active, ready for a new release."""
        self.wait_job(kit, state="OPERATOR_OK", wait="handover", pin="none")
        bank = self.bank_kit(kit)
        self.assertEqual((bank["pin_set"], bank["activationCount"], bank["deliveryStatus"]), (False, 0, "BANK"))

    def delivered(self, kit):
        self.wait_job(kit, state="DELIVERED")
        bank = self.bank_kit(kit)
        self.assertEqual((bank["pinSetCount"], bank["activationCount"], bank["status"]), (1, 1, "ACTIVE"))
        self.branch.kiosk_card.ask(cmd="remove")

    # ---- which card ----

    def test_01_a_card_that_is_not_released_is_not_read(self):
        kit = self.ready[0]
        before = len(self.log_of("apdu-kiosk-1").splitlines())
        self.customer("4826", "4826")
        self.insert_card(self.hand_out(kit))
        pause(1)
        self.assertEqual(self.branch.cli("status")["kiosks"], [])
        self.assertEqual(self.prompts(), [])
        self.assertNotIn(" INS ", "\n".join(self.log_of("apdu-kiosk-1").splitlines()[before:]))
        self.nothing_happened(kit)

    def test_02_the_card_of_another_kit_is_not_accepted(self):
        kit, other = self.ready[0], self.ready[1]
        self.customer("4826", "4826")
        self.operator("release", kit, "kiosk-1")
        self.insert_card(self.hand_out(other))
        self.kiosk_shows("PLEASE ASK US")
        self.assertEqual(self.prompts(), [])
        self.nothing_happened(other)
        # The release is still good for the right card.
        self.branch.kiosk_card.ask(cmd="remove")
        self.insert_card(self.hand_out(kit))
        self.kiosk_ended("PIN SET")
        self.delivered(kit)
        self.assertFalse(self.bank_kit(other)["pin_set"])

    def test_03_a_counterfeit_chip_gets_no_pin(self):
        kit = self.ready[1]
        copy = self.branch.path("plastics", "counterfeit")
        shutil.copytree(self.hand_out(kit), copy)
        self.change_ac_key(os.path.join(copy, "chip.json"))
        self.customer("4826", "4826")
        self.operator("release", kit, "kiosk-1")
        self.insert_card(copy)
        self.kiosk_ended("CARD REFUSED")
        self.assertEqual(self.prompts(), [])
        self.assertIn("kiosk.not_genuine", [r["what"] for r in self.branch.cli("audit")["tail"]])
        self.nothing_happened(kit)

    def test_04_a_card_the_journal_does_not_know_is_looked_up_at_the_server(self):
        kit = self.ready[1]
        self.branch.agent.stop()
        with sqlite3.connect(self.branch.path("state", "journal.db")) as db:
            db.execute("UPDATE job SET pan_hash = '' WHERE kit = ?", (kit,))
        db.close()
        self.branch.start_agent()
        self.branch.wait_ready()
        self.hand_over(kit, "4826", "4826")
        self.kiosk_ended("PIN SET")
        self.delivered(kit)
        self.assertEqual(self.branch.bank.state()["calls"]["/kit-manager/v2/fetchByCardNo"], 1)

    # ---- what customers do ----

    def test_05_cancel_time_out_and_a_card_taken_out(self):
        kit = self.ready[2]
        self.hand_over(kit, {"cancel": True, "delay_ms": 600})
        self.kiosk_ended("CANCELLED")
        self.nothing_happened(kit)
        self.branch.kiosk_card.ask(cmd="remove")
        self.hand_over(kit, "4826")  # and nothing at the second prompt
        self.kiosk_ended("TIME IS UP")
        self.nothing_happened(kit)
        self.branch.kiosk_card.ask(cmd="remove")
        self.hand_over(kit, {"pin": "4826", "delay_ms": 1200}, "4826")
        wait_until("the prompt", lambda: len(self.prompts()) == 4)
        self.branch.kiosk_card.ask(cmd="remove")
        self.kiosk_ended("CANCELLED")
        self.nothing_happened(kit)

    def test_06_weak_then_different_then_equal(self):
        """This product forbids the date of birth: without it nobody is asked for a PIN; then it is refused as one."""
        kit = self.ready[2]
        self.fault(VIEW_CUSTOMER, status=400, exception="entity.not.found", count=0)
        self.hand_over(kit, BIRTH_DATE[8:] + BIRTH_DATE[5:7], "4826", "4827", "4826", "4826")
        self.kiosk_shows("PLEASE ASK US")
        self.assertEqual(self.prompts(), [])
        self.nothing_happened(kit)
        self.branch.bank.sim("DELETE", "/faults")
        self.kiosk_ended("PIN SET", 30)
        self.delivered(kit)
        self.assertGreaterEqual(self.branch.bank.state()["calls"][VIEW_CUSTOMER], 2)
        for path in glob.glob(self.branch.path("state", "*")) + glob.glob(self.branch.path("logs", "cardwright*.log")):
            with open(path, "rb") as kept:
                text = kept.read()
            for date in (BIRTH_DATE, BIRTH_DATE.replace("-", "")):
                self.assertNotIn(date.encode(), text, path)
        texts = [" ".join(p["texts"]) for p in self.prompts()]
        self.assertIn("TOO SIMPLE", texts[1])
        self.assertIn("DIFFERENT", texts[3])

    def test_07_three_wrong_pairs_end_it_and_a_lost_pad_does_not(self):
        kit = self.ready[3]
        self.hand_over(kit, "4826", "4827", "4826", "4828", "4826", "4829")
        self.kiosk_ended("PINS DIFFER")
        self.nothing_happened(kit)
        self.branch.kiosk_card.ask(cmd="remove")
        # Back at once: the customer is asked again.
        self.hand_over(kit, {"unplug": True})
        wait_until("the pad to be unplugged", lambda: not self.branch.pinpad.ask(cmd="state")["plugged"])
        self.branch.pinpad.ask(cmd="plug")
        wait_until("the PIN to be asked for again", lambda: len(self.prompts()) == 8)
        # And gone for long: the hand-over stays open and goes on by itself, right after the plug.
        self.branch.pinpad.ask(cmd="unplug")
        wait_until("the pad to be missed", lambda: "the hand-over then goes on" in self.log_of("cardwrightd"))
        self.nothing_happened(kit)
        # A product that does not care about the date of birth does not have it asked for.
        asked = self.branch.bank.state()["calls"][VIEW_CUSTOMER]
        self.customer("0106", "0106")
        self.branch.pinpad.ask(cmd="plug")
        self.kiosk_ended("PIN SET", 30)
        self.delivered(kit)
        self.assertEqual(self.branch.bank.state()["calls"][VIEW_CUSTOMER], asked)

    # ---- the server at the one moment ----

    def test_08_a_lost_answer_is_asked_again_with_the_same_request(self):
        kit = self.ready[6]
        self.fault(SET_PIN, drop="after_commit")
        self.hand_over(kit, "4826", "4826")
        self.kiosk_ended("PIN SET")
        self.delivered(kit)
        replays = [r for r in self.branch.bank.state()["replayed"] if r["endpoint"] == SET_PIN]
        self.assertEqual([r["replays"] for r in replays], [1])

    def test_09_when_every_answer_is_lost_a_person_decides(self):
        kit = self.ready[4]
        self.fault(SET_PIN, drop="after_commit", count=0)
        self.fault(VALIDATE_PIN, drop="before_commit", count=0)
        self.hand_over(kit, "4826", "4826")
        self.kiosk_ended("PLEASE ASK US", 40)
        self.wait_job(kit, wait="pin_decision", pin="doubt", needs_person=True)
        bank = self.bank_kit(kit)
        self.assertEqual((bank["pinSetCount"], bank["activationCount"]), (1, 0))
        self.operator("job", "pin", self.wait_job(kit)["job"], "set")
        self.delivered(kit)

    def test_10_a_refused_pin_activates_nothing_and_a_new_release_works(self):
        kit = self.ready[5]
        self.fault(SET_PIN, status=400, exception="PIN001")
        self.hand_over(kit, "4826", "4826")
        self.kiosk_ended("PIN NOT SET")
        self.nothing_happened(kit)
        self.assertEqual(self.wait_job(kit)["code"], "PIN001")
        self.branch.kiosk_card.ask(cmd="remove")
        # The chip that does not take the PIN which the server has by now: a person, and the next release mends it.
        before = self.chip_pin(kit)
        self.branch.kiosk_card.ask(cmd="fault", kind="sw", ins="24", nth=1, sw="6985")
        self.hand_over(kit, "4826", "4826")
        self.kiosk_ended("PLEASE ASK US")
        job = self.wait_job(kit, wait="pin_decision", pin="doubt", needs_person=True)
        self.assertEqual(job["code"], "CHIP_PIN_NOT_SET")
        self.assertEqual(self.chip_pin(kit), before)
        self.assertIn("not-set", job["advice"])
        self.operator("job", "pin", job["job"], "set", code=1)  # the bank's word does not put it into the chip
        self.operator("job", "pin", job["job"], "not-set")
        self.branch.kiosk_card.ask(cmd="remove")
        self.hand_over(kit, "4826", "4826")
        self.kiosk_ended("PIN SET")
        self.delivered(kit)
        self.assertEqual(self.chip_pin(kit), "244826FFFFFFFFFF")
        self.operator("release", kit, "kiosk-1", code=1)

    def test_11_a_server_that_is_down_sets_no_pin(self):
        kit = self.ready[7]
        card = self.hand_out(kit)
        self.branch.bank.sim("POST", "/down", {"seconds": 60})
        self.customer("4826", "4826")
        self.operator("release", kit, "kiosk-1")
        self.insert_card(card)
        self.kiosk_ended("PIN NOT SET", 40)
        self.branch.kiosk_card.ask(cmd="remove")
        self.branch.bank.process.child.send_signal(signal.SIGUSR1)
        wait_until("the server to be back", lambda: self.branch.cli("status")["server"]["state"] == "online")
        self.nothing_happened(kit)
        self.hand_over(kit, "4826", "4826")
        self.kiosk_ended("PIN SET")
        self.delivered(kit)
        self.assertEqual(self.chip_pin(kit), "244826FFFFFFFFFF")

    # ---- helpers ----

    def chip_pin(self, kit):
        with open(os.path.join(self.hand_out(kit), "chip.json")) as f:
            return json.load(f)["pin"]

    def kiosk_shows(self, text):
        wait_until(f"the pad to show {text}", lambda: text in self.branch.pinpad.ask(cmd="state")["display"])

    def prompts(self):
        """The PINs asked for since the test began; texts alone do not count."""
        asked = [p for p in self.branch.pinpad.ask(cmd="state")["prompts"] if p["packet"] != "Z2"]
        return asked[self.asked_before:]

    @staticmethod
    def change_ac_key(path):
        with open(path) as f:
            chip = json.load(f)
        keys = bytearray.fromhex(chip["dgis"]["8000"])
        keys[3] ^= 0x10
        chip["dgis"]["8000"] = keys.hex().upper()
        with open(path, "w") as f:
            json.dump(chip, f)


if __name__ == "__main__":
    main()
