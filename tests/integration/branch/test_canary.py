#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The secrets canary: card numbers, tracks, PIN blocks and keys of this branch, looked for wherever they must not be."""
import os
import unittest

from scenario import Scenario, main
from branch import IKSN
from canary import children, in_command, in_file, in_memory, patterns_of_card, patterns_of_key, patterns_of_pin
from sound import stripe_of

PIN = "739164"
NOT_OURS = ("plastics", "tokens", "pcscd")  # the emulators' truth, and the token itself
TRUTH = ("keys.json", "card-keys.json", "bdk", "pinpad.ksn")


@unittest.skipIf(os.geteuid(), "reading the memory of other processes needs root")
class Canary(Scenario):
    stock = {"CLASSIC": 2, "TRAVEL": 1}

    def files(self):
        """The private folder without what the bank, the emulators and the test itself keep."""
        for where, folders, names in os.walk(self.branch.folder):
            if where == self.branch.folder:
                folders[:] = [f for f in folders if f not in NOT_OURS + ("bank",)]
                names = [n for n in names if n not in TRUTH]
            for name in names:
                path = os.path.join(where, name)
                if os.path.isfile(path) and not name.startswith(("apdu-", "printer-", "emu-")):
                    yield path

    def daemons(self):
        """{name: pid} of what must hold no secret now; a worker of hsmd may hold its own."""
        b = self.branch
        return {"cardwrightd": b.agent.pid(), "hsmd supervisor": b.hsmd.pid(), "kiosk": b.kiosk.pid(),
                **{d.name: d.station.pid() for d in b.desks}}

    def cards(self):
        found = {}
        for plastic in self.branch.plastics():
            found.update(patterns_of_card(plastic["folder"], self.branch.keys["debit-cvk"].value))
        return found

    def keys(self):
        found = {}
        for key in self.branch.keys.values():
            found.update(patterns_of_key(key.label, key.value))
        return found

    def nothing_in_memory(self, patterns):
        for name, pid in self.daemons().items():
            with self.subTest(name):
                self.assertEqual(in_memory(pid, patterns), set(), name)

    def nothing_at_rest(self, patterns):
        for path in self.files():
            with self.subTest(path):
                self.assertEqual(in_file(path, patterns), set(), path)
        cores = [n for folder in (self.branch.folder, os.getcwd()) for n in os.listdir(folder) if n.startswith("core")]
        self.assertEqual(cores, [])

    def nothing_in_commands(self, patterns):
        for process in self.branch.processes:
            if process.running():
                for pid in children(process.pid()):
                    self.assertEqual(in_command(pid, patterns), set(), process.name)

    def test_1_after_the_cards_have_left(self):
        for product in ("CLASSIC", "TRAVEL"):
            self.made(self.kit(product))
        secrets = {**self.cards(), **self.keys()}
        self.nothing_in_memory(secrets)
        self.nothing_at_rest(secrets)
        self.nothing_in_commands(secrets)

    def test_2_right_after_a_pin_was_set(self):
        kit = self.kit_numbers[0]
        folder = self.hand_out(kit)
        pan = stripe_of(folder)[2].split("=")[0]
        base = bytes.fromhex(IKSN)
        ksns = [base[:7] + (int.from_bytes(base[7:], "big") + n).to_bytes(3, "big") for n in (1, 2)]
        secrets = {**patterns_of_pin(PIN, pan, self.branch.keys["pad-bdk"].value, ksns), **self.cards(), **self.keys()}
        self.customer(PIN, PIN)
        self.operator("release", kit, "kiosk-1")
        self.insert_card(folder)
        self.kiosk_ended("PIN SET")
        self.assertEqual(self.branch.pinpad.ask(cmd="state")["ksn"].upper(), ksns[-1].hex().upper())
        self.nothing_in_memory(secrets)
        self.wait_job(kit, state="DELIVERED")
        self.branch.kiosk_card.ask(cmd="remove")
        self.nothing_at_rest(secrets)
        self.nothing_in_commands(secrets)

    def test_3_the_canary_sings(self):
        """The same search finds what is really there: in the emulators' memory, and in the files that hold the truth."""
        keys = patterns_of_key("pad-bdk", self.branch.keys["pad-bdk"].value)
        self.assertEqual(in_memory(self.branch.pinpad_process.pid(), keys), set(keys))
        self.assertEqual(in_file(self.branch.path("keys.json"), keys), set(keys))
        desk = self.desk()
        desk.card.ask(cmd="fault", kind="late", ins="50", ms=3000)
        kit = self.kit()
        self.wait_job(kit, state="STRIPE", wait="result")
        in_machine = stripe_of(desk.printer.ask(cmd="state")["card"])[2].split("=")[0].encode()
        self.assertTrue(in_memory(desk.station.pid(), {"PAN": [in_machine]}), "a station with a card in the machine")
        self.made(kit)
        self.assertFalse(in_memory(desk.station.pid(), {"PAN": [in_machine]}), "the same station, the card has left")
        folder = self.branch.plastics()[0]["folder"]
        card = {k: v for k, v in self.cards().items() if k.startswith("PAN")}
        self.branch.kiosk_card.ask(cmd="present", plastic=folder)
        found = in_memory(self.branch.kiosk_card_process.pid(), card)
        self.branch.kiosk_card.ask(cmd="remove")
        self.assertTrue(found, "the card emulator holds the card's number")


if __name__ == "__main__":
    main()
