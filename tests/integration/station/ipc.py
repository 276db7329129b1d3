# SPDX-License-Identifier: Apache-2.0
"""The daemons' message sockets as ARCHITECTURE.md, "Talk", describes them; blocking, one thread."""
import json
import os
import select
import socket
import struct
import time

MAGIC = 0x43574931
HEADER = struct.Struct(">IBBBBIII8I")
REQUEST, REPLY, EVENT = 1, 2, 3


class Refused(Exception):
    """An error reply."""

    def __init__(self, error):
        super().__init__(error.get("text"))
        self.error = error


class Peer:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 512 * 1024)
        self.sock.connect(path)
        self.next_id = 0
        self.events = []
        self.replies = {}
        self.on_event = None

    def close(self):
        self.sock.close()

    def send(self, method, /, attachments=(), fds=(), **members):
        self.next_id += 1
        body = json.dumps({"call": method, **members}).encode()
        lengths = [len(a) for a in attachments] + [0] * (8 - len(attachments))
        header = HEADER.pack(MAGIC, REQUEST, len(attachments), len(fds), 0, 0, self.next_id, len(body), *lengths)
        socket.send_fds(self.sock, [header + body + b"".join(attachments)], list(fds))
        return self.next_id

    def _receive(self, seconds):
        if not select.select([self.sock], [], [], seconds)[0]:
            raise TimeoutError("no message")
        data, fds, _, _ = socket.recv_fds(self.sock, 256 * 1024, 2)
        if not data:
            raise ConnectionError("the other side closed")
        fields = HEADER.unpack_from(data)
        kind, ident, size, lengths = fields[1], fields[6], fields[7], fields[8:16]
        at = HEADER.size + size
        message = {"json": json.loads(data[HEADER.size:at]), "fds": list(fds), "att": []}
        for length in lengths[:fields[2]]:
            message["att"].append(data[at:at + length])
            at += length
        if kind == EVENT:
            self.events.append(message["json"])
            if self.on_event:
                self.on_event(self, message["json"])
        else:
            self.replies[ident] = message

    def wait(self, ident, seconds=60):
        end = time.monotonic() + seconds
        while ident not in self.replies:
            self._receive(max(0.0, end - time.monotonic()))
        message = self.replies.pop(ident)
        if not message["json"].get("ok"):
            raise Refused(message["json"]["error"])
        return message

    def call(self, method, /, attachments=(), fds=(), seconds=60, **members):
        """The reply with its attachments and descriptors."""
        return self.wait(self.send(method, attachments, fds, **members), seconds)

    def ask(self, method, /, seconds=60, **members):
        """The members of the reply."""
        return self.call(method, seconds=seconds, **members)["json"]


def close_all(fds):
    for fd in fds:
        os.close(fd)
