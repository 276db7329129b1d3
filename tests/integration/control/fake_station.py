# SPDX-License-Identifier: Apache-2.0
"""
A station as cardwrightd sees it, with one plastic in an imagined machine. What it does with a step is scripted; it writes down
every step it is asked for, and what must never be asked.
"""
import os
import threading
import time

from wire import EVENT, Gone, Message, Server, fault

ORDER = ["feed", "stripe", "chip", "verify", "print", "eject"]
EFFECTS = {"feed": "transport", "stripe": "mag", "chip": "contact", "verify": "contact", "print": "print",
           "eject": "output", "reject": "reject"}
IN_MACHINE = ("transport", "contact", "contactless", "mag", "print")
ACK_PATIENCE_S = 20  # of a station
ACK_LOOK_S = 1.5


class Step:
    """How one step goes. effect: it happens; answer: done, failed, in_doubt, error, silent; then: keep, forget, hang_up, die."""

    def __init__(self, effect=True, answer="done", cls="OPERATOR", code="PRD_FEEDER_JAM", where=None, then="keep", seconds=0.0,
                 attempts=1, key_tried=False, ribbon_used=False, reply=None, hold=0.0):
        self.effect, self.answer, self.cls, self.code, self.where = effect, answer, cls, code, where
        self.then, self.seconds, self.attempts, self.reply = then, seconds, attempts, reply
        self.hold = hold            # seconds after the key try
        self.key_tried, self.ribbon_used = key_tried, ribbon_used


class FakeStation(Server):
    def __init__(self, folder, name, kind="issue", card_prefix="4790"):
        super().__init__(os.path.join(folder, name + ".sock"))
        self.name, self.kind, self.card_prefix = name, kind, card_prefix
        self.script = {}            # step -> list of Step, used up one by one
        self.refuse = {}            # call -> list of faults
        self.silent = set()         # calls that get no answer
        self.verdicts = []          # replies to reconcile, used up one by one; then the truth is told
        self.state, self.code = "ready", ""
        self.where, self.fed, self.taken, self.printed = "none", 0, [], 0
        self.job, self.session, self.last, self.running = None, None, None, None
        self.steps, self.calls, self.acked = [], [], []
        self.attempts, self.acks = [], {}
        self.acked_event = threading.Condition()
        self.ack_patience_s = ACK_PATIENCE_S
        self.seconds = 0.0          # of every step
        self.settings = {"mag.coercivity": "h", "zone": "1"}
        self.no_settings = ""
        self.abilities = ["contact", "contactless", "stripe"]
        self.effects = {}           # (job, seq) -> step that happened

    # ---- requests ----

    def connected(self):
        pass

    def request(self, connection, message):
        call = message.body["call"]
        self.calls.append((call, message.body))
        if call in self.silent:
            return
        if self.refuse.get(call):
            for fd in message.fds:
                os.close(fd)
            self.reply(connection, message, self.refuse[call].pop(0))
            return
        getattr(self, "do_" + call.replace(".", "_"))(connection, message)

    def do_hello(self, connection, message):
        self.reply(connection, message, {"station": self.name, "kind": self.kind, "version": "fake", "busy": bool(self.running),
                                         "job": self.job, "where": self.where})

    def do_status(self, connection, message):
        ready = self.state == "ready"
        self.reply(connection, message, {
            "printer": {"present": True, "state": self.state, "code": self.code, "text": "" if ready else "look at it",
                        "where": self.where, "abilities": self.abilities, "model": "fake", "serial": "F1", "firmware": "1", "family": "fake",
                        "inventory": {"model": "fake", "serial": "F1", "firmware": "1", "head": "K7",
                                      "board": None, "ribbon": "R1"},
                        "ribbon": {"kind": "ymcko", "remaining": 100, "capacity": 300, "serial": "R1"}, "counters": {}},
            "reader": {"name": "fake", "present": True, "card": False}, "pinpad": {"present": True},
            "busy": bool(self.running)})

    def do_printer_sheet(self, connection, message):
        lines = {"counters": [{"name": "cards", "value": "7", "unit": "cards", "writable": False}],
                 "sensors": [{"name": "cover", "value": "5.00", "unit": "V", "writable": False}],
                 "settings": [{"name": k, "value": v, "unit": "", "writable": k != "zone" and not self.no_settings} for k, v in self.settings.items()]}
        why = {"text": self.no_settings} if self.no_settings and message.body["sheet"] == "settings" else {}
        self.reply(connection, message, {"lines": lines[message.body["sheet"]], **why})

    def do_printer_apply(self, connection, message):
        for setting in message.body["settings"]:
            self.settings[setting["name"]] = setting["value"]
        message.body["sheet"] = "settings"
        self.do_printer_sheet(connection, message)

    def do_printer_raw(self, connection, message):
        self.reply(connection, message, {"answer": "said " + message.body["command"]})

    def do_printer_clean(self, connection, message):
        self.reply(connection, message, {"outcome": "done", "class": "OK", "code": "", "text": "", "where": "none"})

    def do_baseline(self, connection, message):
        if message.body.get("job") != self.job:
            self.problems.append(f"baseline for {message.body.get('job')} while the station has {self.job}")
        self.reply(connection, message, {"printer_serial": "F1", "cards_fed": self.fed, "panels": self.printed,
                                         "ribbon_remaining": 100, "reader_events": 0, "where": self.where, "cplc": ""})

    def do_job_begin(self, connection, message):
        body = message.body
        if len(message.fds) != 1:
            self.problems.append("job.begin without a session")
        if self.job not in (None, body["job"]):
            for fd in message.fds:
                os.close(fd)
            self.reply(connection, message, fault("REJECT", "the station still has job " + self.job))
            return
        self.forget_session()
        self.job, self.session = body["job"], message.fds[0]
        self.reply(connection, message)

    def do_job_end(self, connection, message):
        if message.body["job"] == self.job:
            self.forget_session()
            self.job = None
        self.reply(connection, message)

    def forget_session(self):
        if self.session is not None:
            os.close(self.session)
            self.session = None

    def do_result_last(self, connection, message):
        self.reply(connection, message, {"result": self.last})

    def do_result_ack(self, connection, message):
        body = message.body
        key = (body["job"], body["step"], body["seq"])
        self.acked.append(key)
        if self.last and key == tuple(self.last.get(k) for k in ("job", "step", "seq")):
            self.last = None
        self.reply(connection, message)

    def do_attempt_ack(self, connection, message):
        with self.acked_event:
            self.acks[(message.body["job"], message.body["seq"])] = True
            self.acked_event.notify_all()
        self.reply(connection, message)

    def do_reconcile(self, connection, message):
        body = message.body
        if "baseline" not in body or self.running:
            self.problems.append("reconcile without a baseline, or while a step runs")
        done = self.effects.get((body["job"], body["seq"])) == body["step"]
        truth = {"verdict": "done" if done else "not_done", "where": self.where, "evidence": {}, "text": ""}
        self.reply(connection, message, self.verdicts.pop(0) if self.verdicts else truth)

    # ---- steps ----

    def check_step(self, body):
        job, step, seq = body["job"], body["step"], body["seq"]
        if step == "preflight":
            if seq != 0:
                self.problems.append("preflight with a number")
            return
        if any(s == (job, step, seq) for s in self.steps):
            self.problems.append(f"{job} {step} {seq} asked twice")
        if any(s[0] == job and s[2] == seq for s in self.steps):
            self.problems.append(f"{job}: number {seq} used twice")
        if self.job != job:
            self.problems.append(f"{step} of {job} while the station has {self.job}")
        if step == "feed" and self.where in IN_MACHINE:
            self.problems.append(f"{job}: a card is fed behind one that is {self.where}")
        if step != "feed" and self.where not in IN_MACHINE:
            self.problems.append(f"{job}: {step} without a card in the machine")
        if "baseline" not in body:
            self.problems.append(f"{job}: {step} without its baseline")
        self.steps.append((job, step, seq))

    def do_step(self, connection, message):
        body = message.body
        if self.running:
            self.problems.append(f"{body['step']} of {body['job']} while {self.running} runs")
        self.check_step(body)
        queue = self.script.get(body["step"])
        how = queue.pop(0) if queue else Step()
        self.running = (body["job"], body["step"], body["seq"])
        threading.Thread(target=self.perform, args=(connection, message, how), daemon=True).start()

    def perform(self, connection, message, how):
        try:
            self.perform_step(connection, message, how)
        except Gone:
            self.running = None
        except Exception as e:
            self.running = None
            self.problems.append(f"{type(e).__name__}: {e}")

    def tell(self, body):
        """Events go to the connection of now."""
        try:
            if self.connection:
                self.connection.send(Message(EVENT, body))
        except Gone:
            pass

    def try_keys(self, body, how):
        """ATTEMPT before each key; False when it was not acknowledged."""
        for i in range(how.attempts):
            key = (body["job"], body["seq"])
            self.acks.pop(key, None)
            card = self.card_prefix + f"{self.fed:036d}"
            self.attempts.append(key)
            self.tell({"event": "attempt", "job": key[0], "step": "chip", "seq": key[1], "card": card, "kvn": 48, "scp": 3})
            if not self.acknowledged(key):
                return False
        return True

    def acknowledged(self, key):
        """Waits as long as a station does for a daemon that is there, and a moment for one that is gone."""
        connection, tries = self.connection, 0
        with self.acked_event:
            while not self.acked_event.wait_for(lambda: self.acks.get(key), ACK_LOOK_S):
                tries += 1
                if not (connection and connection.open) or tries * ACK_LOOK_S >= self.ack_patience_s:
                    return False
        return True

    def apply(self, body):
        step = body["step"]
        self.where = EFFECTS.get(step, self.where)
        self.fed += step == "feed"
        self.printed += 3 if step == "print" else 0
        self.effects[(body["job"], body["seq"])] = step
        if step in ("eject", "reject"):
            self.taken.append((body["job"], step))

    def result_of(self, body, how):
        outcome = how.answer if how.answer in ("done", "failed", "in_doubt") else "done"
        done = outcome == "done"
        return {"job": body["job"], "step": body["step"], "seq": body["seq"], "outcome": outcome,
                "class": "OK" if done else "IN_DOUBT" if outcome == "in_doubt" else how.cls, "code": "" if done else how.code,
                "text": "" if done else "scripted", "where": how.where or self.where, "ribbon_used": how.ribbon_used or
                (done and body["step"] == "print"), "key_tried": how.key_tried, "evidence": {}, "ms": 1}

    def perform_step(self, connection, message, how):
        body = message.body
        self.tell({"event": "progress", "job": body["job"], "step": body["step"], "percent": 50, "text": "half way"})
        time.sleep(how.seconds or self.seconds)
        if body["step"] == "chip" and how.effect:
            if self.try_keys(body, how):
                how.key_tried = True
                time.sleep(how.hold)
            else:
                how = Step(False, "failed", "RETRY", "PRD_TIMEOUT")
        if how.effect and body["step"] != "preflight":
            self.apply(body)
        if how.where:
            self.where = how.where
        result = how.reply if how.reply is not None else self.result_of(body, how)
        keeps = body["step"] != "preflight" and how.answer != "error" and how.then not in ("forget", "die")
        self.last = result if keeps else self.last if body["step"] == "preflight" else None
        self.running = None
        if how.then == "die":
            self.restart()
        elif how.then in ("hang_up", "forget"):
            self.hang_up()
        elif how.answer == "error":
            self.reply(connection, message, fault(how.cls, "scripted", how.code))
        elif how.answer != "silent":
            self.reply(connection, message, result)

    def restart(self, away_s=0.0):
        """A new process: it knows nothing of a job, the machine is as it was."""
        self.stop()
        self.forget_session()
        self.job = self.last = self.running = None
        time.sleep(away_s)
        os.unlink(self.path)
        self.listen()

    def person_takes_card(self):
        self.where = "none"
