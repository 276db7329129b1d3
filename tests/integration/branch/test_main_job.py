#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The main job: two desks (SCP03 and SCP02), kits ordered and assigned, cards made, looked at from outside, handed over."""
import hashlib
import json
import os

from scenario import Scenario, main
from cardmath import cvv
from pixels import read_png, values
from sound import stripe_of


def lrc_of(text):
    """Longitudinal check of a 4-bit track without its sentinels, start ';' and end '?' included."""
    check = 0
    for c in ";" + text + "?":
        check ^= ord(c) - 0x30
    return check


class MainJob(Scenario):
    stock = {"CLASSIC": 2, "TRAVEL": 2}

    def order_of(self, kit):
        """The finished plastic of a kit."""
        plastics = self.branch.plastic_of(kit)
        self.assertEqual(len(plastics), 1)
        return plastics[0]

    def check_stripe(self, kit, name):
        """Track by track what the bank's data and the CVK say, computed here anew."""
        tracks = stripe_of(self.order_of(kit)["folder"])
        pan, rest = tracks[2].split("=")
        digest = self.branch.bank.sim("POST", "/plain-pan", {"kitNo": kit})["sha256"]
        self.assertEqual(hashlib.sha256(pan.encode()).hexdigest(), digest)
        expiry = self.bank_kit(kit)["expiry"]
        yymm = expiry[2:4] + expiry[5:]
        value = cvv(self.branch.keys["debit-cvk"].value, pan, yymm, "220")
        self.assertEqual(rest, f"{yymm}22000000{value}00")
        first, last = name.rsplit(" ", 1)
        self.assertEqual(tracks[1], f"B{pan}^{last}/{first}^{yymm}22000000{value}00")
        with open(os.path.join(self.order_of(kit)["folder"], "stripe.json")) as f:
            stripe = json.load(f)
        self.assertEqual(stripe["coercivity"], "h")
        second = [t for t in stripe["tracks"] if t["track"] == 2][0]
        self.assertEqual(ord(second["lrc"]) - 0x30, lrc_of(tracks[2]), second)

    def check_chip(self, kit, scp):
        """The card's own word, and that the right key set was used, once."""
        plastic = self.order_of(kit)
        state = self.branch.desks[0].card.ask(cmd="state", plastic=plastic["folder"])
        self.assertEqual((state["app_state"], state["personalised"]), ("PERSONALIZED", True))
        self.assertEqual((state["violations"], state["ext_auth_failures"]), ([], 0))
        self.assertEqual((state["key_tries_scp02"], state["key_tries_scp03"]), (5, 5))
        self.assertEqual(state["atc"], 1)
        chip = [e for e in self.history(kit) if e["kind"] == "OUTCOME" and e["step"] == "chip"][0]
        self.assertEqual(chip["evidence"]["evidence"]["scp"], scp)
        self.assertEqual(chip["evidence"]["evidence"]["cplc"], state["cplc"])
        self.assertRegex(chip["evidence"]["evidence"]["issuer_keys"], "^[0-9A-F]{6} [0-9A-F]{6} [0-9A-F]{6}$")

    def check_face(self, kit):
        """Not blank, in colour, and resin is all or nothing."""
        folder = self.order_of(kit)["folder"]
        width, height, channels, rows = read_png(os.path.join(folder, "front.png"))
        self.assertEqual((width, height, channels), (1016, 648, 3))
        self.assertGreater(len(set(rows[324][i:i + 3] for i in range(0, 3048, 3))), 20)
        width, height, _, rows = read_png(os.path.join(folder, "front-k.png"))
        self.assertEqual((width, height), (648, 1016))
        self.assertEqual(values(rows), {0, 255})
        black = sum(row.count(0) for row in rows)
        self.assertTrue(2000 < black < 200000, black)

    def test_1_cards_are_made_on_two_desks(self):
        names = {"CLASSIC": ["ASHA NAIR", "JOHN A DSOUZA"], "TRAVEL": ["RAVI KUMAR", "FATIMA KHAN"]}
        kits = [(self.kit(product, name), product, name) for product, list_ in names.items() for name in list_]
        for kit, product, name in kits:
            job = self.made(kit)
            self.assertEqual(job["station"], self.desk(product).name)
            self.assertEqual(self.steps(kit), ["feed", "stripe", "chip", "verify", "print"])
            self.assertEqual(self.attempts(kit), 1)
            self.check_stripe(kit, name)
            self.check_chip(kit, 3 if product == "CLASSIC" else 2)
        self.check_face(kits[0][0])
        state = self.branch.bank.state()
        self.assertEqual(state["calls"]["/card-order/process"], 1)
        self.assertEqual(state["orders"][0]["status"], "SUCCESS")

    def test_2_the_customer_chooses_a_pin_and_the_kit_is_active(self):
        kit = self.kit_numbers[0]
        self.customer("4826", "4826")
        self.operator("release", kit, "kiosk-1")
        self.insert_card(self.hand_out(kit))
        self.kiosk_ended("PIN SET")
        self.wait_job(kit, state="DELIVERED")
        bank = self.bank_kit(kit)
        self.assertEqual((bank["status"], bank["pin_set"], bank["deliveryStatus"]), ("ACTIVE", True, "DELIVERED"))
        self.assertEqual(self.branch.bank.state()["duplicate_deliveries"], 0)
        stock = self.branch.cli("stock")
        self.assertEqual((stock["drawn"], stock["delivered"], stock["in_output"]), (4, 1, 3))


if __name__ == "__main__":
    main()
