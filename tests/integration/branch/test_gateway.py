#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Cards through the bank's gateway in three of its forms; both sides change their keys while a card is made."""
import json
import os
import signal
import subprocess

from scenario import Scenario, main, wait_until

CODECS = [("static-ecdh-sha256", {"codec": "refno-envelope"}), ("jwe-ecdh-es", {"codec": "jwe"}),
          ("field-gcm", {"codec": "field-gcm", "fields": ["cardNumber", "cvv"]})]


class Gateway(Scenario):
    stock = {"CLASSIC": 3}
    options = {"desks": 1}

    def pair(self, name):
        """A P-256 pair in PEM: NAME.key and NAME.pub."""
        key = self.branch.path("credentials", name + ".key")
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key],
                       check=True, capture_output=True)
        os.chmod(key, 0o600)
        subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", self.branch.path("credentials", name + ".pub")],
                       check=True, capture_output=True)

    def there(self, kid, **members):
        """The bank's end: it is away for a moment and comes back with these keys."""
        def pair(name):
            return {"kid": name, "private_key_file": self.branch.path("credentials", f"bank-{name}.key"),
                    "peer_public_key_file": self.branch.path("credentials", f"agent-{name}.pub")}
        if "previous" in members:
            members["previous"] = pair(members["previous"])
        path = self.branch.path("bank", "sim.json")
        with open(path) as f:
            config = json.load(f)
        config["gateway"] = {**pair(kid), **members}
        with open(path, "w") as f:
            json.dump(config, f)
        self.branch.bank.stop()
        self.branch.bank.start()
        self.branch.bank.token = None

    def name_keys(self, variant, kid, previous=None):
        server = {"gateway": variant}
        for kind, name in (("", kid), ("previous_", previous)):
            server.update({f"gateway_{kind}kid": name or "", f"gateway_{kind}key_credential": name and f"agent-{name}.key" or "",
                           f"gateway_{kind}peer_key_file":
                               name and self.branch.path("credentials", f"bank-{name}.pub") or ""})
        self.branch.config_changes["server"] = server
        self.branch.write_config()

    def here(self, variant, kid):
        """Our end; another form needs a new start of the agent."""
        self.name_keys(variant, kid)
        self.branch.agent.stop()
        self.branch.start_agent()
        self.branch.wait_ready()

    def change_keys(self, variant, kid, previous=None):
        """Our end, while it runs."""
        before = self.log_of("cardwrightd").count("were read anew")
        self.name_keys(variant, kid, previous)
        self.branch.agent.child.send_signal(signal.SIGHUP)
        wait_until("the new keys", lambda: self.log_of("cardwrightd").count("were read anew") > before)

    def told(self):
        wait_until("the reports to be told", lambda: not self.branch.cli("outbox")["reports"], 120)

    def begin(self, variant, codec):
        self.told()
        self.there("one", **codec)
        self.here(variant, "one")

    def setUp(self):
        if not os.path.exists(self.branch.path("credentials", "bank-two.key")):
            for name in ("agent-one", "agent-two", "bank-one", "bank-two"):
                self.pair(name)

    def test_keys_change_while_cards_are_made(self):
        for variant, codec in CODECS[::2]:
            with self.subTest(variant):
                self.begin(variant, codec)
                pid = self.branch.agent.pid()
                kit = self.kit()
                self.wait_job(kit)
                self.there("two", previous="one", answer_with="alternate", **codec)
                self.change_keys(variant, "two", "one")
                self.told()  # what was sealed with the first keys may still be on its way
                self.there("two", **codec)
                self.change_keys(variant, "two")
                self.made(kit, 90)
                self.told()
                self.assertEqual(self.branch.agent.pid(), pid)

    def test_a_bank_that_changes_first_costs_no_report(self):
        variant, codec = CODECS[1]
        self.begin(variant, codec)
        pid = self.branch.agent.pid()
        self.name_keys(variant, "missing")
        self.branch.agent.child.send_signal(signal.SIGHUP)
        wait_until("the refusal of keys that are not there", lambda: "stay as they are" in self.log_of("cardwrightd"))
        # Without a blank card the job waits, and nothing is told before the bank has changed.
        printer = self.desk().printer
        printer.ask(cmd="hopper", count=0)
        kit = self.kit()
        self.wait_job(kit, wait="supplies", code="PRD_FEEDER_EMPTY")
        self.there("two", refuse_in_clear=True, **codec)
        printer.ask(cmd="hopper", count=20)
        self.made(kit, 90)
        wait_until("a report that was tried in vain",
                   lambda: [r for r in self.branch.cli("outbox")["reports"] if r["attempts"] > 0], 120)
        self.assertFalse([r for r in self.branch.cli("outbox")["reports"] if r["parked"]])
        self.change_keys(variant, "two", "one")
        self.told()
        self.assertEqual(self.branch.agent.pid(), pid)


if __name__ == "__main__":
    main()
