# SPDX-License-Identifier: Apache-2.0
"""
Another client of pcscd, in this process: it looks at readers, and it resets a card between two commands of the station, which
asks before each (tests/emu/card/pcsc_gate.c).
"""
import ctypes
import os
import socket
import threading

SHARED, T0_OR_T1, LEAVE, RESET, PRESENT = 2, 3, 0, 1, 0x20
SHARING_VIOLATION = 0x8010000B


class _State(ctypes.Structure):
    _fields_ = [("reader", ctypes.c_char_p), ("user", ctypes.c_void_p), ("current", ctypes.c_ulong), ("event", ctypes.c_ulong),
                ("atr_len", ctypes.c_ulong), ("atr", ctypes.c_ubyte * 33)]


class Client:
    """One context of pcscd, for one thread at a time."""

    def __init__(self, pcscd):
        os.environ["PCSCLITE_CSOCK_NAME"] = pcscd
        self.lib, self.context = ctypes.CDLL("libpcsclite.so.1"), ctypes.c_long()
        self._call("SCardEstablishContext", ctypes.c_ulong(2), None, None, ctypes.byref(self.context))

    def _ask(self, name, *args):
        return getattr(self.lib, name)(*args) & 0xFFFFFFFF

    def _call(self, name, *args):
        rv = self._ask(name, *args)
        if rv:
            raise OSError(f"{name}: {rv:08X}")

    def close(self):
        self._call("SCardReleaseContext", self.context)

    def present(self, reader):
        state = _State(reader.encode(), None, 0, 0, 0)
        self._call("SCardGetStatusChange", self.context, ctypes.c_ulong(0), ctypes.byref(state), ctypes.c_ulong(1))
        return bool(state.event & PRESENT)

    def reset(self, reader):
        """What the connect said, and what the reset of the card said when there was one."""
        card, protocol = ctypes.c_long(), ctypes.c_ulong()
        got = self._ask("SCardConnect", self.context, reader.encode(), ctypes.c_ulong(SHARED), ctypes.c_ulong(T0_OR_T1),
                        ctypes.byref(card), ctypes.byref(protocol))
        if got:
            return got, None
        done = self._ask("SCardReconnect", card, ctypes.c_ulong(SHARED), ctypes.c_ulong(T0_OR_T1), ctypes.c_ulong(RESET),
                         ctypes.byref(protocol))
        self._call("SCardDisconnect", card, ctypes.c_ulong(LEAVE))
        return got, done


class Gate(threading.Thread):
    """plan[reader] = (shared, at): whether the station's next connection is a shared one, and before which commands another
    client resets the card: a number, or None for each. told[reader]: what that client was answered."""

    def __init__(self, path, pcscd):
        super().__init__(daemon=True)
        self.pcscd, self.plan, self.counts, self.told = pcscd, {}, {}, {}
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(1)
        self.start()

    def arm(self, reader, shared, at):
        self.counts[reader], self.told[reader] = 0, []
        self.plan[reader] = (shared, at)

    def disarm(self, reader):
        self.plan.pop(reader, None)
        return self.told.pop(reader, [])

    def run(self):
        """One station, and the one that comes after it."""
        client = Client(self.pcscd)
        while True:
            station, _ = self.socket.accept()
            with station, station.makefile("r") as lines:
                for line in lines:
                    station.sendall(self.answer(client, *line.rstrip("\n").split(" ", 1)))

    def answer(self, client, what, reader):
        shared, at = self.plan.get(reader, (False, 0))
        if what == "transmit":
            self.counts[reader] = self.counts.get(reader, 0) + 1
            if at is None or at == self.counts[reader]:
                self.told[reader].append(client.reset(reader))
        return b"s" if what == "connect" and shared else b"e"
