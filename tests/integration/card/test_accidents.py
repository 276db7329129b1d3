#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A card that is killed, swapped, torn or reset by another program at every single command of a personalisation. What is right is
judged by what reached the silicon, by the chip's own memory and by the ledger of key tries, not by what the station says.
usage: test_accidents.py BUILD scp03|scp02|t0 KIND...
"""
import os
import queue
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from accident_rig import AccidentRig  # noqa: E402
from card_rig import PAN, SOURCE  # noqa: E402
from pcsc_gate import SHARING_VIOLATION  # noqa: E402
from silicon import Silicon, is_secured  # noqa: E402

PROFILE = os.path.join(SOURCE, "config/profiles/generic-debit.json")
DATA = f"pan {PAN}\nexpiry 3012\npsn 01\nservice_code 220\nname RAO/ASHA\n"
SLOTS = 8
ATTEMPTS = 3
KINDS = ("die", "swap", "tear", "reset")
WAYS = {"scp03": (("--scp", "03"), ()), "scp02": (("--scp", "02"), ()), "t0": (("--scp", "03"), ("--protocol", "t0"))}


def check(condition, what):
    if not condition:
        raise AssertionError(what)


class Matrix:
    def __init__(self, rig, way):
        self.rig, self.silicon, self.options = rig, Silicon(), WAYS[way][0]
        self.seen, self.lock = {}, threading.Lock()
        self.turn = threading.Lock()  # a station does one thing at a time

    def judge(self, events):
        with self.lock:
            tries, wrong = self.silicon.judge(events)
        check(not wrong, wrong)
        return tries

    def perso(self, slot):
        """(exit status, {step: (verdict, text)}, errors, what the chips got)."""
        with self.turn:
            code, lines, errors = self.rig.cardwright("station", "perso", "--reader", slot.reader, "--profile", PROFILE, "--data",
                                                      self.data, *self.options)
        check(PAN not in str(lines) + errors, "a card number was shown")
        told = {line[1]: (line[0], line[2] if len(line) > 2 else "") for line in lines}
        told["store"] = sum(line[1] in ("install", "store") for line in lines)
        return code, told, errors, slot.events()

    def good(self, slot):
        """The card to compare with: how many commands there are. Another client wants to reset it before each of them."""
        self.data = self.rig.write("data", DATA)
        slot.present("good")
        slot.events()
        self.rig.gate.arm(slot.reader, False, None)
        code, told, errors, events = self.perso(slot)
        refused = self.rig.gate.disarm(slot.reader)
        check(code == 0 and told["plastic"][1] == "personalised", (told, errors))
        self.judge(events)
        commands = [command for _, what, command in events if what == "apdu"]
        self.count, self.secured = len(commands), sum(map(is_secured, commands))
        check(self.secured > 10 and len(refused) == self.count, (self.secured, self.count, refused))
        check(set(refused) == {(SHARING_VIOLATION, None)}, "another client was not kept out")

    def arm(self, slot, kind, index, name):
        if kind == "reset":
            self.rig.gate.arm(slot.reader, True, index)
        elif kind == "swap":
            slot.chip.ask(cmd="fault", kind=kind, nth=index, plastic=self.rig.plastic(name + "-other"))
        else:
            slot.chip.ask(cmd="fault", kind=kind, nth=index)

    def accident(self, slot, kind, index):
        """Until the accident has happened: pcscd may lose a card by itself, on a machine that stalls, before its turn has come."""
        for attempt in range(ATTEMPTS):
            plastic = self.one(slot, kind, index, f"{kind}{index}" + "-again" * attempt)
            if plastic:
                return plastic
        raise AssertionError("the accident did not happen")

    def one(self, slot, kind, index, name):
        folder = slot.present(name)
        slot.events()
        self.arm(slot, kind, index, name)
        code, told, errors, events = self.perso(slot)
        slot.chip.ask(cmd="fault", kind="none")
        intruded = self.rig.gate.disarm(slot.reader)
        tries = self.judge(events)
        plastic = told["plastic"][1]
        state = slot.chip.ask(cmd="state", plastic=folder)
        self.account(name, told, code, plastic, state, tries)
        if not intruded and not any(what == "fault" for _, what, _ in events):
            print(f"{name} ended by itself: {errors.strip()}", flush=True)
            check(code != 0, "the accident did not happen and the card is done")
            return None
        if kind == "reset":
            check(intruded == [(0, 0)], f"the other client did not reset the card: {intruded}")
            check("another program reset the card" in errors, errors)
        sent = sum(what == "apdu" and is_secured(command) for _, what, command in events)
        check(plastic != "in-doubt" or sent >= self.secured - (kind == "reset"), "nobody can doubt this card")
        if self.rig.ledger(state["kdd"]) != "+":
            return plastic
        self.quarantined(slot, name)
        return plastic + ", quarantined"

    def account(self, name, told, code, plastic, state, tries):
        """What is said of the plastic is what its chip, the ledger and the wire say."""
        ledger = self.rig.ledger(state["kdd"])
        tried = tries.get(name, 0)
        check(tries.get(name + "-other", 0) == 0, "the other card saw a key")
        check((code == 0) == (plastic == "personalised"), (code, plastic))
        check(plastic in ("untouched", "spoiled", "in-doubt"), plastic)
        check((plastic == "untouched") == (ledger == ""), f"{plastic}, ledger {ledger}")
        check(tried <= len(ledger), "a key was tried that the ledger does not know")
        check(ledger in ("", "+", "+-") and (ledger == "+-") == ("authenticate" in told), f"ledger {ledger}, {told}")
        check(not state["personalised"] or plastic == "in-doubt", f"a finished card is called {plastic}")
        check(told["store"] == 0 or plastic != "untouched", told)
        check((state["ext_auth_failures"], state["key_tries_scp03"], state["key_tries_scp02"]) == (0, 5, 5), state)
        check(state["violation_count"] == 0, state["violations"])

    def quarantined(self, slot, name):
        """The keys went out and nobody saw them accepted: they are not tried again."""
        slot.present(name)
        slot.events()
        code, told, errors, events = self.perso(slot)
        check(code != 0 and "HSM_QUARANTINE" in errors and told["plastic"][1] == "untouched", (told, errors))
        check(self.judge(events) == {}, "a quarantined card got a secured command")

    def work(self, slot, points, failures):
        while True:
            try:
                kind, index = points.get_nowait()
            except queue.Empty:
                return
            try:
                plastic = self.accident(slot, kind, index)
                with self.lock:
                    self.seen[(kind, index)] = plastic
            except Exception:  # noqa: BLE001
                failures.append(f"{kind} at command {index}: {traceback.format_exc()}")

    def run(self, kinds):
        points, failures = queue.Queue(), []
        for index in range(1, self.count + 1):
            for kind in kinds:
                points.put((kind, index))
        workers = [threading.Thread(target=self.work, args=(slot, points, failures)) for slot in self.rig.slots]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return failures

    def show(self, kinds):
        for kind in kinds:
            print(kind, [self.seen.get((kind, i)) for i in range(1, self.count + 1)])

    def whole(self, kinds):
        """The product of kinds and commands is complete, and each kind of end was met."""
        check(len(self.seen) == len(kinds) * self.count, len(self.seen))
        for kind in kinds:
            ends = {self.seen[(kind, i)] for i in range(1, self.count + 1)}
            check(ends == {"untouched", "spoiled, quarantined", "spoiled", "in-doubt"}, (kind, ends))


def main():
    build, way, kinds = sys.argv[1], sys.argv[2], sys.argv[3:] or list(KINDS)
    if way not in WAYS or set(kinds) - set(KINDS):
        print(__doc__, file=sys.stderr)
        return 2
    rig = AccidentRig(build, SLOTS, *WAYS[way][1])
    try:
        rig.start()
        start = time.monotonic()
        matrix = Matrix(rig, way)
        matrix.good(rig.slots[0])
        failures = matrix.run(kinds)
        matrix.show(kinds)
        print(f"{len(matrix.seen)} accidents in {time.monotonic() - start:.1f} s", flush=True)
        if not failures:
            matrix.whole(kinds)
    finally:
        rig.stop()
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
