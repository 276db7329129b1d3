#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A GemPC PinPad on a serial line, played on a pty for libccid's serial driver: CCID messages in frames 03 06 .. LRC, each command
echoed before its answer. serial_pad.py LINK CUSTOMER LOG: the file CUSTOMER has what the customer does next, one word."""
import os
import pty
import sys
import tty

SYNC, ACK = 0x03, 0x06
POWER_ON, POWER_OFF, SLOT_STATUS, GET_PARAMETERS, SET_PARAMETERS, XFR_BLOCK, ESCAPE, SECURE = (
    0x62, 0x63, 0x65, 0x6C, 0x61, 0x6F, 0x6B, 0x69)
DATA_BLOCK, STATUS, PARAMETERS, ESCAPED = 0x80, 0x81, 0x82, 0x83
ATR = bytes.fromhex("3B600000")  # T=0 only
VERIFY = bytes.fromhex("001E8947040C0402010904" "00" "000000" "0020008008" "20FFFFFFFFFFFFFF")
MODIFY = bytes.fromhex("011E89470400080C0403020309040001" "02" "000000" "0024008010" "20FFFFFFFFFFFFFF" "20FFFFFFFFFFFFFF")
# What the customer does, and how a CCID reader tells it: bytes of the card, or an error of the slot.
CUSTOMERS = {"right": (b"\x90\x00", 0), "wrong": (b"\x63\xC2", 0), "last": (b"\x63\xC0", 0), "locked": (b"\x69\x83", 0),
             "refused": (b"\x69\x85", 0), "cancel": (b"", 0xEF), "timeout": (b"", 0xF0), "differ": (b"", 0xEE)}


def lrc(data):
    total = 0
    for byte in data:
        total ^= byte
    return bytes([total])


class Pad:
    def __init__(self, link, customer, log):
        self.line, slave = pty.openpty()
        tty.setraw(self.line)
        tty.setraw(slave)
        self.slave = slave  # kept open, so that the line never hangs up
        self.customer, self.log = customer, open(log, "a", buffering=1, encoding="ascii")
        self.powered = False
        os.symlink(os.ttyname(slave), link)

    def bytes(self, count):
        data = b""
        while len(data) < count:
            data += os.read(self.line, count - len(data))
        return data

    def command(self):
        while self.bytes(1)[0] != SYNC:
            pass
        control, header = self.bytes(1), self.bytes(10)
        data = self.bytes(int.from_bytes(header[1:5], "little"))
        good = lrc(bytes([SYNC]) + control + header + data) == self.bytes(1)
        if control[0] != ACK or not good:
            self.log.write("violation: a frame with a wrong check\n")
        return header, data

    def send(self, message):
        frame = bytes([SYNC, ACK]) + message
        os.write(self.line, frame + lrc(frame))

    def answer(self, header, kind, data=b"", error=0, last=0):
        slot = 0 if self.powered else 1
        status = slot | (0x40 if error else 0)
        message = bytes([kind]) + len(data).to_bytes(4, "little") + bytes([header[5], header[6], status, error, last]) + data
        return message

    def secure(self, header, data):
        kind = "verify" if data == VERIFY else "modify" if data == MODIFY else None
        if kind is None:
            self.log.write(f"violation: PC_to_RDR_Secure {data.hex()}\n")
            return self.answer(header, DATA_BLOCK, error=0x0F)
        with open(self.customer, encoding="ascii") as f:
            word = f.read().strip()
        self.log.write(f"{kind} {word}\n")
        card, error = CUSTOMERS[word]
        return self.answer(header, DATA_BLOCK, card, error)

    def serve(self):
        self.serve_other(*self.command())

    def serve_other(self, header, data):
        kind = header[0]
        if kind == POWER_ON:
            self.powered = True
            reply = self.answer(header, DATA_BLOCK, ATR)
        elif kind == POWER_OFF:
            self.powered = False
            reply = self.answer(header, STATUS)
        elif kind == SLOT_STATUS:
            reply = self.answer(header, STATUS)
        elif kind == GET_PARAMETERS:
            reply = self.answer(header, PARAMETERS, bytes([0x11, 0, 0, 10, 0]))
        elif kind == SET_PARAMETERS:
            reply = self.answer(header, PARAMETERS, data)
        elif kind == XFR_BLOCK:
            reply = self.answer(header, DATA_BLOCK, b"\x6D\x00")
        elif kind == ESCAPE:
            reply = self.answer(header, ESCAPED, b"GemPinPad test" if data[:1] == b"\x02" else b"")
        elif kind == SECURE:
            reply = self.secure(header, data)
        else:
            self.log.write(f"violation: command {kind:02X}\n")
            reply = self.answer(header, STATUS, error=0x01)
        # libccid 1.5.2 reads the echo of an escape command into the answer's buffer: it gets the answer instead.
        self.send(reply if kind == ESCAPE else header + data)
        self.send(reply)


if __name__ == "__main__":
    pad = Pad(*sys.argv[1:4])
    while True:
        pad.serve()
