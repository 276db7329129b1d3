# SPDX-License-Identifier: Apache-2.0
"""Thales D1 for a branch: the simulator as a process, its test door, and what the branch's configuration needs."""
import base64
import hashlib
import http.client
import json
import os
import ssl
import subprocess

from process import BranchError, Process, wait_for

SIM_TOKEN = "test-side-only"


def _key_pair(folder, name):
    for argv in (["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", name + ".key"],
                 ["ec", "-in", name + ".key", "-pubout", "-out", name + ".pub"]):
        done = subprocess.run(["openssl", *argv], cwd=folder, capture_output=True, check=False)
        if done.returncode:
            raise BranchError("openssl: " + done.stderr.decode())
    os.chmod(os.path.join(folder, name + ".key"), 0o600)


class D1:
    """bank: its CA and certificates serve here too."""

    def __init__(self, build, folder, bank):
        self.folder, self.bank, self.port = folder, bank, 0
        self.binary = os.path.join(build, "tests/sim/d1/d1-sim")
        os.makedirs(folder, exist_ok=True)
        for name in ("sign", "sign-next", "card", "own"):
            _key_pair(folder, name)
        self.own_jwk = self._jwk("own", "own-1", False)
        self.card_jwk = self._jwk("card", "card-1", True)
        self.process = None
        with open(os.path.join(folder, "d1.json"), "w") as out:
            json.dump({"sim_token": SIM_TOKEN, "issuer_id": "ISSUER0001",
                       "assertion_keys": [{"kid": "sign-1", "public_file": f"{folder}/sign.pub"}],
                       "card_data": {"kid": "card-1", "key_file": f"{folder}/card.key"},
                       "products": ["CLASSIC_CENTRAL"], "stations": [], "exp_order": "yymm"}, out)

    def _jwk(self, name, kid, private):
        """The key as the issuer's or D1's tool reads it."""
        done = subprocess.run(["openssl", "ec", "-in", name + ".key", "-noout", "-text", "-conv_form", "uncompressed"],
                              cwd=self.folder, capture_output=True, text=True, check=True)
        numbers = {}
        for line in done.stdout.splitlines():
            if line.startswith("    "):
                numbers[part] += line.strip().replace(":", "")
            else:
                part = line.split(":")[0]
                numbers[part] = ""
        def b64(value):
            return base64.urlsafe_b64encode(bytes.fromhex(value)).decode().rstrip("=")
        point = numbers["pub"][2:]
        jwk = {"kty": "EC", "crv": "P-256", "kid": kid, "x": b64(point[:64]), "y": b64(point[64:])}
        if private:
            jwk["d"] = b64(numbers["priv"][-64:].zfill(64))
        path = os.path.join(self.folder, name + ".jwk")
        with open(path, "w") as out:
            json.dump(jwk, out)
        return path

    def own_key(self):
        """PEM of our key for data sealed to us: a credential of hsmd."""
        with open(os.path.join(self.folder, "own.key")) as f:
            return f.read()

    def sign_kcv(self, name):
        """Check value of a key pair on P-256: of the SHA-1 over its point's coordinates."""
        done = subprocess.run(["openssl", "pkey", "-pubin", "-in", name + ".pub", "-outform", "DER"], cwd=self.folder,
                              capture_output=True, check=True)
        return hashlib.sha1(done.stdout[-64:]).hexdigest()[:6].upper()

    def sign_keys(self):
        """Of hsm.keys."""
        return [{"label": "d1-sign", "purpose": "d1-sign", "algorithm": "p256", "kcv": self.sign_kcv("sign")}]

    def knows(self, kid, name):
        """D1 takes signatures of this key alone."""
        self.sim("POST", "/config", {"assertion_keys": [{"kid": kid, "public_file": f"{self.folder}/{name}.pub"}]})

    def start(self):
        port_file = os.path.join(self.folder, "port")
        if os.path.exists(port_file):
            os.unlink(port_file)
        bank = self.bank.folder
        self.process = Process("d1-sim", [
            self.binary, "--listen", "127.0.0.1", "--port", str(self.port), "--port-file", port_file, "--cert",
            f"{bank}/server.pem", "--key", f"{bank}/server-key.pem", "--client-ca", f"{bank}/ca.pem", "--db",
            f"{self.folder}/d1.db", "--config", f"{self.folder}/d1.json"], f"{self.folder}/d1.log").start()
        wait_for("the D1 simulator", lambda: os.path.exists(port_file), processes=[self.process])
        with open(port_file) as f:
            self.port = int(f.read())
        return self

    def stop(self):
        if self.process:
            self.process.stop()

    def config(self):
        """The section d1; the signing key is on the token."""
        base = f"https://127.0.0.1:{self.port}"
        return {"url": base + "/banking/v1", "token_url": base + "/authz/v1", "issuer_id": "ISSUER0001",
                "ca_file": f"{self.bank.folder}/ca.pem", "client_cert_file": f"{self.bank.folder}/client.pem",
                "client_key_credential": "client-key", "sign_kid": "sign-{version}", "sign_key": "d1-sign",
                "own_kid": "own-1", "own_key_credential": "d1-own", "recipient_kid": "card-1", "recipient_key_file": f"{self.folder}/card.pub",
                "address_line1": "1 Main St", "address_city": "Chennai", "address_country": "IN",
                "timeout_ms": 4000}

    def sim(self, method, path, body=None):
        context = ssl.create_default_context(cafile=f"{self.bank.folder}/ca.pem")
        context.load_cert_chain(f"{self.bank.folder}/client.pem", f"{self.bank.folder}/client-key.pem")
        client = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=20)
        client.request(method, "/_sim" + path, None if body is None else json.dumps(body), {"X-Sim-Token": SIM_TOKEN})
        answer = client.getresponse()
        data = json.loads(answer.read())
        client.close()
        if answer.status != 200:
            raise BranchError(f"d1-sim: {path}: {data}")
        return data

    def state(self):
        return self.sim("GET", "/state")

    def faults(self, *faults):
        self.sim("POST", "/faults", {"faults": list(faults)})
