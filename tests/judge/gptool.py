# SPDX-License-Identifier: Apache-2.0
"""A host that opens a secure channel to a GlobalPlatform card and sends commands through it."""
import os

from channel import TEST_KEY, host_of
from terminal import need


class Host:
    def __init__(self, connection, keys=(TEST_KEY,) * 3):
        self.card, self.keys, self.channel = connection, keys, None

    def open(self, scp, level, kvn=0, size=8):
        _, sw = self.card.send("00A40400", None, 0)
        need(sw == 0x9000, f"SELECT: {sw:04X}")
        challenge = os.urandom(size)
        answer, sw = self.card.send(f"8050{kvn:02X}00", challenge, 0)
        need(sw == 0x9000, f"INITIALIZE UPDATE: {sw:04X}")
        self.channel, mine = host_of(scp, challenge, answer, self.keys)
        header = bytes([0x84, 0x82, level, 0])
        sw = self.card.send(header.hex(), self.channel.wrap(header, mine))[1]
        need(sw == 0x9000, f"EXTERNAL AUTHENTICATE: {sw:04X}")
        self.channel.level = level
        if scp == 2 and level & 0x10:
            self.channel.rchain = self.channel.chain
        return answer

    def send(self, header, data=b""):
        """(answer, status word) of a command of class 80, wrapped."""
        plain = bytes.fromhex(header)
        if not self.channel.level:
            return self.card.send(header, data or None, 0)
        wrapped = bytes([plain[0] | 4]) + plain[1:]
        answer, sw = self.card.send(wrapped.hex(), self.channel.wrap(wrapped, data), 0)
        return self.channel.unwrap_response(plain + bytes([len(data)]) + data, answer, sw), sw
