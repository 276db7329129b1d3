#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Certificates and passwords that are wrong: the operator is told what to do, nothing is lost, and it goes on by itself."""
import json
import os
import shutil

from scenario import Scenario, main, pause, wait_until
from bank import make_ca, make_cert


class Certificates(Scenario):
    stock = {"CLASSIC": 2}
    options = {"desks": 1}

    def make_other_ca(self):
        """A server key and certificate with the right name, of a CA that the bank is not."""
        other = self.branch.path("other")
        os.mkdir(other)
        make_ca(other)
        make_cert(other, "server", "IP:127.0.0.1,DNS:localhost")
        for end in (".pem", "-key.pem"):
            shutil.copy(os.path.join(other, "server" + end), self.branch.path("bank", "otherca" + end))

    def restart_bank(self, cert="server"):
        self.branch.bank.stop()
        self.branch.bank.start(cert)

    def server_check(self):
        return [c for c in self.branch.cli("doctor")["checks"] if c["what"] == "server"][0]

    def told(self, *words):
        """status and doctor say what is wrong and that a person must act."""
        def said():
            status = self.branch.cli("status", check=False)
            server = status["server"] if status else {"state": "", "text": ""}
            return server["state"] == "needs-person" and all(w in server["text"] for w in words)
        wait_until(f"a person to be told about {words}", said)
        check = self.server_check()
        self.assertEqual((check["verdict"], check["todo"]), ("fail", "correct what the text names"))
        self.assertIn(words[0], check["text"])
        self.assertIn(words[0], self.branch.cli_raw("status").stdout)
        self.assertEqual(self.branch.cli_raw("doctor").returncode, 4)

    def client_certificate(self, days):
        """Another client certificate and key, as a person puts them where the configuration says."""
        make_cert(self.branch.path("bank"), "client", "DNS:branch-agent", days=days)
        shutil.copy(self.branch.path("bank", "client-key.pem"), self.branch.path("credentials", "client-key"))
        if days == 0:
            pause(1.1)  # its end is this second
        self.branch.agent.stop()
        self.branch.start_agent()

    def change_password(self, password):
        path = self.branch.path("bank", "sim.json")
        with open(path) as f:
            config = json.load(f)
        config["users"][0]["password"] = password
        with open(path, "w") as f:
            json.dump(config, f)

    def test_each_wrong_certificate_is_named_and_the_right_one_goes_on(self):
        folder = self.branch.path("bank")
        self.make_other_ca()
        make_cert(folder, "wronghost", "DNS:dcms.example.com")
        make_cert(folder, "expired", "IP:127.0.0.1", days=0)
        kit = self.kit("CLASSIC")
        self.restart_bank("otherca")
        self.told("certificate", "CA")
        self.restart_bank("wronghost")
        self.told("certificate", "name")
        self.restart_bank("expired")
        self.told("certificate", "expired")
        self.branch.bank.stop()
        self.change_password("another-encrypted-password")
        self.branch.bank.start()
        self.branch.bank.token = None
        # A token given before is still good; a server that forgot it asks for the password again.
        self.fault("*", expire_token=True)
        self.told("password")
        self.branch.bank.stop()
        self.change_password("an-encrypted-password")
        self.branch.bank.start()
        # A refused password is held back for half a minute, lest the account be locked; a restart asks at once.
        self.branch.agent.stop()
        self.branch.start_agent()
        self.branch.wait_ready()
        self.made(kit)
        wait_until("the report", lambda: self.bank_kit(kit)["deliveryStatus"] == "BANK")
        self.assertEqual(self.server_check()["verdict"], "ok")

    def test_an_expired_client_certificate_is_named_and_a_new_one_goes_on(self):
        self.client_certificate(days=0)
        kit = self.spare["CLASSIC"].pop(0)
        self.told("client certificate", "expired")
        check = [c for c in self.branch.cli("doctor")["checks"] if c["what"] == "client certificate"][0]
        self.assertEqual(check["verdict"], "fail")
        self.assertIn("expired", check["text"])
        self.assertIn("restart cardwrightd", check["todo"])
        # The teller's own access is the same certificate here: he assigns the kit when there is a new one.
        self.client_certificate(days=90)
        self.branch.wait_ready()
        self.branch.bank.assign(kit, "CARD HOLDER ZZ")
        self.made(kit)
        wait_until("the report", lambda: self.bank_kit(kit)["deliveryStatus"] == "BANK")
        self.assertEqual(self.server_check()["verdict"], "ok")


if __name__ == "__main__":
    main()
