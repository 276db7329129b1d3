# SPDX-License-Identifier: Apache-2.0
"""Several readers at one station, a virtual chip in each, so that the cards of many accidents come and go side by side."""
import os
import shutil
import time

from card_rig import VPCD, CardRig, Emulator, free_ports, listens, socket_answers, wait_for
from pcsc_gate import Client, Gate
from silicon import events

LOOK_S = 0.5  # longer than from one look of pcscd to the next
SEEN_S = 2
GONE_S = 30
TRIES = 10


class Slot:
    def __init__(self, rig, number):
        self.rig, self.name = rig, f"slot{number}"
        self.reader = f"cardwright {self.name} 00 00"
        self.wire = rig.path("logs", self.name + ".wire")
        self.read = 0
        self.client = None

    def start(self, port, options):
        control = self.rig.path("card-" + self.name)
        self.rig.run("card-" + self.name, ["tests/emu/card/emu-card", "--vpcd-port", str(port), "--control", control, "--keys",
                                           self.rig.path("card-keys.json"), "--wire", self.wire, *options])
        wait_for("emu-card", lambda: socket_answers(control))
        self.chip = Emulator(control)

    def _sees(self, there, seconds):
        self.client = self.client or Client(self.rig.pcsc["PCSCLITE_CSOCK_NAME"])
        end = time.monotonic() + seconds
        while self.client.present(self.reader) != there:
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def present(self, name):
        """pcscd tells of a card that was lost in a command at once and looks for itself only every 0.4 s: one that comes between
        the two stays unseen until it goes again."""
        folder = self.rig.plastic(name)
        for _ in range(TRIES):
            self.remove()
            self.chip.ask(cmd="present", plastic=folder)
            if self._sees(True, SEEN_S):
                return folder
        raise AssertionError(f"pcscd does not see the card in {self.reader}")

    def remove(self):
        self.chip.ask(cmd="remove")
        time.sleep(LOOK_S)
        if not self._sees(False, GONE_S):
            raise AssertionError(f"pcscd still sees a card in {self.reader}")

    def events(self):
        """What reached the silicon since the last time: (plastic, what, bytes)."""
        with open(self.wire) as wire:
            wire.seek(self.read)
            lines = wire.read()
        self.read += len(lines)
        return events(lines)


class AccidentRig(CardRig):
    def __init__(self, build, slots, *chip):
        super().__init__(build)
        self.slots, self.chip_options = [Slot(self, n) for n in range(slots)], chip

    def config(self):
        config = super().config()
        config["stations"][0]["reader"] = "cardwright slot0"
        return config

    def start_readers(self):
        os.makedirs(self.path("pcscd/run"))
        ports = free_ports(len(self.slots))
        for slot, port in zip(self.slots, ports):
            driver = self.path("pcscd", slot.name + ".so")
            shutil.copy(VPCD, driver)
            self.write("pcscd/conf/" + slot.name, f'FRIENDLYNAME "cardwright {slot.name}"\nDEVICENAME /dev/null:0x{port:X}\n'
                                                  f"LIBPATH {driver}\nCHANNELID 0x{port:X}\n")
        self.pcsc = {"PCSCLITE_CSOCK_NAME": self.path("pcscd/run/pcscd.comm")}
        self.start_pcscd()
        for slot, port in zip(self.slots, ports):
            slot.start(port, self.chip_options)
        self.gate = Gate(self.path("gate"), self.pcsc["PCSCLITE_CSOCK_NAME"])

    def start_bench(self):
        gate = {"LD_PRELOAD": os.path.join(self.build, "tests/emu/card/pcsc-gate.so"), "CW_PCSC_GATE": self.path("gate")}
        self.station = self.run("stationd", ["drivers/cardwright-stationd", "--config", self.path("cardwright.json"),
                                             "--station", "bench"], {**self.pcsc, **gate})
        wait_for("the station", lambda: listens(self.path("run/station/bench.sock")), processes=[self.station])

    def ledger(self, kdd):
        """Signs of the lines of this card in the ledger of key tries, in order."""
        try:
            with open(self.path("hsm-state/gp-tries")) as lines:
                return "".join(line[0] for line in lines if line[2:22] == kdd)
        except FileNotFoundError:
            return ""
