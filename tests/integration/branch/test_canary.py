#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The secrets canary: card numbers, tracks, PIN blocks and keys of this branch, looked for wherever they must not be."""
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

from scenario import Scenario, main, wait_until
from branch import IKSN
from canary import (children, codes_in_file, codes_of_card, core_limits, in_command, in_file, in_memory, patterns_of_card,
                    patterns_of_key, patterns_of_pin, public_codes)
from sound import stripe_of

PIN = "739164"
NOBODY = 65534
DAEMONS = (["agent/cardwrightd"], ["hsm/cardwright-hsmd"], ["drivers/cardwright-stationd", "--station", "desk-1"])
NOT_OURS = ("plastics", "tokens", "pcscd")  # the emulators' truth, and the token itself
TRUTH = ("keys.json", "card-keys.json", "bdk", "pinpad.ksn")


@unittest.skipIf(os.geteuid(), "reading the memory of other processes needs root")
class Canary(Scenario):
    stock = {"CLASSIC": 3, "TRAVEL": 2}

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

    def codes(self):
        found = {}
        for plastic in self.branch.plastics():
            found.update(codes_of_card(plastic["folder"], self.branch.keys["debit-cvk"].value))
        return found

    def public(self):
        with open(self.branch.path("cardwright.json")) as f:
            return public_codes(f.read())

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
        codes, public = self.codes(), self.public()
        for path in self.files():
            with self.subTest(path):
                self.assertEqual(in_file(path, patterns), set(), path)
                self.assertEqual(codes_in_file(path, codes, public), set(), path)
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

    def test_4_after_a_card_was_rejected_and_one_was_in_doubt(self):
        """A chip that refuses its check goes to the reject box; one that is silent at its last command is for a person."""
        self.desk("CLASSIC").card.ask(cmd="fault", kind="die", ins="E2", nth=10)
        self.desk("TRAVEL").card.ask(cmd="fault", kind="sw", ins="AE", nth=1, sw="6985")
        doubt, bad = self.kit("CLASSIC"), self.kit("TRAVEL")
        job = self.wait_job(doubt, state="IN_DOUBT", wait="decision")["job"]
        self.operator("job", "decide", job, "spoiled")
        jobs = [self.wait_job(kit, state="SPOILED", wait="destroyed", where="reject")["job"] for kit in (doubt, bad)]
        secrets = {**self.cards(), **self.keys()}
        self.nothing_in_memory(secrets)
        for name in jobs:
            self.operator("job", "confirm-destroyed", name)
        self.made(doubt)
        self.made(bad)
        self.nothing_at_rest(secrets)

    def test_5_no_daemon_leaves_a_core(self):
        for name, pid in self.daemons().items():
            for one in children(pid):
                self.assertEqual(core_limits(one), ["0", "0"], name)

    def test_6_no_daemon_can_be_looked_into(self):
        """The files of /proc/PID belong to the user of the process, and to root when it is not dumpable: seen of daemons of
        another user that wait for their configuration."""
        folder = tempfile.mkdtemp(prefix="cw-", dir="/tmp")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        fifo = os.path.join(folder, "cardwright.json")
        os.mkfifo(fifo)
        os.chmod(fifo, 0o644)
        for argv in DAEMONS:
            program = shutil.copy(self.branch.binary(argv[0]), folder)
            with self.subTest(argv[0]):
                pid = self.as_nobody([program, "--config", fifo, *argv[1:]])
                wait_until(f"{argv[0]} to be no longer dumpable", lambda pid=pid: os.stat(f"/proc/{pid}/environ").st_uid == 0, 10)
        pid = self.as_nobody(["cat", fifo])
        wait_until("a dumpable process", lambda: os.stat(f"/proc/{pid}/environ").st_uid == NOBODY, 10)

    def as_nobody(self, argv):
        process = subprocess.Popen(argv, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", stdin=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process.pid

    def planted(self, text):
        path = self.branch.path("logs", "planted")
        with open(path, "w") as f:
            f.write(text)
        try:
            return codes_in_file(path, self.codes(), self.public())
        finally:
            os.unlink(path)

    def planted_cell(self, value):
        path = self.branch.path("state", "planted.db")
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE t (n INTEGER, note)")
        db.execute("INSERT INTO t VALUES (1, ?)", (value,))
        db.commit()
        db.close()
        try:
            return codes_in_file(path, self.codes(), self.public())
        finally:
            os.unlink(path)

    def test_7_the_canary_knows_verification_values(self):
        for what, digits in self.codes().items():
            if digits in self.public():
                continue
            for text in (json.dumps({"note": digits}), f'{{"cvv2": {digits}}}', f'<6>x: READ: it was read ICVV="{digits}" MS="1"',
                         f"cvv {digits}, next", f"CVC2={digits}"):
                self.assertIn(what, self.planted(text), text.replace(digits, "***"))
            self.assertIn(what, self.planted_cell(digits))
            for text in (f'MS="{digits}"', f'{{"ms": {digits}}}', f'CVV="{digits}7"', f"took {digits} ms"):
                self.assertEqual(self.planted(text), set(), text.replace(digits, "***"))
            self.assertNotIn(what, self.planted_cell("x" + digits + "y"))

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
