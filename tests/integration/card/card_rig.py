# SPDX-License-Identifier: Apache-2.0
"""hsmd on a token for tests, pcscd with one reader, a virtual chip with the keys 40..4F, a station that has nothing else to do."""
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "station"))

from ipc import Peer  # noqa: E402, F401
from rig import SOURCE, VPCD, Emulator, Rig, free_ports, listens, luhn, socket_answers, testprofiles, wait_for  # noqa: E402, F401
from issuer import Issuer, RsaKey  # noqa: E402, F401
from testkeys import Key  # noqa: E402, F401

TEST_KEY = "404142434445464748494A4B4C4D4E4F"
PAN = luhn("608040123456789")


class CardRig(Rig):
    def __init__(self, build):
        super().__init__(build)
        self.issuer = Issuer(PAN[:6])
        self.keys["issuer"] = self.issuer

    def config(self):
        """Products of the profiles that need an issuer's RSA key, besides those that do not."""
        config = super().config()
        for i, name in enumerate(("signing", "generic-debit-dual", "style-vsdc-debit", "style-mchip-debit",
                                  "style-rupay-debit", "style-qvsdc-debit")):
            config["products"].append({**self.product(f"S{i}", 3), "profile": name + ".json", "issuer_key": "issuer",
                                       "issuer_certificate": "issuer.json"})
        config["profile_dir"] = self.path("profiles")
        config["hsm"]["test_token"] = True
        del config["profile_keys"]  # so profiles need no signature
        config["hsm"]["state_dir"] = self.path("hsm-state")
        config["stations"] = [{"name": "bench", "kind": "kiosk", "reader": "cardwright desk", "extended_apdu": True, "pinpad_tty": self.path("pad.tty"),
                               "pinpad_baud": 9600}]
        return config

    def card_keys(self):
        return {"scp02": {"kvn": "20", "kmc": TEST_KEY, "diversify": "none"}, "scp03": {"kvn": "30", "kmc": TEST_KEY, "diversify": "none"}}

    def start(self):
        for folder in ("logs", "plastics", "run"):
            os.makedirs(self.path(folder))
        shutil.copytree(os.path.join(SOURCE, "config/profiles"), self.path("profiles"))
        self.write("profiles/issuer.json", self.issuer.json())
        self.write("cardwright.json", json.dumps(self.config()))
        self.write("credentials/hsm-pin", "271828\n")
        self.write("keys.json", json.dumps({k.label: k.value.hex() for k in self.keys.values()}))
        self.write("card-keys.json", json.dumps(self.card_keys()))
        self.start_token()
        self.start_hsmd()
        self.start_readers()
        self.start_bench()

    def start_readers(self):
        """One reader, named as libccid names one with a serial number."""
        self.ports = dict(zip(("desk",), free_ports(1)))
        os.makedirs(self.path("pcscd/run"))
        shutil.copy(VPCD, self.path("pcscd/desk.so.vpcd"))
        shutil.copy(os.path.join(self.build, "tests/emu/card/ifd-unplug.so"), self.path("pcscd/desk.so"))
        self.write("pcscd/desk.so.extended", "")  # so says the reader; it is for the card to agree
        self.write("pcscd/conf/desk", f'FRIENDLYNAME "cardwright desk (SN0042)"\nDEVICENAME /dev/null:0x{self.ports["desk"]:X}\n'
                                      f"LIBPATH {self.path('pcscd/desk.so')}\nCHANNELID 0x{self.ports['desk']:X}\n")
        self.pcsc = {"PCSCLITE_CSOCK_NAME": self.path("pcscd/run/pcscd.comm")}
        self.start_pcscd()
        self.chip = self.start_card("desk")

    def replace_desk_card(self, *more):
        super().replace_desk_card(*more)
        self.wait_for_empty()

    def start_bench(self):
        self.station = self.run("stationd", ["drivers/cardwright-stationd", "--config", self.path("cardwright.json"),
                                             "--station", "bench"], self.pcsc)
        wait_for("the station", lambda: listens(self.path("run/station/bench.sock")),
                 processes=[self.station])

    def plastic(self, name):
        folder = self.path("plastics", name)
        os.makedirs(folder, exist_ok=True)
        return folder

    def wait_for_empty(self):
        """Until pcscd saw that the card is gone; it looks every 0.4 s, and later on a busy machine."""
        bench = Peer(self.path("run/station/bench.sock"))
        bench.ask("hello", generation=1)
        wait_for("the reader to be empty", lambda: not bench.ask("status")["reader"]["card"], 10)
        bench.close()

    def take_out(self):
        self.chip.ask(cmd="remove")
        self.wait_for_empty()

    def present(self, name):
        folder = self.plastic(name)
        if self.chip.ask(cmd="state")["present"]:
            self.take_out()
        self.chip.ask(cmd="present", plastic=folder)
        return folder

    def cardwright(self, *argv, timeout=60):
        """Exit status, lines as (verdict, step, text), what went to standard error."""
        done = subprocess.run([os.path.join(self.build, "agent/cardwright"), "--socket", self.path("run/control.sock"), *argv],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, text=True, check=False)
        lines = [tuple(line.split(None, 2)) for line in done.stdout.splitlines()]
        return done.returncode, lines, done.stderr
