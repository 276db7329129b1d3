# SPDX-License-Identifier: Apache-2.0
"""
30 data groupings under SCP03 level 33, and the very same bytes in a bare SCardTransmit loop to the same card put back to where
it was: wall, microseconds added per APDU, host CPU, and eight readers at once.
"""
import json
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "integration", "card"), HERE]

from card_rig import PAN, SOURCE, CardRig, free_ports  # noqa: E402
from card_rig import VPCD, Emulator, socket_answers, wait_for  # noqa: E402
import row  # noqa: E402

ROUNDS = 12
READERS = 8
GROUPINGS = 30
RATIO = 1.10
# The same shape of job elsewhere, as measured on a virtual card that was warm: 29 data groupings under SCP02 level 3, 33 commands.
# Milliseconds between the first command and the last.
OTHERS = {"gpshell": (40, 140), "GlobalPlatformPro": (166, 300)}


class BenchRig(CardRig):
    """Several readers, and the program under test instead of a station."""

    def start_readers(self):
        names = [f"r{i}" for i in range(READERS)]
        self.ports = dict(zip(names, free_ports(READERS)))
        os.makedirs(self.path("pcscd/run"))
        for name, port in self.ports.items():
            shutil.copy(VPCD, self.path("pcscd", name + ".so"))
            self.write("pcscd/conf/" + name, f'FRIENDLYNAME "cardwright {name}"\nDEVICENAME /dev/null:0x{port:X}\n'
                                             f"LIBPATH {self.path('pcscd', name + '.so')}\nCHANNELID 0x{port:X}\n")
        self.pcsc = {"PCSCLITE_CSOCK_NAME": self.path("pcscd/run/pcscd.comm")}
        self.start_pcscd()
        self.cards = [self.start_card(name) for name in names]

    def start_bench(self):
        self.program = os.path.join(self.build, "tests/bench/bench-perso")

    def begin(self, *argv):
        return subprocess.Popen([self.program, *argv], env={**os.environ, **self.pcsc}, stdout=subprocess.PIPE, text=True)

    @staticmethod
    def end(process):
        out, _ = process.communicate(timeout=60)
        if process.returncode:
            raise RuntimeError("bench-perso failed")
        return [int(x) for x in out.split()]  # wall us, CPU us, APDUs

    def ours(self, slot, record):
        return self.begin("ours", f"cardwright r{slot} 00 00", self.path("run/hsmd/admin.sock"), self.path("profile.json"),
                          self.path("data"), record)

    def insert(self, slot, folder, ms):
        card = self.cards[slot]
        if card.ask(cmd="state")["present"]:
            card.ask(cmd="remove")
            time.sleep(0.5)
        card.ask(cmd="fault", kind="none")
        if ms:
            card.ask(cmd="fault", kind="late", ms=ms, repeat=True)
        card.ask(cmd="present", plastic=folder)
        time.sleep(0.5)


def hsmd_cpu_us(pid):
    """Of hsmd, its workers that ended included."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return sum(int(x) for x in fields[11:15]) * 1000000 // os.sysconf("SC_CLK_TCK")


def middle(values):
    return sorted(values)[len(values) // 2]


def one_card(rig, number, ms):
    folder = rig.plastic(f"c{ms}-{number}")
    record = rig.path("record")
    rig.insert(0, folder, ms)
    rig.cards[0].ask(cmd="remove")
    time.sleep(0.5)
    before = rig.path("before.json")
    shutil.copy(os.path.join(folder, "chip.json"), before)
    rig.insert(0, folder, ms)
    ours = rig.end(rig.ours(0, record))
    rig.cards[0].ask(cmd="remove")
    time.sleep(0.5)
    shutil.copy(before, os.path.join(folder, "chip.json"))
    rig.insert(0, folder, ms)
    return ours, rig.end(rig.begin("raw", "cardwright r0 00 00", record))


def one_row(rig, ms, what, ratio=None):
    hsmd = hsmd_cpu_us(rig.hsmd.pid())
    pairs = [one_card(rig, n, ms) for n in range(ROUNDS)]
    time.sleep(0.3)
    hsmd = (hsmd_cpu_us(rig.hsmd.pid()) - hsmd) / ROUNDS
    apdus = pairs[0][0][2]
    ours = [o[0] for o, _ in pairs]
    row.line(f"chip: 30 DGIs SCP03/33, {what}", "vpcd", f"{apdus} SCardTransmit, added per APDU", ours, [b[0] for _, b in pairs],
             ratio, apdus)
    print(f"  CPU {middle([o[1] for o, _ in pairs]) / apdus:.1f} us an APDU, and {hsmd / apdus:.1f} of hsmd")
    return middle(ours)


def parallel(rig, alone, ms):
    for slot in range(READERS):
        rig.insert(slot, rig.plastic(f"p{slot}"), ms)
    start = time.monotonic()
    walls = [rig.end(p)[0] for p in [rig.ours(slot, rig.path(f"record{slot}")) for slot in range(READERS)]]
    total = time.monotonic() - start
    print(f"{'  ' + str(READERS) + ' readers at once, cards of 1 ms':<40} median {middle(walls):8d} us a card, slowest {max(walls)} us, "
          f"alone {alone} us; {total:.2f} s with the start of {READERS} programs and sessions")


def beside_others(ours_us):
    for name, (fastest, slowest) in OTHERS.items():
        print(f"  {name}, 29 DGIs SCP02/03, published: {fastest} to {slowest} ms; here {ours_us / 1000:.0f} ms with all that SCP03/33 adds, "
              f"{'ahead' if ours_us < fastest * 1000 else 'NOT ahead'}")


def main():
    rig = BenchRig(sys.argv[1])
    with open(os.path.join(SOURCE, "config/profiles/generic-debit.json")) as source:
        profile = json.load(source)
    profile["prepared"] = True
    more = GROUPINGS - len(profile["dgis"])
    data = f"pan {PAN}\nexpiry 3012\npsn 01\nservice_code 220\nname RAO/ASHA\n"
    data += "".join(f"dgi 0B{i:02X} {'5A' * 120}\n" for i in range(1, more + 1))
    try:
        rig.start()
        rig.write("profile.json", json.dumps(profile))
        rig.write("data", data)
        row.head()
        beside_others(one_row(rig, 0, "fast card"))
        parallel(rig, one_row(rig, 1, "1 ms card", RATIO), 1)
    finally:
        rig.stop()


main()
