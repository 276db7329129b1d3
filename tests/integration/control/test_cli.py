# SPDX-License-Identifier: Apache-2.0
"""The command as a person and as a script see it, and the API below it."""
import http.client
import json
import os
import re
import socket
import subprocess
import unittest

from fake_station import Step
from rig import BUILD, Rig, wait_for
from wire import fault

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f\x80-\x9f]")


class Api(http.client.HTTPConnection):
    """HTTP over the control socket."""

    def __init__(self, path):
        super().__init__("cardwright", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


class CliTest(unittest.TestCase):
    def setUp(self):
        self.rig = Rig(chip_at="contactless").start()
        self.addCleanup(self.rig.stop)
        self.s1 = self.rig.stations["s1"]

    def ask(self, method, path, body=None):
        api = Api(self.rig.path("run/control.sock"))
        api.request(method, path, None if body is None else json.dumps(body))
        answer = api.getresponse()
        text = answer.read()
        api.close()
        return answer.status, json.loads(text)

    def doctor_looks_for_the_station_of_the_reader(self):
        def says():
            return {c["what"]: c for c in self.rig.cli("doctor", check=False)["checks"]}["s1 chip station"]

        self.assertEqual(says()["verdict"], "ok")
        self.s1.abilities = ["contact"]
        wait_for("the doctor to miss it", lambda: says()["verdict"] == "fail")
        self.assertIn("set chip_at of the station to contact", says()["todo"])

    def test_every_view(self):
        kit = self.rig.order()[0]
        self.rig.make(kit)
        for words in (["status"], ["jobs"], ["jobs", "--all"], ["jobs", "--watch", "--json"], ["job", kit], ["stations"], ["stock"],
                      ["outbox"], ["audit"], ["doctor"]):
            with self.subTest(words=words):
                done = self.rig.cli_raw(*words)
                self.assertIn(done.returncode, (0, 4), done.stderr)
                self.assertTrue(done.stdout)
                self.assertNotIn("\033", done.stdout)
                again = self.rig.cli_raw("--json", *words)
                self.assertEqual(again.returncode, done.returncode)
                self.assertIsInstance(json.loads(again.stdout), dict)
        self.assertIn(kit, self.rig.cli_raw("jobs").stdout)
        self.doctor_looks_for_the_station_of_the_reader()
        metrics = Api(self.rig.path("run/control.sock"))
        metrics.request("GET", "/metrics")
        text = metrics.getresponse().read().decode()
        metrics.close()
        self.assertTrue(text.endswith("# EOF\n"))
        self.assertIn('cardwright_jobs{state="OPERATOR_OK"} 1\n', text)
        self.assertIn('cardwright_station_up{station="s1"} 1\n', text)

    def test_usage(self):
        for words in ([], ["nothing"], ["job"], ["job", "cancel"], ["jobs", "x"], ["--wrong", "status"], ["job", "a/b"],
                      ["job", "decide", "J000001", "perhaps"], ["job", "visual", "J000001", "perhaps"],
                      ["job", "pin", "J000001", "perhaps"], ["stock", "move", "71", "supplier", "hopper:s1", "0", "x"],
                      ["stock", "move", "71", "nowhere", "spoiled", "1", "x"], ["outbox", "retry", "x"], ["release", "4240189999", "nowhere"], ["--socket"], ["--socket", "x" * 200, "status"]):
            with self.subTest(words=words):
                done = self.rig.cli_raw(*words)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertTrue(done.stderr)
                self.assertEqual(done.stdout, "")

    def test_help_of_one_command(self):
        def told(*words):
            done = self.rig.cli_raw(*words, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            return re.findall(r"^  ([a-z][a-z -]*?)  ", done.stdout, re.M)
        self.assertGreater(len(told()), 50)
        self.assertEqual(told("stock"), ["stock move", "stock"])
        self.assertEqual(told("job", "divert"), ["job divert"])
        self.assertEqual(told("hsm", "rotate", "imk-ac"), ["hsm rotate"])
        self.assertEqual(self.rig.cli_raw("nothing", "--help").returncode, 2)
        for value in ("-h", "--help"):  # an option's value is no wish for help
            done = self.rig.cli_raw("status", "--as", value)
            self.assertEqual((done.returncode, "usage:" in done.stdout), (self.rig.cli_raw("status").returncode, False), done.stdout)

    def test_unknown_commands_are_named(self):
        for words, what in ((["stauts"], "stauts"), (["no", "such"], "no"), (["kit", "burn", "1"], "kit burn"), (["job s"], "job s")):
            done = self.rig.cli_raw(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertEqual(done.stderr, f'cardwright: unknown command "{what}"; see cardwright --help\n')

    def test_unknown_names(self):
        for words in (["job", "J999999"], ["job", "cancel", "J999999"], ["outbox", "retry", "99"], ["test-card", "s9"],
                      ["test-card", "kiosk-1"]):
            with self.subTest(words=words):
                done = self.rig.cli_raw(*words)
                self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                self.assertTrue(done.stderr.startswith("cardwright: "))
        self.assertIn("cardwright jobs", self.rig.cli_raw("job", "J999999").stderr)

    def test_not_running(self):
        self.rig.agent.stop()
        done = self.rig.cli_raw("status")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("is it running", done.stderr)
        self.rig.start_agent()

    def test_socket_from_the_configuration(self):
        argv = [os.path.join(BUILD, "agent/cardwright"), "--config", self.rig.path("cardwright.json"), "status"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
        self.assertIn("branch BRANCH001", done.stdout)

    def test_no_control_characters_on_a_terminal(self):
        """A text of a device is shown, what it would do to the terminal is not."""
        evil = "\x1b]0;gone\x07 \x9b2J\x7f"
        original = self.s1.do_status

        def status(connection, message):
            reply = self.s1.reply

            def with_text(c, m, body):
                body["printer"]["text"] = body["reader"]["name"] = evil
                reply(c, m, body)
            self.s1.reply = with_text
            original(connection, message)
            self.s1.reply = reply
        self.s1.do_status = status
        self.s1.state = "operator"
        wait_for("the text", lambda: "gone" in self.rig.cli_raw("stations").stdout, 5)
        for words in (["status"], ["stations"], ["doctor"]):
            self.assertIsNone(CONTROL.search(self.rig.cli_raw(*words).stdout), words)

    def test_stock_by_hand(self):
        before = self.rig.cli("stock")
        self.rig.cli("stock", "move", "71", "supplier", "hopper:s1", "25", "new box")
        places = {p["place"]: p["count"] for p in self.rig.cli("stock")["places"]}
        self.assertEqual(places["hopper:s1"], {p["place"]: p["count"] for p in before["places"]}["hopper:s1"] + 25)
        self.assertNotEqual(self.rig.cli_raw("stock", "move", "71", "spoiled", "destroyed", "1", "x").returncode, 0)
        self.assertTrue(self.rig.cli("stock")["balanced"])
        self.assertIn("stock", " ".join(a["what"] for a in self.rig.cli("audit")["tail"]))

    def test_test_card(self):
        """It draws a plastic and spoils it; while a job has the station there is none."""
        self.s1.do_test_card = lambda c, m: self.s1.reply(c, m, {"outcome": "done", "class": "OK", "code": "", "text": "",
                                                                 "where": "output"})
        done = self.rig.cli_raw("test-card", "s1", "tech")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, "s1 made a test card (tech), now in its output; one plastic was booked from its "
                                      "hopper as spoiled\n")
        self.assertEqual(self.rig.cli("stock")["spoiled"], 1)
        self.s1.do_test_card = lambda c, m: self.s1.reply(c, m, {"outcome": "failed", "class": "OPERATOR",
                                                                 "code": "PRD_FEEDER_EMPTY", "text": "fill it", "where": "feeder"})
        done = self.rig.cli_raw("test-card", "s1")
        self.assertEqual((done.returncode, self.rig.cli("stock")["spoiled"]), (4, 1))
        self.assertIn("PRD_FEEDER_EMPTY", done.stdout)
        self.s1.script["print"] = [Step(seconds=1.5)]
        kit = self.rig.order()[0]
        self.rig.wait_job(kit, "the print", lambda j: j["step"] == "print" and j["wait"] == "result")
        self.assertEqual(self.rig.cli_raw("test-card", "s1").returncode, 1)
        self.rig.make(kit)

    def test_test_card_of_a_station_that_dies(self):
        """The person gets an answer; the plastic it may have drawn is booked. A call that was refused drew none."""
        self.s1.do_test_card = lambda c, m: self.s1.hang_up()
        done = self.rig.cli_raw("test-card", "s1")
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stderr)
        stock = self.rig.cli("stock")
        self.assertEqual((stock["spoiled"], stock["drawn"], stock["balanced"]), (1, 1, True))
        self.assertIn({"place": "hopper:s1", "plastic_code": "71", "count": 49}, stock["places"])
        wait_for("the station to be back", lambda: self.rig.cli("stations")["stations"][0]["up"], 10)
        self.s1.refuse["test_card"] = [fault("REJECT", "no such card", "PRD_DATA", layer=5)]
        self.assertEqual(self.rig.cli_raw("test-card", "s1").returncode, 1)
        after = self.rig.cli("stock")
        self.assertEqual((after["spoiled"], after["drawn"], after["places"]), (1, 1, stock["places"]))

    def test_stopped_while_somebody_waits(self):
        """SIGTERM while a test card is printed: the waiting command gets an answer, the daemon ends in order."""
        self.s1.silent = {"test_card"}
        argv = [os.path.join(BUILD, "agent/cardwright"), "--socket", self.rig.path("run/control.sock"), "test-card", "s1"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
            wait_for("the test card", lambda: ("test_card" in [c for c, _ in self.s1.calls]), 5)
            self.rig.agent.stop()
            _, err = waiting.communicate(timeout=10)
        self.assertEqual((waiting.returncode, self.rig.agent.child.returncode), (1, 0), err)

    def test_printer_settings(self):
        def settings(*words):
            return self.rig.cli_raw("printer", "s1", "settings", *words)

        def applied():
            return [call[1]["settings"] for call in self.s1.calls if "settings" in call[1]]
        snapshot = self.rig.path("settings.json")
        done = settings("snapshot", "-o", snapshot)
        self.assertEqual((done.returncode, os.stat(snapshot).st_mode & 0o777), (0, 0o600), done.stderr)
        with open(snapshot, encoding="ascii") as saved:
            self.assertEqual(json.load(saved)["serial"], "F1")
        self.assertEqual((settings("diff", snapshot).returncode, settings("diff", snapshot).stdout), (0, "no difference\n"))
        self.assertIn("nothing to set", settings("apply", snapshot).stdout)
        self.s1.settings.update({"mag.coercivity": "l", "zone": "2", "new": "1"})
        done = settings("diff", snapshot)
        self.assertEqual(done.returncode, 1)
        told = [line.rsplit("  ", 1)[-1].strip() for line in done.stdout.splitlines()[1:]]
        self.assertEqual(told, ["can be set", "only read", "not in the file"], done.stdout)
        for key in ("family", "model"):  # another printer's
            with open(snapshot, encoding="ascii") as saved, open(self.rig.path("other.json"), "w", encoding="ascii") as out:
                json.dump({**json.load(saved), key: "other"}, out)
            done = settings("apply", self.rig.path("other.json"), "--yes")
            self.assertEqual((done.returncode, applied()), (1, []), done.stdout)
            self.assertIn(f"of {key} other, s1 is fake", done.stderr)
        done = settings("apply", snapshot)  # nobody can be asked
        self.assertEqual((done.returncode, applied()), (2, []), done.stdout)
        self.assertIn("--yes", done.stderr)
        done = settings("apply", snapshot, "--yes")
        self.assertEqual((done.returncode, applied()), (0, [[{"name": "mag.coercivity", "value": "h"}]]), done.stderr)
        self.assertEqual(self.s1.settings["mag.coercivity"], "h")
        with open(snapshot, "w", encoding="ascii") as out:  # what --json prints is good too
            json.dump(self.rig.cli("printer", "s1", "settings"), out)
        self.assertEqual(settings("diff", snapshot).returncode, 0)
        self.s1.no_settings = "it is set at its display"
        for words in (("apply", snapshot, "--yes"), ()):
            done = settings(*words)
            self.assertIn("it is set at its display", done.stdout + done.stderr)
        with open(snapshot, "w", encoding="ascii") as out:
            out.write('{"lines": [{"name": "x"}]}')
        for words in (["apply", snapshot], ["diff", "/nowhere"], ["snapshot", "-o", "/nowhere/x"]):
            self.assertEqual(settings(*words).returncode, 1, words)
        self.assertEqual([settings(*w).returncode for w in (["apply"], ["snapshot", snapshot], ["x", snapshot])], [2, 2, 2])
        self.s1.no_settings = ""
        self.assertEqual(len(applied()), 1)

    def test_printer_looks_and_settings(self):
        done = self.rig.cli_raw("printers")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("F1", done.stdout)
        self.assertEqual(self.rig.cli("printers")["printers"][0]["serial"], "F1")
        status = self.rig.cli_raw("printer", "s1", "status").stdout
        self.assertIn("ymcko 100", status)
        told = dict(line.split(None, 1) for line in status.splitlines() if len(line.split(None, 1)) == 2)
        self.assertEqual((told["firmware"], told["head"], told["board"]), ("1", "K7", "not told"))
        self.assertEqual(self.rig.cli("printers")["printers"][0]["inventory"]["head"], "K7")
        self.assertIsNone(self.rig.cli("printers")["printers"][0]["inventory"]["board"])
        for sheet, word in (("counters", "cards"), ("sensors", "5.00"), ("settings", "mag.coercivity")):
            self.assertIn(word, self.rig.cli_raw("printer", "s1", sheet).stdout)
        for words in (["x"], ["raw"], ["settings", "apply"], ["status", "x"], ["test-card", "x"]):
            self.assertIn(self.rig.cli_raw("printer", "s1", *words).returncode, (1, 2))
        for name in ("s9", "kiosk-1"):
            self.assertEqual(self.rig.cli_raw("printer", name, "status").returncode, 1)

    def test_printer_console_is_audited_and_waits_for_no_job(self):
        self.assertEqual(self.rig.cli_raw("printer", "s1", "raw", "Rfv").stdout, "said Rfv\n")
        self.rig.cli_raw("printer", "s1", "raw", "Zz 4000001234567899")
        self.assertEqual(self.rig.cli_raw("printer", "s1", "clean").returncode, 0)
        rows = json.dumps(self.rig.cli("audit"))
        for what in ("printer.raw", "printer.raw.end", "printer.clean", "printer.clean.end"):
            self.assertIn(f'"{what}"', rows)
        self.assertNotIn("4000001234567899", rows)
        self.s1.script["print"] = [Step(seconds=1.5)]
        kit = self.rig.order()[0]
        self.rig.wait_job(kit, "the print", lambda j: j["step"] == "print" and j["wait"] == "result")
        for words in (["raw", "Rfv"], ["clean"], ["counters"], ["test-card", "mag"]):
            done = self.rig.cli_raw("printer", "s1", *words)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("has a job", done.stderr)
        self.rig.make(kit)

    def test_face(self):
        """Drawn without the agent; of a number that is somebody's, the middle never reaches the picture."""
        faces = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../config/faces/classic-debit.json")

        def picture(pan, name):
            data, out = self.rig.path("card.json"), self.rig.path(name + ".png")
            with open(data, "w", encoding="ascii") as f:
                json.dump({"pan": pan, "name": "JANE DOE", "expiry": "12/29", "cvv2": "123"}, f)
            done = self.rig.cli_raw("face", "render", faces, data, "-o", out)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(os.stat(out).st_mode & 0o777, 0o600)
            done = self.rig.cli_raw("face", "panels", faces, data, "-o", self.rig.path(name))
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(out, "rb") as f, open(self.rig.path(name + "/panel-k.png"), "rb") as k:
                return f.read(), k.read()
        masked, masked_k = picture("4999991111111004", "a")
        self.assertTrue(masked.startswith(b"\x89PNG"))
        self.assertEqual((masked, masked_k), picture("4999992222221004", "b"))
        self.assertNotEqual(masked_k, picture("4000001234567899", "c")[1])
        for words in (["face", "render", faces, "/nowhere", "-o", self.rig.path("d.png")],
                      ["face", "render", "/nowhere", self.rig.path("card.json"), "-o", self.rig.path("d.png")]):
            done = self.rig.cli_raw(*words)
            self.assertEqual(done.returncode, 1)
            self.assertTrue(done.stderr.startswith("cardwright: "))
        self.assertFalse(os.path.exists(self.rig.path("d.png")))
        self.assertEqual(self.rig.cli_raw("face", "render", faces, "x", "y", "z").returncode, 2)

    def test_bodies(self):
        kit = self.rig.order()[0]
        self.rig.make(kit)
        for path, body in (("/v1/releases", {}), ("/v1/releases", {"kit": kit, "kiosk": 7}), ("/v1/releases", {"kit": kit, "kiosk": "s1"}),
                           (f"/v1/jobs/{kit}/confirm-destroyed", {}), (f"/v1/jobs/{kit}/confirm-destroyed", {"remake": "yes"}),
                           (f"/v1/jobs/{kit}/decide", {"decision": 1}), (f"/v1/jobs/{kit}/visual", {}),
                           (f"/v1/jobs/{kit}/pin", {"set": None}), ("/v1/stock/move", {"count": -1}),
                           ("/v1/stock/move", {"plastic_code": "71", "from": "supplier", "to": "spoiled", "count": 1.5, "reason": "x"}),
                           ("/v1/outbox/0/retry", {}), ("/v1/outbox/9x/retry", {})):
            with self.subTest(path=path, body=body):
                status, answer = self.ask("POST", path, body)
                self.assertEqual(status, 400, answer)
                self.assertEqual(answer["error"]["class"], "REJECT")
        status, answer = self.ask("POST", f"/v1/jobs/{kit}/visual", {"ok": True})
        self.assertEqual((status, answer["error"]["class"]), (409, "REJECT"))
        self.assertEqual(self.ask("GET", "/v1/jobs/" + kit)[0], 200)


if __name__ == "__main__":
    unittest.main(verbosity=2)
