# SPDX-License-Identifier: Apache-2.0
"""A kiosk as cardwrightd sees it: a reader in which a card is or is not, a customer who enters what the test says."""
import os
import threading
import time

from fake_station import FakeStation
from wire import Gone, fault


class FakeKiosk(FakeStation):
    def __init__(self, folder, name, hsmd):
        super().__init__(folder, name, "kiosk")
        self.hsmd = hsmd
        self.pan = None          # of the card in the reader
        self.ticket = None
        self.cancel = threading.Event()
        self.genuine = True
        self.outcome = "equal"
        self.shown, self.begun, self.pins = [], 0, 0
        self.keypad = []         # what the chip says to a PIN at the reader's keypad, one a question
        self.proofs = 0
        self.begin_reply = None  # a fault, to the card that is put in
        self.scripts = []        # commands of each kiosk.script
        self.script_reply = {"outcome": "done", "genuine": True, "atc": 7, "done": 1, "sw": "9000", "code": "", "text": ""}

    def do_status(self, connection, message):
        self.reply(connection, message, {"reader": {"name": "fake", "present": True, "card": self.pan is not None},
                                         "pinpad": {"present": True}, "busy": bool(self.running)})

    def later(self, fn, connection, message):
        def run():
            self.running = (message.body["call"],)
            try:
                body = fn(message)
                self.running = None
                self.reply(connection, message, body)
            except Gone:
                self.running = None
        threading.Thread(target=run, daemon=True).start()

    def do_kiosk_begin(self, connection, message):
        if len(message.fds) != 1:
            self.problems.append("kiosk.begin without a session")
        self.forget_session()
        self.session = message.fds[0]
        self.ticket = message.body["ticket"]
        self.begun += 1
        self.cancel.clear()
        self.later(self.wait_for_card, connection, message)

    def wait_for_card(self, message):
        end = time.monotonic() + message.body["timeout_ms"] / 1000
        while self.pan is None:
            if self.cancel.wait(0.02) or time.monotonic() > end:
                return fault("RETRY", "no card came", "PRD_TIMEOUT")
        if self.begin_reply:
            return self.begin_reply
        pan_hash, masked = self.hsmd.kiosk_card(self.ticket, self.pan)
        return {"pan_hash": pan_hash, "masked_pan": masked, "expiry": "3012"}

    def check_ticket(self, message):
        if message.body["ticket"] != self.ticket:
            self.problems.append(f"{message.body['call']} for ticket {message.body['ticket']}, the kiosk has {self.ticket}")

    def do_kiosk_prove(self, connection, message):
        self.check_ticket(message)
        self.later(lambda m: {"genuine": self.genuine, "atc": 1}, connection, message)

    def do_kiosk_pin(self, connection, message):
        self.check_ticket(message)
        self.pins += 1
        if not self.genuine:
            self.problems.append("a PIN was asked for although the card is not genuine")
        if self.outcome == "equal":
            self.hsmd.kiosk_equal(self.ticket)
        self.later(lambda m: {"outcome": self.outcome, "text": ""}, connection, message)

    def do_kiosk_script(self, connection, message):
        self.check_ticket(message)
        self.scripts.append(message.body["commands"])
        self.later(lambda m: self.script_reply, connection, message)

    def do_kiosk_keypad(self, connection, message):
        self.check_ticket(message)
        self.proofs += 1
        self.later(lambda m: self.keypad.pop(0), connection, message)

    def do_kiosk_show(self, connection, message):
        self.check_ticket(message)
        self.shown.append(message.body["text"])
        self.reply(connection, message)

    def do_kiosk_end(self, connection, message):
        if message.body["ticket"] == self.ticket:
            self.cancel.set()
            self.forget_session()
            self.ticket = None
        self.reply(connection, message)

    def connected(self):
        self.cancel.set()

    def remove(self):
        self.stop()
        if os.path.exists(self.path):
            os.unlink(self.path)
