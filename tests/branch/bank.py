# SPDX-License-Identifier: Apache-2.0
"""The bank's side: the DCMS simulator as a process, its test door, and a teller who speaks DCMS."""
import fcntl
import http.client
import json
import os
import shutil
import ssl
import subprocess
import time

from process import BranchError, Process, wait_for

TENANT = "ACME_BANK"
BRANCH = "BRANCH001"
SIM_TOKEN = "test-side-only"
BIN = "608040"
BIRTH_DATE = "1978-06-01"  # of every customer
DAY = 86400


def _openssl(folder, *args):
    done = subprocess.run(["openssl", *args], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        raise BranchError("openssl " + args[0] + ": " + done.stderr.decode())


def make_ca(folder):
    _openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "365",
             "-subj", "/CN=cardwright test CA", "-keyout", "ca-key.pem", "-out", "ca.pem")


def make_cert(folder, name, alt, days=90):
    """A certificate of the test CA: name-key.pem and name.pem."""
    with open(os.path.join(folder, name + ".ext"), "w") as ext:
        ext.write("subjectAltName=" + alt + "\n")
    _openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
             "-keyout", name + "-key.pem", "-out", name + ".csr")
    _openssl(folder, "x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial",
             "-days", str(days), "-extfile", name + ".ext", "-out", name + ".pem")


def sim_config(keys, **changes):
    config = {
        "tenant": TENANT, "base_path": "/dcms", "sim_token": SIM_TOKEN,
        "users": [{"username": "branch-agent", "password": "an-encrypted-password"},
                  {"username": "teller", "password": "tellers-encrypted-password"}],
        "jwt": {"secret": os.urandom(24).hex(), "ttl_s": 3600},
        "keys": {"set_pin_key": keys["dcms-pin"].value.hex(), "set_pin_v1_key": keys["dcms-pin"].value.hex(),
                 "card_number_key": keys["dcms-pan"].value.hex(), "cvk": keys["debit-cvk"].value.hex()},
        "pin": {"v2_plaintext": "ascii_hex", "v1_mode": "ecb_hex16", "account": "pan12", "try_limit": 3},
        "exception_dialect": "B",
        "traps": {"number_string_drift": True, "clear_pan_in_summary": True, "inventory_extra_fields": True},
        "assigned_status": "alternate",
        "products": [{"productId": "CLASSIC", "bin": BIN, "plasticCode": "71", "serviceCode": "220"},
                     {"productId": "TRAVEL", "bin": BIN, "plasticCode": "72", "serviceCode": "220"}],
        "branches": [{"branchId": BRANCH, "branchCode": "001", "branchName": "Main Branch", "address": "1 Main St",
                      "city": "Chennai", "state": "TN", "country": "IN", "zipCode": "600001"}],
        "order": {"worker_delay_ms": 200},
        "rate": {"per_second": 200, "burst": 400},
        "seed": int.from_bytes(os.urandom(4), "big"),
    }
    config.update(changes)
    return config


def certificates(build, folder):
    """The bank's CA, server and client in a folder: copies of those that the first bank of the day in a build made."""
    store = os.path.join(build, "tests/bank-certificates")
    os.makedirs(store, exist_ok=True)
    with open(os.path.join(store, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = os.path.join(store, "done")
        if not os.path.exists(done) or not 0 <= time.time() - os.path.getmtime(done) < DAY:
            make_ca(store)
            make_cert(store, "server", "IP:127.0.0.1,DNS:localhost")
            make_cert(store, "client", "DNS:branch-agent")
            open(done, "w").close()
        for name in os.listdir(store):
            if name.endswith((".pem", ".srl")):
                shutil.copy(os.path.join(store, name), folder)


class Bank:
    def __init__(self, build, folder, keys, **changes):
        self.folder = folder
        self.port = 0
        self.binary = os.path.join(build, "tests/sim/dcms/dcms-sim")
        self.port_file = os.path.join(folder, "port")
        certificates(build, folder)
        customers = [{"entityId": f"CIF{n:04}", "accounts": [8642000 + n], "dob": BIRTH_DATE} for n in range(40)]
        with open(os.path.join(folder, "sim.json"), "w") as out:
            json.dump(sim_config(keys, customers=customers, **changes), out)
        self.process = None
        self.customers = iter([c["entityId"] for c in customers])
        self.token = None

    def start(self, cert="server"):
        if os.path.exists(self.port_file):
            os.unlink(self.port_file)
        argv = [self.binary, "--listen", "127.0.0.1", "--port", str(self.port), "--port-file", self.port_file, "--cert",
                f"{self.folder}/{cert}.pem", "--key", f"{self.folder}/{cert}-key.pem", "--client-ca", f"{self.folder}/ca.pem",
                "--db", f"{self.folder}/sim.db", "--config", f"{self.folder}/sim.json"]
        self.process = Process("dcms-sim", argv, f"{self.folder}/sim.log").start()
        wait_for("the DCMS simulator", lambda: os.path.exists(self.port_file), processes=[self.process])
        with open(self.port_file) as f:
            self.port = int(f.read())

    def stop(self):
        if self.process:
            self.process.stop()

    def url(self):
        return f"https://127.0.0.1:{self.port}/dcms"

    def _request(self, method, path, body, headers):
        context = ssl.create_default_context(cafile=f"{self.folder}/ca.pem")
        context.load_cert_chain(f"{self.folder}/client.pem", f"{self.folder}/client-key.pem")
        http_client = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=20)
        text = None if body is None else json.dumps(body)
        http_client.request(method, path, text, headers)
        answer = http_client.getresponse()
        data = answer.read()
        http_client.close()
        return answer.status, json.loads(data) if data else None

    def sim(self, method, path, body=None):
        """The test door of the simulator."""
        status, answer = self._request(method, "/_sim" + path, body,
                                       {"X-Sim-Token": SIM_TOKEN, "Content-Type": "application/json"})
        if status != 200:
            raise BranchError(f"simulator: {path}: {answer}")
        return answer

    def state(self):
        return self.sim("GET", "/state")

    def call(self, path, body):
        """DCMS as the teller's system speaks it."""
        headers = {"TENANT": TENANT, "Content-Type": "application/json", "X-Sim-Token": SIM_TOKEN}
        if self.token is None:
            login = {"username": "teller", "password": "tellers-encrypted-password"}
            self.token = self._request("POST", "/dcms/api/authenticate", login, headers)[1]["id_token"]
        headers["Authorization"] = "Bearer " + self.token
        answer = self._request("POST", "/dcms" + path, body, headers)[1]
        if answer.get("exception"):
            raise BranchError(f"DCMS {path}: {answer['exception']}")
        return answer["result"]

    def order(self, order_id, counts):
        """A card order of the branch: counts = {productId: quantity}."""
        products = [{"bin": BIN, "productId": p, "quantity": n} for p, n in counts.items()]
        self.call("/card-order", {"orderId": order_id, "branchInfo": {"branchId": BRANCH, "branchName": "Main Branch"},
                                  "address": "1 Main St~Chennai~TN", "pinCode": "600001", "validity": 30,
                                  "products": products})

    def kits(self, order_id):
        return [k for k in self.state()["kits"] if k["orderId"] == order_id]

    def assign(self, kit_no, name, entity=None):
        """The teller gives this kit to a customer, a new one unless named."""
        entity = entity or next(self.customers)
        self.call("/registerCard", {"entityId": entity, "deliveryAddress": "PERMANENT",
                                    "kitInfo": [{"accountNo": 8642000 + int(entity[3:]), "cardType": "PHYSICAL",
                                                 "kitNo": kit_no, "aliasName": name}]})
        return entity
