# SPDX-License-Identifier: Apache-2.0
"""
cardwright-hsmd as cardwrightd sees it: sessions with a socket, keyed hash and masked PAN, a set-PIN form that the real
server opens. It does its own cryptography, from the documents, by libcrypto.
"""
import base64
import ctypes
import ctypes.util
import hashlib
import hmac
import os
import select
import socket

from wire import EVENT, Message, Server, fault

_crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
for _name in ("EVP_CIPHER_CTX_new", "EVP_aes_256_gcm"):
    getattr(_crypto, _name).restype = ctypes.c_void_p
_SET_IV_LENGTH, _GET_TAG, _SET_TAG = 9, 16, 17


def gcm(key, iv, data, seal):
    """AES-256-GCM with a 16-byte IV; sealed data ends with its tag."""
    ctx = ctypes.c_void_p(_crypto.EVP_CIPHER_CTX_new())
    enc = 1 if seal else 0
    text, tag = (data, b"") if seal else (data[:-16], data[-16:])
    out, n = ctypes.create_string_buffer(len(text) + 16), ctypes.c_int(0)
    ok = _crypto.EVP_CipherInit_ex(ctx, ctypes.c_void_p(_crypto.EVP_aes_256_gcm()), None, None, None, enc) == 1
    ok = ok and _crypto.EVP_CIPHER_CTX_ctrl(ctx, _SET_IV_LENGTH, 16, None) == 1
    ok = ok and _crypto.EVP_CipherInit_ex(ctx, None, None, key, iv, enc) == 1
    ok = ok and _crypto.EVP_CipherUpdate(ctx, out, ctypes.byref(n), text, len(text)) == 1
    if not seal:
        ok = ok and _crypto.EVP_CIPHER_CTX_ctrl(ctx, _SET_TAG, 16, ctypes.create_string_buffer(tag, 16)) == 1
    rest, got = ctypes.create_string_buffer(16), ctypes.create_string_buffer(16)
    ok = ok and _crypto.EVP_CipherFinal_ex(ctx, rest, ctypes.byref(n)) == 1
    if seal:
        ok = ok and _crypto.EVP_CIPHER_CTX_ctrl(ctx, _GET_TAG, 16, got) == 1
    _crypto.EVP_CIPHER_CTX_free(ctx)
    if not ok:
        raise ValueError("AES-GCM failed")
    return out.raw[:len(text)] + (got.raw if seal else b"")


class FakeHsmd(Server):
    def __init__(self, path, keys):
        super().__init__(path)
        self.keys = keys
        self.ready = True
        self.calls = []
        self.sessions = {}     # number -> {"kind", "job" or "ticket", "socket"}
        self.opened = 0
        self.refuse = {}       # call -> list of faults, used up one by one
        self.pin = "4826"
        self.next = int.from_bytes(os.urandom(2), "big")

    def pan_of(self, sealed):
        raw = base64.b64decode(sealed)
        return gcm(self.keys["dcms-pan"].value, raw[:16], raw[16:], False).decode()

    def pan_hash(self, pan):
        return hmac.new(self.keys["pan-hash"].value, pan.encode(), hashlib.sha256).hexdigest().upper()

    def request(self, connection, message):
        call = message.body["call"]
        self.calls.append(call)
        if self.refuse.get(call):
            self.reply(connection, message, self.refuse[call].pop(0))
            return
        getattr(self, "do_" + call.replace(".", "_"))(connection, message)

    def do_hello(self, connection, message):
        keys = [{"label": k.label, "purpose": k.purpose, "algorithm": k.algorithm, "kcv": k.kcv(), "ok": self.ready, "text": ""}
                for k in self.keys.values()]
        self.reply(connection, message, {
            "version": "fake", "token": {"label": "fake", "model": "", "manufacturer": ""}, "pin_path": "host-memory",
            "keys": keys, "ready": self.ready})

    def do_session_open(self, connection, message):
        body = message.body
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.next += 1
        session = {"kind": body["kind"], "for": body.get("job") or body.get("ticket"), "socket": ours, "pan": None}
        reply = {"session": self.next}
        if body["kind"] == "issue":
            session["pan"] = self.pan_of(message.attachments[0])
            reply["pan_hash"] = self.pan_hash(session["pan"])
            reply["masked_pan"] = session["pan"][:6] + "******" + session["pan"][-4:]
        self.sessions[self.next] = session
        self.opened += 1
        self.reply(connection, message, reply, fds=[theirs.fileno()])
        theirs.close()

    def do_session_close(self, connection, message):
        session = self.sessions.pop(message.body["session"], None)
        if session:
            session["socket"].close()
        self.reply(connection, message)

    def session_of(self, message):
        session = self.sessions.get(message.body["session"])
        if not session or session["kind"] != "kiosk":
            self.problems.append(f"{message.body['call']}: no such kiosk session")
        return session

    def do_kiosk_bind(self, connection, message):
        session = self.session_of(message)
        pan = self.pan_of(message.attachments[0])
        if session["pan"] != pan:
            self.reply(connection, message, fault("REJECT", "another card", "HSM_PAN_MISMATCH", layer=15))
            return
        session["bound"] = True
        self.reply(connection, message)

    def do_kiosk_seal_pan(self, connection, message):
        session, iv = self.session_of(message), os.urandom(16)
        sealed = iv + gcm(self.keys["dcms-pan"].value, iv, session["pan"].encode(), True)
        self.reply(connection, message, attachments=[base64.b64encode(sealed)])

    def do_pin_form(self, connection, message):
        session, iv = self.session_of(message), os.urandom(16)
        if not session.get("bound") or session.get("formed") or not session.get("equal"):
            self.problems.append("pin.form out of order")
        session["formed"] = True
        account = int("0000" + session["pan"][-13:-1], 16)
        field = int((f"{len(self.pin):02d}{self.pin}").ljust(16, "F"), 16)
        block = f"{account ^ field:016X}"
        form = iv + gcm(self.keys["dcms-pin"].value, iv, block.encode(), True)
        self.reply(connection, message, attachments=[base64.b64encode(form)])

    # ---- what the station would do on the session socket ----

    def kiosk_card(self, ticket, pan):
        """kiosk.pan of the station: the hash and the masked number."""
        for session in self.sessions.values():
            if session["for"] == ticket:
                session["pan"] = pan
        return self.pan_hash(pan), pan[:6] + "******" + pan[-4:]

    def kiosk_equal(self, ticket):
        for session in self.sessions.values():
            if session["for"] == ticket:
                session["equal"] = True

    # ---- for the checks ----

    def reap(self):
        """Sessions whose station hung up are over, as in hsmd."""
        for number, session in list(self.sessions.items()):
            ready, _, _ = select.select([session["socket"]], [], [], 0)
            if ready:
                session["socket"].close()
                self.sessions.pop(number, None)
        return self.sessions

    def restart(self):
        """A new process: other connections, no session, numbers from the start."""
        self.stop()
        self.end_sessions()
        self.next = 0
        os.unlink(self.path)
        self.listen()

    def end_sessions(self):
        for session in self.sessions.values():
            session["socket"].close()
        self.sessions = {}

    def close_session_of(self, job):
        """The worker of this job's session died."""
        for number, session in list(self.sessions.items()):
            if session["for"] == job:
                session["socket"].close()
                self.sessions.pop(number, None)
                self.connection.send(Message(EVENT, {"event": "session.closed", "session": number,
                                                     "error": fault("RECONNECT", "the worker ended")["error"]}))
                return number
        return None


