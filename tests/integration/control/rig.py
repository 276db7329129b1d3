# SPDX-License-Identifier: Apache-2.0
"""The real cardwrightd and command, the real DCMS simulator; hsmd and the stations are played."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(SOURCE, "tests/branch"))

from bank import BRANCH, Bank  # noqa: E402
from fake_hsmd import FakeHsmd  # noqa: E402
from fake_kiosk import FakeKiosk  # noqa: E402
from fake_station import FakeStation  # noqa: E402
from process import Process, control_get, wait_for  # noqa: E402
from testkeys import branch_keys  # noqa: E402

BUILD = os.environ.get("CW_BUILD", os.path.join(SOURCE, "build"))
NAMES = ["ASHA NAIR", "RAVI KUMAR", "MEERA IYER", "JOHN DSOUZA", "FATIMA KHAN", "ARJUN REDDY"]


class Rig:
    def __init__(self, stations=("s1",), pin_proof=False, chip_at="contact", **bank):
        self.pin_proof, self.chip_at = pin_proof, chip_at
        self.folder = tempfile.mkdtemp(prefix="cw-ctl-", dir="/tmp")
        self.keys = branch_keys()
        for name in ("bank", "run/hsmd", "run/station", "state", "credentials"):
            os.makedirs(self.path(name))
        self.bank = Bank(BUILD, self.path("bank"), self.keys, **bank)
        try:
            self.bank.start()
        except Exception:
            shutil.rmtree(self.folder)
            raise
        self.hsmd = FakeHsmd(self.path("run/hsmd/agent.sock"), self.keys)
        self.stations = {n: FakeStation(self.path("run/station"), n, card_prefix=f"479{i}") for i, n in enumerate(stations)}
        self.kiosk = FakeKiosk(self.path("run/station"), "kiosk-1", self.hsmd)
        self.agent = None
        self._write_files()

    def path(self, name):
        return os.path.join(self.folder, name)

    def _write(self, name, text):
        fd = os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as out:
            out.write(text)

    def _write_files(self):
        label = {k: k for k in self.keys}
        product = {"plastic_code": "71", "name": "Classic", "profile": "generic-debit.json", "face": "classic-debit.json",
                   "service_code": "220", "cvk": label["debit-cvk"], "imk_ac": "debit-imk-ac", "imk_smi": "debit-imk-smi",
                   "imk_smc": "debit-imk-smc", "kmc_enc": "kmc03-enc", "kmc_mac": "kmc03-mac", "kmc_dek": "kmc03-dek",
                   "diversification": "kdf3", "kvn": 48, "scp": 3, "security_level": 51, "chip_pin_script": self.pin_proof}
        stations = [{"name": n, "kind": "issue", "printer_driver": "evolis", "printer_serial": "F-" + n, "reader": "fake " + n,
                     "plastic_codes": "71", "hopper": 50, "chip_at": self.chip_at} for n in self.stations]
        stations.append({"name": "kiosk-1", "kind": "kiosk", "reader": "fake kiosk", "pinpad_tty": "/dev/null",
                         "pinpad_baud": 9600, **({"pin_proof": "reader"} if self.pin_proof else {})})
        config = {
            "profile_dir": os.path.join(SOURCE, "config/profiles"), "face_dir": os.path.join(SOURCE, "config/faces"),
            "pan_transport_key": "dcms-pan", "pan_hash_key": "pan-hash",
            "agent": {"runtime_dir": self.path("run"), "state_dir": self.path("state"), "credential_dir": self.path("credentials"),
                      "branch_id": BRANCH, "poll_min_ms": 100, "poll_max_ms": 300, "release_ttl_s": 20},
            "server": {"url": self.bank.url(), "tenant": "ACME_BANK", "username": "branch-agent",
                       "ca_file": self.path("bank/ca.pem"), "client_cert_file": self.path("bank/client.pem"),
                       "client_key_credential": "client-key"},
            "hsm": {"token_label": "fake", "allow_host_memory": True, "keys": [k.config() for k in self.keys.values()]},
            "pin": {"key": "dcms-pin", "bdk": "pad-bdk", "entry_timeout_ms": 15000},
            "products": [product], "stations": stations,
        }
        self._write("cardwright.json", json.dumps(config, indent=2))
        self._write("credentials/dcms-password", "an-encrypted-password\n")
        self._write("credentials/hsm-pin", "271828\n")
        with open(self.path("bank/client-key.pem")) as key:
            self._write("credentials/client-key", key.read())

    # ---- processes ----

    def start(self):
        self.hsmd.listen()
        for station in self.stations.values():
            station.listen()
        self.kiosk.listen()
        self.start_agent()
        wait_for("the stations", self.stations_up, 15, processes=[self.agent])
        return self

    def stations_up(self):
        status = control_get(self.path("run/control.sock"), "/v1/status")
        return status and all(s["up"] for s in status["stations"])

    def start_agent(self, wait=True):
        argv = [os.path.join(BUILD, "agent/cardwrightd"), "--config", self.path("cardwright.json")]
        self.agent = Process("cardwrightd", argv, self.path("cardwrightd.log")).start()
        if wait:
            wait_for("cardwrightd", lambda: control_get(self.path("run/control.sock"), "/v1/status"), 15, processes=[self.agent])

    def kill_agent(self):
        self.agent.kill()

    def stop(self):
        """Everything ends in order; what went wrong unseen comes to light here."""
        status = None
        if self.agent and self.agent.running():
            self.agent.stop()
            status = self.agent.child.returncode
        peers = [self.hsmd, self.kiosk, *self.stations.values()]
        for peer in peers:
            peer.stop()
        self.hsmd.end_sessions()
        self.bank.stop()
        problems = [p for peer in peers for p in peer.problems]
        log = self.log()
        shutil.rmtree(self.folder, ignore_errors=True)
        if status not in (None, 0):
            problems.append(f"cardwrightd ended with {status}")
        if problems:
            raise AssertionError("\n".join(problems) + "\n" + log)

    def log(self, lines=60):
        return self.agent.tail(lines) if self.agent else ""

    # ---- people ----

    def cli_raw(self, *words):
        argv = [os.path.join(BUILD, "agent/cardwright"), "--socket", self.path("run/control.sock"), *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)

    def cli(self, *words, check=True):
        done = self.cli_raw("--json", *words)
        if done.returncode in (0, 4) and done.stdout:
            return json.loads(done.stdout)
        if check:
            raise AssertionError(f"cardwright {' '.join(words)}: exit {done.returncode}: {done.stderr}\n{self.log()}")
        return None

    def order(self, count=1, order_id="ORD-1"):
        """Kits of a card order, each assigned to a customer; their numbers."""
        self.bank.order(order_id, {"CLASSIC": count})
        wait_for("the kits", lambda: len(self.bank.kits(order_id)) == count, 20)
        kits = [k["kitNo"] for k in self.bank.kits(order_id)]
        for kit, name in zip(kits, NAMES):
            self.bank.assign(kit, name)
        return kits

    def job(self, kit):
        return control_get(self.path("run/control.sock"), "/v1/jobs/" + kit) or {}

    def wait_job(self, kit, what, check, seconds=20):
        """Until check(job); patient while cardwrightd is away."""
        try:
            return wait_for(what, lambda: (lambda j: j and check(j) and j)(self.job(kit)), seconds, 0.03)
        except Exception as e:
            job = self.job(kit)
            raise AssertionError(f"{e}: {job.get('state')}/{job.get('wait')} {job.get('station')} {job.get('code')}\n"
                                 f"{self.log()}") from None

    def wait_state(self, kit, wait, seconds=20):
        return self.wait_job(kit, f"job to wait for {wait}", lambda j: j["wait"] == wait, seconds)

    def make(self, kit, seconds=20):
        return self.wait_state(kit, "handover", seconds)

    def kit_at_bank(self, kit):
        return [k for k in self.bank.state()["kits"] if k["kitNo"] == kit][0]

    def history(self, kit):
        return self.job(kit)["history"]

    def settle(self, seconds=0.4):
        time.sleep(seconds)
