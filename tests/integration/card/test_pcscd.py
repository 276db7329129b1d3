#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
pcscd killed and started again at every single command of a personalisation: before the command goes out, and with the command at the
card. The card is in the reader again at once. Judged as the other accidents are. Several benches side by side, each a process with a
pcscd of its own: libpcsclite knows one pcscd for a process.
usage: test_pcscd.py BUILD
"""
import json
import os
import shutil
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from accident_rig import AccidentRig, Slot  # noqa: E402
from card_rig import VPCD, free_ports, listens, socket_answers, wait_for  # noqa: E402
from pcsc_gate import Gate  # noqa: E402
from silicon import events, is_secured  # noqa: E402
from test_accidents import DATA, PROFILE, Matrix, check  # noqa: E402

BENCHES = 6
KINDS = ("before", "under")  # the command reached the card
UNANSWERED_MS = 3600 * 1000
BACK_S = 60
ENDS = {"untouched", "spoiled, quarantined", "spoiled", "in-doubt"}


class PcscdRig(AccidentRig):
    """hsmd, and what it needs; the benches bring the rest."""

    def __init__(self, build):
        super().__init__(build, 0)

    def config(self):
        config = super().config()
        kiosk = config["stations"][0]
        config["stations"] = [{**kiosk, "name": f"bench{n}", "reader": f"cardwright slot{n}", "pinpad_tty": self.path(f"pad{n}.tty")}
                              for n in range(BENCHES)]
        return config

    def start_readers(self):
        pass

    def start_bench(self):
        pass


class Killer(Gate):
    """Kills pcscd before a command of the station: a number, 0 for none."""

    def __init__(self, bench, path, pcscd):
        self.bench = bench
        self.at = self.count = 0
        self.lock = threading.Lock()
        super().__init__(path, pcscd)

    def answer(self, client, what, reader):
        if what == "transmit":
            with self.lock:
                self.count += 1
                if self.count == self.at:
                    self.bench.restart_pcscd()
        return b"e"

    def arm(self, at):
        """Behind a restart that still goes on."""
        with self.lock:
            self.count, self.at = 0, at


class Bench(Slot):
    """One station, and a pcscd with one reader."""

    def __init__(self, rig, number):
        super().__init__(rig, number)
        self.number, self.station = number, f"bench{number}"
        self.folder = rig.path(f"pcscd{number}")
        self.comm = os.path.join(self.folder, "run/pcscd.comm")
        self.restarts = 0

    def begin(self):
        port = free_ports(1)[0]
        os.makedirs(os.path.join(self.folder, "run"))
        driver = os.path.join(self.folder, "reader.so")
        shutil.copy(VPCD, driver)
        self.rig.write(f"pcscd{self.number}/conf/reader", f'FRIENDLYNAME "cardwright {self.name}"\nDEVICENAME /dev/null:0x{port:X}\n'
                                                          f"LIBPATH {driver}\nCHANNELID 0x{port:X}\n")
        self.rig.pcsc = {"PCSCLITE_CSOCK_NAME": self.comm}
        self.start_pcscd()
        self.start(port, ())
        self.gate = Killer(self, self.rig.path(f"gate{self.number}"), self.comm)
        gate = {"LD_PRELOAD": os.path.join(self.rig.build, "tests/emu/card/pcsc-gate.so"), "CW_PCSC_GATE": self.rig.path(f"gate{self.number}")}
        self.rig.run("stationd-" + self.station, ["drivers/cardwright-stationd", "--config", self.rig.path("cardwright.json"), "--station",
                                                  self.station], {**self.rig.pcsc, **gate})
        wait_for("the station", lambda: listens(self.rig.path(f"run/station/{self.station}.sock")))

    def start_pcscd(self):
        self.pcscd = self.rig.pcscd_process(f"pcscd{self.number}")
        wait_for("pcscd", lambda: socket_answers(self.comm), step=0.01, processes=[self.pcscd])

    def restart_pcscd(self):
        """kill -9; the next one sees the same card."""
        self.pcscd.kill()
        self.client = None
        self.start_pcscd()
        if not self._sees(True, BACK_S):
            raise AssertionError("the card did not come back")
        self.client = None  # contexts are of one thread
        self.restarts += 1

    def fault_has_come(self):
        with open(self.wire) as wire:
            wire.seek(self.read)
            return any(what == "fault" for _, what, _ in events(wire.read()))


class Kills(Matrix):
    """The share of one bench."""

    def __init__(self, rig, bench):
        super().__init__(rig, "scp03")
        self.bench = bench
        self.data = rig.write(f"data{bench.number}", DATA)

    def perso(self, slot):
        code, lines, errors = self.rig.cardwright("station", "perso", "--station", slot.station, "--reader", slot.reader, "--profile", PROFILE,
                                                  "--data", self.data, "--scp", "03")
        told = {line[1]: (line[0], line[2] if len(line) > 2 else "") for line in lines}
        told["store"] = sum(line[1] in ("install", "store") for line in lines)
        return code, told, errors

    def good(self, slot):
        slot.present(f"good{slot.number}")
        slot.events()
        code, told, errors = self.perso(slot)
        found = slot.events()
        check(code == 0 and told["plastic"][1] == "personalised", (told, errors))
        self.judge(found)
        commands = [command for _, what, command in found if what == "apdu"]
        self.count, self.secured = len(commands), sum(map(is_secured, commands))
        check(self.secured > 10, self.secured)

    def perso_until_killed(self, slot):
        """The killing is this thread's: a process ends with the thread that started it."""
        done = []
        station = threading.Thread(target=lambda: done.append(self.perso(slot)))
        station.start()
        while station.is_alive() and not slot.fault_has_come():
            time.sleep(0.01)
        if slot.fault_has_come():
            slot.restart_pcscd()
        station.join()
        return done[0]

    def one(self, slot, kind, index, name):
        folder = slot.present(name)
        slot.events()
        before = slot.restarts
        slot.gate.arm(index if kind == "before" else 0)
        if kind == "under":
            slot.chip.ask(cmd="fault", kind="late", nth=index, ms=UNANSWERED_MS)
        code, told, errors = self.perso_until_killed(slot) if kind == "under" else self.perso(slot)
        slot.gate.arm(0)
        slot.chip.ask(cmd="fault", kind="none")
        killed = slot.restarts > before
        found = slot.events()
        plastic = told["plastic"][1]
        state = slot.chip.ask(cmd="state", plastic=folder)
        self.account(name, told, code, plastic, state, self.judge(found))
        if not killed:
            print(f"{name} ended by itself: {errors.strip()}", flush=True)
            check(code != 0, "the accident did not happen and the card is done")
            return None
        sent = sum(what == "apdu" and is_secured(command) for _, what, command in found)
        commands = sum(what == "apdu" for _, what, _ in found)
        check(commands == index - (kind == "before"), f"{commands} commands at the card")
        check(plastic != "in-doubt" or sent >= self.secured - (kind == "before"), "nobody can doubt this card")
        if self.rig.ledger(state["kdd"]) != "+":
            return plastic
        self.quarantined(slot, name)
        return plastic + ", quarantined"

    def quarantined(self, slot, name):
        """The keys went out and nobody saw them accepted: they are not tried again."""
        slot.present(name)
        slot.events()
        code, told, errors = self.perso(slot)
        check(code != 0 and "HSM_QUARANTINE" in errors and told["plastic"][1] == "untouched", (told, errors))
        check(self.judge(slot.events()) == {}, "a quarantined card got a secured command")

    def share(self):
        points = [(kind, index) for index in range(1, self.count + 1) for kind in KINDS]
        return points[self.bench.number::BENCHES]


def bench_process(rig, number):
    """Runs one bench; its ends, and what failed, into a file."""
    bench = Bench(rig, number)
    rig.processes = []
    ends, failures, count = [], [], 0
    try:
        bench.begin()
        kills = Kills(rig, bench)
        kills.good(bench)
        count = kills.count
        for kind, index in kills.share():
            try:
                ends.append((kind, index, kills.accident(bench, kind, index)))
            except Exception:  # noqa: BLE001
                failures.append(f"{kind} command {index}: {traceback.format_exc()}")
    except Exception:  # noqa: BLE001
        failures.append(f"bench {number}: {traceback.format_exc()}")
    rig.write(f"ends{number}", json.dumps({"ends": ends, "failures": failures, "count": count}))
    for process in [*reversed(rig.processes), getattr(bench, "pcscd", None)]:
        if process:
            process.stop()
    sys.stdout.flush()
    os._exit(0)  # what the parent started is the parent's to end


def run(rig):
    """(kind, command, end) of all benches, failures, number of commands."""
    ends, failures, counts = [], [], set()
    sys.stdout.flush()
    pids = []
    for number in range(BENCHES):
        pid = os.fork()
        if pid == 0:
            bench_process(rig, number)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    for number in range(BENCHES):
        with open(rig.path(f"ends{number}")) as told:
            of = json.load(told)
        ends += [tuple(e) for e in of["ends"]]
        failures += of["failures"]
        counts.add(of["count"])
    return ends, failures, counts


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    rig = PcscdRig(sys.argv[1])
    try:
        rig.start()
        start = time.monotonic()
        ends, failures, counts = run(rig)
        for kind in KINDS:
            print(kind, [end for k, _, end in sorted(ends, key=lambda e: e[1]) if k == kind])
        print(f"{len(ends)} accidents in {time.monotonic() - start:.1f} s", flush=True)
        if not failures:
            check(len(counts) == 1, counts)
            count = counts.pop()
            check({(k, i) for k, i, _ in ends} == {(k, i) for k in KINDS for i in range(1, count + 1)}, ends)
            for kind in KINDS:
                check({end for k, _, end in ends if k == kind} == ENDS, ends)
    finally:
        rig.stop()
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
