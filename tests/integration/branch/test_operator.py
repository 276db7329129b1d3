#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What an operator does with the command: its exit statuses, its JSON, and what becomes of cards and stock."""
import json
import os
import subprocess

from scenario import Scenario, main, wait_until
from bank import make_cert

OK, FAILED, USAGE, NOT_RUNNING, NEEDS_PERSON = range(5)
VIEWS = (["status"], ["jobs"], ["jobs", "--all"], ["stations"], ["stock"], ["outbox"], ["audit"], ["doctor"],
         ["dcms", "endpoints"], ["kit", "requests"])
BAD_USAGE = ([], ["no-such-command"], ["job"], ["job", "a/b"], ["job", "cancel"], ["job", "decide", "J000001"],
             ["job", "decide", "J000001", "perhaps"], ["job", "visual", "J000001", "perhaps"], ["job", "pin", "J000001", "x"],
             ["stock", "move", "71", "supplier", "received", "none", "why"], ["stock", "move", "71", "supplier"],
             ["stock", "move", "71", "supplier", "received", "-1", "why"], ["release", "1"], ["outbox", "retry"],
             ["outbox", "retry", "x"], ["status", "more"], ["--no-such-option", "status"], ["--socket"],
             ["release", "1", "desk-1"],
             ["stock", "move", "71", "hopper:desk-1", "received", "9999", "more than there is"],
             ["stock", "move", "71", "spoiled", "hopper:desk-1", "1", "back again"])
REFUSED = (["job", "J999999"], ["job", "cancel", "J999999"], ["release", "9999999999", "kiosk-1"],
           ["test-card", "no-such-desk"], ["outbox", "retry", "999999"])


class Operator(Scenario):
    stock = {"CLASSIC": 2, "TRAVEL": 3}

    def places(self):
        return {(p["place"], p["plastic_code"]): p["count"] for p in self.branch.cli("stock")["places"]}

    def test_1_every_view_has_json_and_the_same_exit_status(self):
        wait_until("a branch that has just started to be well", lambda: self.branch.cli_raw("doctor").returncode == OK)
        for words in VIEWS:
            plain, as_json = self.branch.cli_raw(*words), self.branch.cli_raw("--json", *words)
            with self.subTest(words):
                self.assertEqual((plain.returncode, as_json.returncode), (OK, OK),
                                 plain.stdout + plain.stderr + as_json.stderr)
                self.assertIsInstance(json.loads(as_json.stdout), dict)
                self.assertTrue(plain.stdout and "\033" not in plain.stdout)
        for word in ("--help", "--version", "completion"):
            done = subprocess.run([self.branch.binary("agent/cardwright"), word], capture_output=True, check=False)
            self.assertEqual((done.returncode, bool(done.stdout)), (OK, True), word)

    def test_2_bad_words_and_refusals(self):
        for words in BAD_USAGE:
            done = self.branch.cli_raw(*words)
            with self.subTest(words):
                self.assertEqual(done.returncode, USAGE, done.stdout + done.stderr)
                self.assertTrue(done.stderr.strip())
        for words in REFUSED:
            done = self.branch.cli_raw("--json", *words)
            with self.subTest(words):
                self.assertEqual(done.returncode, FAILED, done.stdout + done.stderr)
                self.assertTrue(done.stderr.strip())
        nobody = [self.branch.binary("agent/cardwright"), "--socket", self.branch.path("nobody.sock"), "status"]
        done = subprocess.run(nobody, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, "is it running" in done.stderr), (NOT_RUNNING, True))

    def test_3_cancel_before_and_after_a_card_is_fed(self):
        self.desk("CLASSIC").printer.ask(cmd="hopper", count=0)
        early = self.kit("CLASSIC")
        self.desk("TRAVEL").card.ask(cmd="fault", kind="late", ins="50", ms=2500)
        late = self.kit("TRAVEL")
        job = self.wait_job(early, wait="supplies", code="PRD_FEEDER_EMPTY")
        self.operator("job", "cancel", job["job"])
        self.assertEqual(self.wait_job(early, state="CANCELLED")["plastics"], 0)
        self.operator("job", "cancel", job["job"], code=FAILED)
        self.desk("CLASSIC").printer.ask(cmd="hopper", count=20)
        job = self.wait_job(late, state="STRIPE", wait="result")
        self.assertIn("a card is loaded", self.operator("job", "cancel", job["job"], code=FAILED).stderr)
        for words in (["decide", job["job"], "done"], ["visual", job["job"], "ok"], ["returned", job["job"]],
                      ["confirm-destroyed", job["job"]], ["pin", job["job"], "set"]):
            self.operator("job", *words, code=FAILED)
        self.made(late)
        self.operator("job", "cancel", job["job"], code=FAILED)
        self.assertEqual(self.bank_kit(early)["deliveryStatus"], "RETURNED")

    def test_4_a_person_is_needed_and_the_exit_status_says_so(self):
        self.desk("TRAVEL").printer.ask(cmd="ribbon", present=False)
        kit = self.kit("TRAVEL")
        self.wait_job(kit, wait="supplies", code="PRT_RIBBON_MISSING")
        for words in (["status"], ["job", kit], ["--json", "status"], ["--json", "job", kit]):
            self.assertEqual(self.branch.cli_raw(*words).returncode, NEEDS_PERSON, words)
        wait_until("the doctor to see it", lambda: self.branch.cli_raw("doctor").returncode == NEEDS_PERSON)
        self.assertIn("clear the reason shown", self.branch.cli_raw("jobs").stdout)
        self.desk("TRAVEL").printer.ask(cmd="ribbon", kind="ymcko", remaining=100, present=True)
        self.made(kit)
        self.operator("status")

    def test_5_a_card_that_was_never_collected_goes_back(self):
        kit = self.kit("TRAVEL")
        job = self.made(kit)["job"]
        self.operator("job", "visual", job, "ok", code=FAILED)
        before = self.branch.cli("stock")["returned"]
        self.operator("job", "returned", job)
        self.wait_job(kit, state="FAILED", code="INV_RETURNED")
        self.operator("release", kit, "kiosk-1", code=FAILED)
        self.assertEqual(self.branch.cli("stock")["returned"] - before, 1)
        wait_until("the report", lambda: self.bank_kit(kit)["deliveryStatus"] == "RETURNED")

    def doctor_says(self, what, verdict, todo, text=""):
        """Until the check of this name has this verdict; then what to do must be these words."""
        def found():
            check = [c for c in self.branch.cli("doctor")["checks"] if c["what"] == what]
            return check and check[0]["verdict"] == verdict and check[0]
        check = wait_until(f"the doctor to find {what}: {verdict}", found)
        self.assertIn(todo, check["todo"])
        self.assertIn(text, check["text"])
        if verdict == "ok":
            self.assertEqual(check["todo"], "")

    def test_6_the_doctor_names_the_ribbon_and_the_printer(self):
        printer = self.desk("TRAVEL").printer
        self.doctor_says("desk-2 ribbon", "ok", "", "100 left")
        printer.ask(cmd="ribbon", kind="ymcko", remaining=5)
        self.doctor_says("desk-2 ribbon", "warn", "put in a new ribbon", "5 of ")
        printer.ask(cmd="ribbon", kind="ymcko", remaining=0)
        self.doctor_says("desk-2 ribbon", "fail", "put in a new ribbon", "0 of ")
        printer.ask(cmd="ribbon", kind="ymcko", remaining=100)
        self.doctor_says("desk-2 ribbon", "ok", "")
        printer.ask(cmd="unplug")
        self.doctor_says("desk-2 printer", "fail", "cable", "offline, code PRT_")
        self.doctor_says("desk-1 printer", "ok", "")
        printer.ask(cmd="plug")
        self.doctor_says("desk-2 printer", "ok", "", "EMU-desk-2, ready")
        self.doctor_says("PIN pads", "ok", "", "1 listed")

    def restart_agent_with(self, disk_free_min_mib):
        self.branch.agent.stop()
        self.branch.config_changes["agent"]["disk_free_min_mib"] = disk_free_min_mib
        self.branch.write_config()
        self.branch.start_agent()
        self.branch.wait_ready()

    def test_7_the_doctor_names_disk_clock_and_certificates(self):
        for what in ("disk", "clock", "server certificate", "client certificate", "bank CA"):
            self.doctor_says(what, "ok", "")
        bank, most_mib = self.branch.bank, 1048576
        make_cert(bank.folder, "brief", "IP:127.0.0.1,DNS:localhost", days=5)
        bank.stop()
        bank.start("brief")
        self.restart_agent_with(most_mib)
        self.doctor_says("server certificate", "warn", "tell the bank to renew it", " days left")
        disk = os.statvfs(self.branch.path("state"))
        if disk.f_bavail * disk.f_frsize < most_mib << 20:
            self.doctor_says("disk", "fail", "free space in the journal's file system", "MiB free")
        bank.stop()
        bank.start()
        self.restart_agent_with(64)
        self.doctor_says("server certificate", "ok", "")
        self.doctor_says("disk", "ok", "")

    def test_8_stock_by_hand_and_a_test_card(self):
        hopper = self.places()[("hopper:desk-1", "71")]
        self.operator("stock", "move", "71", "supplier", "received", "100", "delivery note 7")
        self.operator("stock", "move", "71", "received", "hopper:desk-1", "30", "refill")
        self.assertEqual(self.places()[("hopper:desk-1", "71")], hopper + 30)
        self.assertEqual(self.places()[("received", "71")], 70)
        spoiled = self.branch.cli("stock")["spoiled"]
        self.test_cards = ("desk-1",)
        for kind in ("std", "tech"):
            self.operator("test-card", "desk-1", kind)
        stock = self.branch.cli("stock")
        self.assertEqual((stock["spoiled"] - spoiled, stock["balanced"]), (2, True))
        self.assertEqual(self.places()[("hopper:desk-1", "71")], hopper + 28)
        self.operator("stock", "move", "71", "spoiled", "destroyed", "2", "shredded by two people")
        self.assertEqual(self.branch.cli("stock")["destroyed"], 2)
        self.made(self.kit("CLASSIC"))


if __name__ == "__main__":
    main()
