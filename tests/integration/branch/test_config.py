#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Configurations, PINs and keys that are wrong: a daemon that cannot work says where and why, and a branch says which key."""
import subprocess

from scenario import Scenario, main, pause, wait_until

DAEMONS = (["agent/cardwrightd"], ["drivers/cardwright-stationd", "--station", "desk-1"], ["hsm/cardwright-hsmd"])


class Config(Scenario):
    stock = {"CLASSIC": 1}
    options = {"desks": 1}

    def broken(self, text):
        path = self.branch.path("broken.json")
        with open(path, "w") as out:
            out.write(text)
        return path

    def start_with(self, config):
        """Each daemon, started on that file: (exit status, what it says)."""
        for words in DAEMONS:
            argv = [self.branch.binary(words[0]), "--config", config, *words[1:]]
            done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
            yield words[0], done.returncode, done.stdout + done.stderr

    def test_1_a_broken_file_is_named_with_line_and_column(self):
        with open(self.branch.path("cardwright.json")) as f:
            good = f.read()
        cases = {good.replace('"poll_min_ms": 150', '"poll_min_ms": "soon"'): "poll_min_ms",
                 good.replace('"branch_id"', '"branch_idd"'): "branch_idd", good[:200]: ""}
        for text, word in cases.items():
            path = self.broken(text)
            for name, status, said in self.start_with(path):
                with self.subTest(f"{name} {word}"):
                    self.assertEqual(status, 1, said)
                    self.assertRegex(said, r"broken\.json:\d+:\d+: ")
                    self.assertIn(word, said)
        for _, status, said in self.start_with(self.branch.path("nowhere.json")):
            self.assertEqual((status, "nowhere.json" in said), (1, True), said)

    def restart_hsmd(self):
        self.branch.hsmd.stop()
        self.branch.start_hsmd()

    def hsm(self):
        return self.branch.cli("status")["hsm"]

    def checks(self):
        return {c["what"]: c for c in self.branch.cli("doctor")["checks"]}

    def test_2_a_wrong_check_value_names_the_key(self):
        good = self.branch.keys["debit-cvk"].kcv()
        path = self.branch.path("cardwright.json")
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace(f'"kcv": "{good}"', '"kcv": "000000"'))
        self.restart_hsmd()
        wait_until("the HSM not to be ready", lambda: not self.hsm()["ready"] and "debit-cvk" in self.hsm()["text"])
        bad = {w for w, c in self.checks().items() if w.startswith("key ") and c["verdict"] == "fail"}
        self.assertEqual(bad, {"key debit-cvk"})
        kit = self.kit()
        self.wait_job(kit, wait="data", plastics=0)
        with open(path, "w") as f:
            f.write(text)
        self.restart_hsmd()
        self.made(kit, 40)

    def test_3_a_wrong_token_pin_is_tried_once(self):
        path = self.branch.path("credentials", "hsm-pin")
        with open(path, "w") as f:
            f.write("999999\n")
        self.restart_hsmd()
        wait_until("the PIN to be refused", lambda: not self.hsm()["ready"] and "PIN" in self.hsm()["text"])
        self.assertEqual(self.checks()["hsm"]["verdict"], "fail")
        pause(3)
        self.assertEqual(self.log_of("hsmd").count("HSM_LOGIN_STOPPED"), 1, "one try, and no other by itself")
        with open(path, "w") as f:
            f.write("271828\n")
        self.restart_hsmd()
        wait_until("the HSM", lambda: self.hsm()["ready"])


if __name__ == "__main__":
    main()
