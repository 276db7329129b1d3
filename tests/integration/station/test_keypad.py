#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A kiosk whose chip reader has a keypad: libccid's serial PIN pad driver under pcscd, emu-card in the pad's slot. The chip itself
says whether the customer knows the PIN that the script just put there."""
import os
import shutil
import sys

import test_script
from ipc import Peer, Refused
from process import Process, wait_for
from rig import SOURCE, VPCD, free_ports
from run_each import run_each
from test_script import Customer, block_of, chip, clean
from test_station import check, finished_card

DRIVER = "/usr/lib/pcsc/drivers/serial/libccidtwin.so"
PROFILE = os.path.join(SOURCE, "config/profiles/generic-debit.json")


class KeypadRig(test_script.ScriptRig):
    def config(self):
        """One more product, last so that no kiosk takes it for its card: its chip takes CHANGE REFERENCE DATA."""
        config = super().config()
        self.takes("profiles/takes.json")
        config["products"].append({**self.product("75", 3), "profile": "takes.json"})
        return config

    def takes(self, name):
        with open(PROFILE) as source:
            return self.write(name, source.read().replace('"flow":', '"change_reference_data": true, "flow":'))

    def start_readers(self):
        """The desk's reader is vpcd's, the kiosk's a PIN pad on a serial line."""
        self.ports = dict(zip(("desk", "kiosk"), free_ports(2)))
        os.makedirs(self.path("pcscd/run"))
        shutil.copy(VPCD, self.path("pcscd/desk.so"))
        port = self.ports["desk"]
        self.write("pcscd/conf/desk", f'FRIENDLYNAME "cardwright desk"\nDEVICENAME /dev/null:0x{port:X}\n'
                                      f"LIBPATH {self.path('pcscd/desk.so')}\nCHANNELID 0x{port:X}\n")
        self.types("right")
        pad = Process("chip-pad", [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "chip_pad.py"),
                                   self.path("reader.tty"), self.path("types"), self.path("logs/reader.log"),
                                   str(self.ports["kiosk"])], self.path("logs/chip-pad.out")).start()
        self.processes.append(pad)
        wait_for("the reader", lambda: os.path.islink(self.path("reader.tty")), processes=[pad])
        self.write("pcscd/conf/kiosk", f'FRIENDLYNAME "cardwright kiosk"\nDEVICENAME {self.path("reader.tty")}:GemPCPinPad\n'
                                       f"LIBPATH {DRIVER}\nCHANNELID 1\n")
        self.pcsc = {"PCSCLITE_CSOCK_NAME": self.path("pcscd/run/pcscd.comm")}
        self.start_pcscd()
        self.chip = self.start_card("desk")
        self.kiosk_chip = self.start_card("kiosk", "--protocol", "t0", "--cvn", "18")

    def types(self, word):
        """What the customer does at the reader next."""
        self.write("types", word)

    def said(self):
        self.tell()
        for name in ("logs/reader.log", "logs/chip-pad.out"):
            with open(self.path(name)) as log:
                print(f"--- {name}\n{log.read()[-800:]}", flush=True)

    def station_pin(self, *options):
        return self.cardwright_admin("station", "pin", "--reader", "cardwright kiosk", "--station", "kiosk", *options)


def test_the_chip_proves_its_new_pin(rig, plastic, job):
    customer = Customer(rig, plastic, job, "81")
    customer.choose("7294")
    reply = customer.script("pin-change")
    check(reply["outcome"] == "done" and chip(plastic)["pin"] == block_of("7294"), reply)

    def ask(word):
        rig.types(word)
        return customer.kiosk.ask("kiosk.keypad", ticket=customer.ticket)
    for word, outcome, tries in (("7295", "wrong", 2), ("cancel", "cancelled", -1), ("timeout", "timeout", -1), ("7294", "right", -1)):
        told = ask(word)
        check((told["outcome"], told["tries"]) == (outcome, tries), (word, told))
    check(chip(plastic)["pin_tries"] == 3, "the right PIN gives the tries back")
    try:
        ask("differ")  # two PINs that differ, while only one was asked for: the line is broken
        check(False, "a line error was told as an outcome")
    except Refused as e:
        check(e.error["class"] == "RECONNECT", e.error)
    check(ask("7294")["outcome"] == "right", "after the line error")
    clean(rig)
    customer.go()


def test_a_technician_tries_the_keypad(rig, plastic, job):
    rig.kiosk_chip.ask(cmd="present", plastic=plastic)
    rig.types("7294")
    status, out, errors = rig.station_pin("--profile", PROFILE)
    check(status == 0 and "ok      pin           right" in out, (status, out, errors))
    rig.types("7200")
    status, out, errors = rig.station_pin("--profile", PROFILE)
    check(status == 1 and "wrong, 2 tries left" in out, (status, out, errors))
    status, out, errors = rig.station_pin("--profile", PROFILE, "--modify")
    check(status == 1 and "change_reference_data" in errors, (status, out, errors))
    for name, why in (("generic-debit.json", "change_reference_data"), ("brought.json", "no product of this station")):
        status, out, errors = rig.station_pin("--profile", rig.takes(name), "--modify")
        check(status == 1 and why in errors, ("a profile that nobody judged", name, status, out, errors))
    takes = rig.path("profiles/takes.json")
    for word, said in (("right", "right"), ("differ", "mismatch"), ("wrong", "wrong, 2 tries left"), ("cancel", "cancelled")):
        rig.types(word)
        status, out, errors = rig.station_pin("--profile", takes, "--modify")
        check((status == 0) == (word == "right") and said in out, (word, status, out, errors))
    rig.kiosk_chip.ask(cmd="remove")
    with open(rig.path("logs/reader.log")) as log:
        check("violation" not in log.read(), "what the driver sent")


def test_no_customer_no_keypad(rig, plastic, job):
    peer = Peer(rig.path("run/station/kiosk.sock"))
    try:
        peer.ask("kiosk.keypad", ticket="nobody")
        check(False, "a keypad for nobody")
    except Refused as e:
        check(e.error["class"] == "REJECT", e.error)
    peer.close()


def main():
    rig = KeypadRig(sys.argv[1])
    tests = (test_the_chip_proves_its_new_pin, test_a_technician_tries_the_keypad, test_no_customer_no_keypad)
    bad = 0
    try:
        rig.start()
        plastic, job = finished_card(rig)
        bad = run_each(tests, lambda test: test(rig, plastic, job), rig.said, go_on=False)
    finally:
        rig.stop()
    print(f"{len(tests) - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
