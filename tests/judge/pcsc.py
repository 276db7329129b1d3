# SPDX-License-Identifier: Apache-2.0
"""PC/SC through libpcsclite: one card, one connection, T=0 and T=1."""
import ctypes
import os

EXCLUSIVE, T0, T1, UNPOWER = 1, 1, 2, 2


class _Io(ctypes.Structure):
    _fields_ = [("protocol", ctypes.c_ulong), ("size", ctypes.c_ulong)]


class CardError(Exception):
    pass


class Connection:
    def __init__(self, socket, reader):
        os.environ["PCSCLITE_CSOCK_NAME"] = socket
        self.lib, self.context, self.card, self.protocol = ctypes.CDLL("libpcsclite.so.1"), ctypes.c_long(), ctypes.c_long(), ctypes.c_ulong()
        self._call("SCardEstablishContext", ctypes.c_ulong(2), None, None, ctypes.byref(self.context))
        self._call("SCardConnect", self.context, reader.encode(), ctypes.c_ulong(EXCLUSIVE), ctypes.c_ulong(T0 | T1),
                   ctypes.byref(self.card), ctypes.byref(self.protocol))

    def _call(self, name, *args):
        rv = getattr(self.lib, name)(*args) & 0xFFFFFFFF
        if rv:
            raise CardError(f"{name}: {rv:08X}")

    def close(self):
        self._call("SCardDisconnect", self.card, ctypes.c_ulong(UNPOWER))
        self._call("SCardReleaseContext", self.context)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _exchange(self, apdu):
        answer, size = ctypes.create_string_buffer(260), ctypes.c_ulong(260)
        head = _Io(self.protocol.value, ctypes.sizeof(_Io))
        self._call("SCardTransmit", self.card, ctypes.byref(head), apdu, ctypes.c_ulong(len(apdu)), None, answer, ctypes.byref(size))
        if size.value < 2:
            raise CardError("no answer")
        return answer.raw[:size.value - 2], int.from_bytes(answer.raw[size.value - 2:size.value], "big")

    def send(self, header, data=None, le=None):
        """(answer, status word); header in hex, le 0 for all there is."""
        apdu = bytes.fromhex(header)
        if data is not None:
            apdu += bytes([len(data)]) + data
        if le is not None and (data is None or self.protocol.value == T1):
            apdu += bytes([le])
        elif data is None and le is None and self.protocol.value == T0:
            apdu += b"\0"
        answer, sw = self._exchange(apdu)
        if sw >> 8 == 0x6C:
            answer, sw = self._exchange(apdu[:4] + (apdu[4:-1] if data is not None else b"") + bytes([sw & 0xFF]))
        while sw >> 8 == 0x61:
            more, sw = self._exchange(bytes([0x00, 0xC0, 0x00, 0x00, sw & 0xFF]))
            answer += more
        return answer, sw
