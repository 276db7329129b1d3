# SPDX-License-Identifier: Apache-2.0
"""
The personalisation of a chip (SELECT to the last STORE DATA: secure channel through hsmd, one reader) against as many bare
SCardTransmit calls to the same kind of virtual chip through the same pcscd.
"""
import ctypes
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "branch"), HERE]
from branch import Branch  # noqa: E402
import row  # noqa: E402

CARDS = 8
LOOPS = 40
GET_CPLC = bytes.fromhex("80CA9F7F00")
SCOPE_SYSTEM, SHARE_EXCLUSIVE, PROTOCOL_ANY, LEAVE_CARD = 2, 1, 3, 0


class IoRequest(ctypes.Structure):
    _fields_ = [("protocol", ctypes.c_ulong), ("length", ctypes.c_ulong)]


class Reader:
    """libpcsclite, nothing between."""

    def __init__(self, name, socket_name):
        os.environ["PCSCLITE_CSOCK_NAME"] = socket_name
        self.lib = ctypes.CDLL("libpcsclite.so.1")
        self.card = ctypes.c_long()
        self.protocol = ctypes.c_ulong()
        context = ctypes.c_long()
        self._ok(self.lib.SCardEstablishContext(ctypes.c_ulong(SCOPE_SYSTEM), None, None, ctypes.byref(context)))
        end = time.monotonic() + 10
        while self.lib.SCardConnect(context, name.encode(), ctypes.c_ulong(SHARE_EXCLUSIVE), ctypes.c_ulong(PROTOCOL_ANY),
                                    ctypes.byref(self.card), ctypes.byref(self.protocol)):
            if time.monotonic() > end:
                raise RuntimeError("no card in " + name)
            time.sleep(0.05)

    @staticmethod
    def _ok(result):
        if result:
            raise RuntimeError(f"PC/SC: {result & 0xFFFFFFFF:08X}")

    def transmit(self, apdu):
        answer = ctypes.create_string_buffer(512)
        length = ctypes.c_ulong(len(answer))
        header = IoRequest(self.protocol.value, ctypes.sizeof(IoRequest))
        self._ok(self.lib.SCardTransmit(self.card, ctypes.byref(header), apdu, ctypes.c_ulong(len(apdu)), None, answer,
                                        ctypes.byref(length)))
        return answer.raw[:length.value]

    def close(self):
        self.lib.SCardDisconnect(self.card, ctypes.c_ulong(LEAVE_CARD))


def loops_of(log):
    """(commands, milliseconds) of each personalisation: from a card's first SELECT to its last STORE DATA."""
    found, first, count, last = [], None, 0, None
    for line in log.splitlines() + ["0 card out"]:
        at, _, what = line.partition(" ")
        ins = re.match(r"INS ([0-9A-F]{2})", what)
        if ins:
            first = first or int(at)
            count += 1
        if what.startswith("SW") and last == "E2":
            end = (count, int(at) - first)
        last = ins.group(1) if ins else None if what.startswith("SW") else last
        if what.startswith("card out") and count:
            found.append(end)
            first, count = None, 0
    return found


def bare_loops(branch, kit, count):
    card = branch.plastic_of(kit)[0]
    branch.desks[0].printer.ask(cmd="take", plastic=card["folder"])
    branch.kiosk.stop()
    branch.kiosk_card.ask(cmd="present", plastic=card["folder"])
    reader = Reader("cardwright kiosk-1 00 00", branch.pcsc["PCSCLITE_CSOCK_NAME"])
    times = []
    for _ in range(LOOPS):
        start = time.monotonic()
        for _ in range(count):
            if reader.transmit(GET_CPLC)[-2:] != b"\x90\x00":
                raise RuntimeError("the chip refused GET DATA")
        times.append((time.monotonic() - start) * 1e3)
    reader.close()
    return times


def main():
    branch = Branch(sys.argv[1], desks=1)
    try:
        branch.start()
        kits = branch.order("ORDER-BENCH", {"CLASSIC": CARDS}, ["ASHA NAIR"] * CARDS)
        branch.wait_jobs("the cards", lambda jobs: sum(j["wait"] == "handover" for j in jobs) == CARDS, 120)
        with open(branch.path("logs", "apdu-desk-1.log")) as log:
            loops = loops_of(log.read())
        if len(loops) != CARDS:
            raise RuntimeError(f"{len(loops)} personalisations for {CARDS} cards")
        commands = loops[0][0]
        ours, bare = [ms for _, ms in loops], bare_loops(branch, kits[0], commands)
    finally:
        branch.stop()
        branch.remove()
    row.head()
    row.line(f"chip: a card's {commands} APDUs", "vpcd", f"{commands} SCardTransmit", [ms * 1e3 for ms in ours],
             [ms * 1e3 for ms in bare], every=commands)

main()
