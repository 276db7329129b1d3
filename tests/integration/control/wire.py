# SPDX-License-Identifier: Apache-2.0
"""Messages between the daemons as ARCHITECTURE.md, "Talk", and base/ipc_wire.h have them, written anew for the other side."""
import array
import json
import socket
import struct
import threading

MAGIC = 0x43574931
REQUEST, REPLY, EVENT = 1, 2, 3
HEADER = struct.Struct(">IBBBBIII8I")
JSON_MAX = 16384
MESSAGE_MAX = HEADER.size + JSON_MAX + 96 * 1024


class Gone(Exception):
    """The other side hung up, or we did."""


class Message:
    def __init__(self, kind, body, number=0, attachments=(), fds=(), generation=0):
        self.kind, self.body, self.number = kind, body, number
        self.attachments, self.fds, self.generation = list(attachments), list(fds), generation

    def encode(self):
        text = json.dumps(self.body).encode()
        lengths = [len(a) for a in self.attachments] + [0] * (8 - len(self.attachments))
        head = HEADER.pack(MAGIC, self.kind, len(self.attachments), len(self.fds), 0, self.generation, self.number,
                           len(text), *lengths)
        return head + text + b"".join(self.attachments)


def decode(data, fds):
    magic, kind, att_count, fd_count, zero, generation, number, json_len, *lengths = HEADER.unpack_from(data)
    if magic != MAGIC or zero or kind not in (REQUEST, REPLY, EVENT) or fd_count != len(fds) or any(lengths[att_count:]):
        raise ValueError("malformed header")
    at = HEADER.size
    body = json.loads(data[at:at + json_len])
    at += json_len
    attachments = []
    for length in lengths[:att_count]:
        attachments.append(data[at:at + length])
        at += length
    if at != len(data):
        raise ValueError("the datagram has another length than its header says")
    return Message(kind, body, number, attachments, fds, generation)


class Connection:
    """One end; sends may come from any thread."""

    def __init__(self, sock):
        self.sock = sock
        self.lock = threading.Lock()
        self.open = True

    def send(self, message):
        with self.lock:
            if not self.open:
                raise Gone()
            try:
                rights = array.array("i", message.fds)
                extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if message.fds else []
                self.sock.sendmsg([message.encode()], extra)
            except OSError as e:
                raise Gone() from e

    def receive(self):
        try:
            data, extra, _, _ = self.sock.recvmsg(MESSAGE_MAX, socket.CMSG_SPACE(8 * 4))
        except OSError as e:
            raise Gone() from e
        if not data:
            raise Gone()
        fds = array.array("i")
        for level, kind, rights in extra:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(rights[:len(rights) - len(rights) % fds.itemsize])
        return decode(data, list(fds))

    def close(self):
        with self.lock:
            if self.open:
                self.open = False
                try:
                    self.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                self.sock.close()


def fault(cls, text, code="", layer=8, number=8):
    """An error as base/error.h writes it; classes by their number there."""
    classes = ["NONE", "RETRY", "RECONNECT", "OPERATOR", "REJECT", "IN_DOUBT", "FATAL"]
    rc = layer << 24 | classes.index(cls) << 16 | number
    return {"ok": False, "error": {"rc": f"0x{rc:08x}", "class": cls, "layer": "station", "native": 0, "op": "fake",
                                   "code": code, "text": text}}


class Server:
    """Listens on one path; the newest connection is the one that counts."""

    def __init__(self, path):
        self.path = path
        self.connection = None
        self.listener = None
        self.lock = threading.RLock()
        self.problems = []

    def listen(self):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(4)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                if self.connection:
                    self.connection.close()
                self.connection = Connection(sock)
                self.connected()
                threading.Thread(target=self._serve, args=(self.connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            while True:
                message = connection.receive()
                if message.kind == REQUEST:
                    self.request(connection, message)
                else:
                    self.problems.append(f"{message.body} is not a request")
        except Gone:
            connection.close()
        except Exception as e:  # a fault of the test must fail the test
            self.problems.append(f"{type(e).__name__}: {e}")
            connection.close()

    def connected(self):
        pass

    def request(self, connection, message):
        raise NotImplementedError

    @staticmethod
    def reply(connection, request, body=None, attachments=(), fds=()):
        body = {"ok": True, **(body or {})} if body is None or "ok" not in body else body
        connection.send(Message(REPLY, body, request.number, attachments, fds, request.generation))

    def hang_up(self):
        with self.lock:
            if self.connection:
                self.connection.close()
                self.connection = None

    def stop(self):
        """The process is gone: nobody listens, the socket file stays."""
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)  # or the thread in accept() would keep it alive
            self.listener.close()
            self.listener = None
        self.hang_up()
