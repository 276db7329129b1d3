#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The serial PIN pad of ../card/serial_pad.py with a real chip in its slot: emu-card connects to it as it would to vpcd.
chip_pad.py LINK CUSTOMER LOG PORT. The file CUSTOMER has one word of serial_pad.py, or the digits that the customer types."""
import os
import select
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "card"))

from serial_pad import DATA_BLOCK, POWER_OFF, POWER_ON, STATUS, VERIFY, XFR_BLOCK, Pad  # noqa: E402

ABSENT = 0x02
OFF, ON, ATR = b"\x00", b"\x01", b"\x04"


class ChipPad(Pad):
    def __init__(self, link, customer, log, port):
        super().__init__(link, customer, log)
        self.server = socket.create_server(("127.0.0.1", int(port)))
        self.chip = None

    # ---- the slot ----

    def look(self):
        """A card that was put in, or pulled out."""
        if self.chip and select.select([self.chip], [], [], 0)[0]:
            self.gone()
        if not self.chip and select.select([self.server], [], [], 0)[0]:
            self.chip = self.server.accept()[0]
            self.chip.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def gone(self):
        self.chip.close()
        self.chip, self.powered = None, False

    def tell(self, body):
        self.chip.sendall(len(body).to_bytes(2, "big") + body)

    def read(self, count):
        data = b""
        while len(data) < count:
            more = self.chip.recv(count - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def ask(self, body):
        """The chip's answer; b"" when it is pulled."""
        try:
            self.tell(body)
            return self.read(int.from_bytes(self.read(2), "big"))
        except OSError:
            self.gone()
            return b""

    # ---- CCID ----

    def answer(self, header, kind, data=b"", error=0, last=0):
        message = bytearray(super().answer(header, kind, data, error, last))
        if not self.chip:
            message[7] = (message[7] & 0xFC) | ABSENT
        return bytes(message)

    def power_on(self, header):
        try:
            if self.chip:
                self.tell(ON)
        except OSError:
            self.gone()
        atr = self.ask(ATR) if self.chip else b""
        self.powered = bool(atr)
        return self.answer(header, DATA_BLOCK, atr, 0 if atr else 0xFE)

    def exchange(self, header, command):
        reply = self.ask(command) if self.chip else b""
        return self.answer(header, DATA_BLOCK, reply, 0 if reply else 0xFE)

    @staticmethod
    def with_usual_limits(data):
        """The station's own time and PIN lengths, where they can be, as those of serial_pad.py."""
        at = 5 if data[:1] == b"\x00" else 7  # largest, smallest
        if len(data) < at + 2 or not (1 <= data[1] <= 60 and 4 <= data[at + 1] <= data[at] <= 12):
            return data
        return data[:1] + b"\x1E" + data[2:at] + b"\x0C\x04" + data[at + 2:]

    def secure(self, header, data):
        data = self.with_usual_limits(data)
        with open(self.customer, encoding="ascii") as f:
            word = f.read().strip()
        if not word.isdigit() or data != VERIFY:
            return super().secure(header, data)
        self.log.write("verify digits\n")
        block = f"2{len(word):X}{word}".ljust(16, "F")
        return self.exchange(header, bytes.fromhex("0020008008" + block))

    def serve(self):
        header, data = self.command()
        self.look()
        if header[0] == POWER_ON:
            reply = self.power_on(header)
        elif header[0] == POWER_OFF:
            if self.chip:
                try:
                    self.tell(OFF)
                except OSError:
                    self.gone()
            self.powered = False
            reply = self.answer(header, STATUS)
        elif header[0] == XFR_BLOCK:
            reply = self.exchange(header, data)
        else:
            self.serve_other(header, data)
            return
        self.send(header + data)
        self.send(reply)


if __name__ == "__main__":
    pad = ChipPad(*sys.argv[1:5])
    while True:
        pad.serve()
