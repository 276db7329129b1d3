# SPDX-License-Identifier: Apache-2.0
"""hsmd, pcscd and one station, as the tests of `cardwright station` have them; the card in the reader is the judge's own."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration/card"))

from card_rig import PAN, SOURCE, CardRig, Issuer, Key, Peer, RsaKey, luhn, wait_for  # noqa: E402
from card import Card  # noqa: E402
from process import BranchError  # noqa: E402
from vpcd import Slot  # noqa: E402

READER = "cardwright desk (SN0042) 00 00"
DATA = f"pan {PAN}\nexpiry 3012\npsn 01\nservice_code 220\nname RAO/ASHA\n"


class JudgeRig(CardRig):
    slot = card = None

    def __init__(self, build):
        super().__init__(build)
        for bits in (128, 192, 256):
            for part in ("ac", "smi", "smc"):
                key = Key(f"aes{bits}-imk-{part}", "imk-" + part, f"aes{bits}")
                self.keys[key.label] = key
        ca = RsaKey(1984)
        self.long = {bits: Issuer(PAN[:6], bits=bits, ca=ca, index=0x95) for bits in (1696, 1976, 1984)}
        for bits, issuer in self.long.items():
            issuer.label = f"issuer-{bits}"
            self.keys[issuer.label] = issuer

    def start_token(self):
        for issuer in self.long.values():
            self.write(f"profiles/{issuer.label}.json", issuer.json())
        super().start_token()

    def config(self):
        """Products with AES card keys: A128, A192 and A256; with an issuer's key of the greatest lengths:
        L1976 and L1984, and L1696, the longest whose certificate leaves no remainder."""
        config = super().config()
        for bits in (128, 192, 256):
            imks = {"imk_" + part: f"aes{bits}-imk-{part}" for part in ("ac", "smi", "smc")}
            config["products"].append({**self.product(f"A{bits}", 3), **imks, "cvn": "ccd", "profile": "style-ccd-debit.json",
                                       "issuer_key": "issuer", "issuer_certificate": "issuer.json"})
        for issuer in self.long.values():
            config["products"].append({**self.product(issuer.label.replace("issuer-", "L"), 3), "profile": "generic-debit-dual.json",
                                       "issuer_key": issuer.label, "issuer_certificate": issuer.label + ".json"})
        return config

    def start_card(self, name, *more):
        """No virtual chip of the product's own tests."""

    def start_emulator(self, *more):
        """The product's own virtual chip after all."""
        self.eject()
        self.chip = super().start_card("desk", *more)

    def profile(self, name):
        return os.path.join(SOURCE, "config/profiles", name + ".json")

    def insert(self, **make):
        self.eject()
        self.card = Card(**make)
        self.put_back()
        return self.card

    def put_back(self):
        """vpcd misses a card that comes at a bad moment: it is pushed in again."""
        self.slot = Slot(self.ports["desk"], self.card)
        try:
            self.wait_for_card(True)
        except BranchError:
            self.slot.remove()
            self.slot = Slot(self.ports["desk"], self.card)
            self.wait_for_card(True)

    def wait_for_card(self, there):
        bench = Peer(self.path("run/station/bench.sock"))
        try:
            bench.ask("hello", generation=1)
            wait_for("the reader to see it", lambda: bench.ask("status")["reader"]["card"] == there, 10)
        finally:
            bench.close()

    def eject(self):
        if self.slot:
            self.slot.remove()
            failure, self.slot = self.slot.failure, None
            self.wait_for_card(False)
            if failure:
                raise failure

    def stop(self):
        if self.slot:
            self.slot.remove()
        super().stop()

    def perso(self, profile, *options, data=DATA):
        return self.cardwright("station", "perso", "--reader", READER, "--profile", profile, "--data", self.write("data", data), *options)

    def verify(self, profile, *options):
        return self.cardwright("station", "verify", "--reader", READER, "--profile", profile, *options)


__all__ = ["PAN", "READER", "JudgeRig", "luhn"]
