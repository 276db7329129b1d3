#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Cards through the bank's gateway in each of its forms; in the last both sides change their keys, one after the other."""
import json
import os
import subprocess

from scenario import Scenario, main, wait_until

CODECS = [("static-ecdh-sha256", {"codec": "refno-envelope"}), ("jwe-ecdh-es", {"codec": "jwe"}),
          ("field-gcm", {"codec": "field-gcm", "fields": ["cardNumber", "cvv"]}),
          ("static-ecdh-hkdf", {"codec": "refno-envelope", "kdf": "hkdf-sha256"})]


class Gateway(Scenario):
    stock = {"CLASSIC": 5}
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
        """The bank's end, from its next start on; nothing is under way in the form of before."""
        wait_until("the reports to be told", lambda: not self.branch.cli("outbox")["reports"])

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

    def here(self, variant, kid, previous=None):
        """Our end; the agent starts anew."""
        server = {"gateway": variant}
        for kind, name in (("", kid), ("previous_", previous)):
            if name:
                server.update({f"gateway_{kind}kid": name, f"gateway_{kind}key_credential": f"agent-{name}.key",
                               f"gateway_{kind}peer_key_file": self.branch.path("credentials", f"bank-{name}.pub")})
        self.branch.config_changes["server"] = server
        self.branch.write_config()
        self.branch.agent.stop()
        self.branch.start_agent()
        self.branch.wait_ready()

    def test_cards_are_made_through_each_form_and_while_keys_change(self):
        for name in ("agent-one", "agent-two", "bank-one", "bank-two"):
            self.pair(name)
        for variant, codec in CODECS[1:]:
            with self.subTest(variant):
                self.there("one", **codec)
                self.here(variant, "one")
                self.made(self.kit())
        variant, codec = CODECS[0]
        self.there("two", previous="one", answer_with="alternate", **codec)
        self.here(variant, "two", "one")
        self.made(self.kit())
        self.there("two", **codec)
        self.made(self.kit())


if __name__ == "__main__":
    main()
