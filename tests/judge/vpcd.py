# SPDX-License-Identifier: Apache-2.0
"""A card at the end of vpcd's socket: power, ATR, and what T=0 does with the four cases of a command."""
import socket
import struct
import threading

OFF, ON, RESET, ATR = 0, 1, 2, 4


class Slot(threading.Thread):
    """Inserts a card for as long as it lives. The card has atr, t0, power() and command(cla, ins, p1, p2, data, le)."""

    def __init__(self, port, card):
        super().__init__(daemon=True)
        self.card, self.held, self.failure = card, b"", None
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.start()

    def remove(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the reader hung up first
        self.join(10)
        self.socket.close()

    def _read(self, size):
        data = b""
        while len(data) < size:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            part = self.socket.recv(size - len(data))
            if not part:
                return None
            data += part
        return data

    def run(self):
        try:
            while True:
                head = self._read(2)
                message = self._read(struct.unpack(">H", head)[0]) if head else None
                if message is None:
                    return
                answer = self._control(message[0]) if len(message) == 1 else self._apdu(message)
                if answer is not None:
                    self.socket.sendall(struct.pack(">H", len(answer)) + answer)
        except OSError:
            return
        except Exception as e:  # noqa: BLE001
            self.failure = e
            raise

    def _control(self, what):
        if what == ATR:
            return self.card.atr
        self.held = b""
        self.card.power()
        return None

    def _apdu(self, apdu):
        header, rest = apdu[:4], apdu[4:]
        if self.card.t0 and header[1] == 0xC0:
            return self._get_response(rest[0] or 256)
        self.held = b""
        data, le = b"", None
        if len(rest) == 1:
            le = rest[0] or 256
        elif rest:
            data, tail = rest[1:1 + rest[0]], rest[1 + rest[0]:]
            if len(data) != rest[0] or len(tail) > 1 or (tail and self.card.t0):
                return b"\x67\x00"
            le = (tail[0] or 256) if tail else None
        answer, sw = self.card.command(header, data, le)
        return self._t0(data, le, answer, sw) if self.card.t0 else answer + sw.to_bytes(2, "big")

    def _t0(self, data, le, answer, sw):
        if not answer:
            return sw.to_bytes(2, "big")
        if data or le is None:
            self.held, self.sw = answer, sw
            return bytes([0x61, len(answer) & 0xFF])
        if le != len(answer):
            return bytes([0x6C, len(answer) & 0xFF])
        return answer + sw.to_bytes(2, "big")

    def _get_response(self, size):
        if not self.held:
            return b"\x69\x85"
        part, self.held = self.held[:size], self.held[size:]
        if self.held:
            return part + bytes([0x61, len(self.held) & 0xFF])
        return part + self.sw.to_bytes(2, "big")
