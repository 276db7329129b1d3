# SPDX-License-Identifier: Apache-2.0
"""One desk and one kiosk with everything below cardwrightd: hsmd on a SoftHSM token, pcscd with virtual chips, printer, pad."""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(SOURCE, "tests/branch"))

import testprofiles  # noqa: E402
from branch import free_ports  # noqa: E402
from ipc import Peer, Refused, close_all  # noqa: E402
from process import Emulator, Process, listens, socket_answers, wait_for  # noqa: E402
from testkeys import branch_keys, encrypt  # noqa: E402

VPCD = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
PRINTER_SERIAL = "EMU-desk"
IKSN = "FFFF9876543210E00000"


def luhn(digits):
    total = 0
    for i, c in enumerate(reversed(digits)):
        n = int(c) * (2 if i % 2 == 0 else 1)
        total += n - 9 if n > 9 else n
    return digits + str(-total % 10)


class Rig:
    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.folder = tempfile.mkdtemp(prefix="cws-", dir="/tmp")
        self.keys = branch_keys()
        self.processes = []
        self.station = self.kiosk = self.hsmd = self.pcscd = None
        self.serial = 0

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(text)
        return path

    def run(self, name, argv, env=None, wrapper=()):
        process = Process(name, [*wrapper, os.path.join(self.build, argv[0]), *argv[1:]], self.path("logs", name + ".log"), env)
        self.processes.append(process.start())
        return process

    # ---- configuration ----

    def product(self, code, scp):
        labels = {"kmc_" + part: f"kmc0{scp}-{part}" for part in ("enc", "mac", "dek")}
        return {"plastic_code": code, "name": "Test", "profile": "generic-debit.json", "face": "classic-debit.json",
                "service_code": "220", "psn": "01", "cvk": "debit-cvk", "imk_ac": "debit-imk-ac", "imk_smi": "debit-imk-smi",
                "imk_smc": "debit-imk-smc", "diversification": "kdf3" if scp == 3 else "emv",
                "kvn": 0x30 if scp == 3 else 0x20, "scp": scp, "security_level": 0x33 if scp == 3 else 3, **labels}

    def method1_profile(self, name, was, becomes):
        """A card that takes ARPC and ARC, in a CDOL2 with room for them or by EXTERNAL AUTHENTICATE."""
        with open(os.path.join(SOURCE, "config/profiles/generic-debit.json")) as f:
            text = f.read()
        assert text.count(was) == 1, was
        text = text.replace(was, becomes).replace('"name": "generic-debit"', f'"name": "method-1-{name}"')
        return os.path.basename(self.write(f"profiles/method-1-{name}.json", text))

    def closing_product(self, code):
        """Its cards get keys of their own under another version, and are SECURED."""
        with open(os.path.join(SOURCE, "config/profiles/generic-debit.json")) as f:
            profile = json.load(f)
        profile["after"] = [{"put_key": {"kvn": "31", "algorithm": "aes"}}, {"set_status": {"of": "card", "state": "secured"}}]
        name = os.path.basename(self.write("profiles/closing.json", json.dumps(profile)))
        masters = {"new_kmc_" + part: f"kmc03-{part}" for part in ("enc", "mac", "dek")}
        return {**self.product(code, 3), **masters, "new_diversification": "kdf3", "profile": name}

    def adding_product(self, code):
        """Its cards get keys beside those they have, and nothing else behind their data."""
        with open(os.path.join(SOURCE, "config/profiles/generic-debit.json")) as f:
            profile = json.load(f)
        profile["after"] = [{"put_key": {"kvn": "31", "algorithm": "aes", "mode": "add"}}]
        name = os.path.basename(self.write("profiles/adding.json", json.dumps(profile)))
        masters = {"new_kmc_" + part: f"kmc03-{part}" for part in ("enc", "mac", "dek")}
        return {**self.product(code, 3), **masters, "new_diversification": "kdf3", "profile": name}

    def bringing_product(self, code):
        """Its issuer is to bring a grouping for each card, and has an instruction about it."""
        with open(os.path.join(SOURCE, "config/profiles/generic-debit.json")) as f:
            profile = json.load(f)
        profile.update(prepared=True, instructions={"vercntl": ["A00A"]})
        return {**self.product(code, 3), "profile": os.path.basename(self.write("profiles/bringing.json", json.dumps(profile)))}

    def waiting_product(self, code):
        """Its profile has a grouping that an issuer's data set is to bring."""
        with open(os.path.join(SOURCE, "config/profiles/generic-debit.json")) as f:
            profile = json.load(f)
        profile["dgis"].insert(0, {"dgi": "3001", "data": True, "encrypted": True})
        return {**self.product(code, 3), "profile": os.path.basename(self.write("profiles/waiting.json", json.dumps(profile)))}

    def config(self):
        wrong = {**self.product("73", 3), "diversification": "none"}
        scripts = [{**self.product(str(80 + n), 3), "cvn": cvn, "chip_pin_script": True}
                   for n, cvn in enumerate(("cvn10", "cvn18", "cvn22", "mchip16", "mchip20", "ccd"))]
        method1 = [{**self.product(code, 3), "cvn": cvn, "profile": self.method1_profile(name, was, becomes)}
                   for code, cvn, name, was, becomes in (("86", "mchip16", "cdol2", "9108", "910A"),
                                                         ("87", "mchip20", "external", '"1800"', '"1C00"'))]
        return {
            "profile_dir": self.path("profiles"), "profile_keys": self.path("profile-key.pub"), "face_dir": os.path.join(SOURCE, "config/faces"),
            "pan_transport_key": "dcms-pan", "pan_hash_key": "pan-hash",
            "agent": {"runtime_dir": self.path("run"), "state_dir": self.path("state"),
                      "credential_dir": self.path("credentials"), "branch_id": "BRANCH001"},
            "server": {"url": "https://127.0.0.1:1/dcms", "tenant": "ACME_BANK", "username": "u",
                       "ca_file": self.path("ca.pem")},
            "hsm": {"token_label": "cardwright", "allow_host_memory": True, "state_dir": self.path("hsm-state"),
                    "keys": [k.config() for k in self.keys.values()]},
            "pin": {"key": "dcms-pin", "bdk": "pad-bdk", "entry_timeout_ms": 3000},
            "products": [self.product("71", 3), self.product("72", 2), wrong, *scripts, *method1, self.closing_product("74"), self.adding_product("79"),
                         self.bringing_product("77"), self.waiting_product("76")],
            "stations": [
                {"name": "desk", "kind": "issue", "printer_driver": "evolis", "printer_serial": PRINTER_SERIAL,
                 "reader": "cardwright desk", "plastic_codes": "71", "card_timeout_ms": 2500},
                {"name": "kiosk", "kind": "kiosk", "reader": "cardwright kiosk", "pinpad_tty": self.path("pad.tty"),
                 "pinpad_baud": 9600}],
        }

    # ---- processes ----

    def start_token(self):
        os.makedirs(self.path("tokens"))
        conf = self.write("softhsm2.conf", f"directories.tokendir = {self.path('tokens')}\nobjectstore.backend = file\n"
                                           "log.level = ERROR\nslots.mechanisms = ALL\n")
        self.softhsm = {"SOFTHSM2_CONF": conf}
        env = {**os.environ, **self.softhsm}
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "cardwright", "--so-pin", "314159", "--pin",
                        "271828"], env=env, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([os.path.join(self.build, "hsm/cardwright-hsm-provision"), "--config", self.path("cardwright.json"),
                        "--keys", self.path("keys.json")], env=env, check=True, stdout=subprocess.DEVNULL)

    def pcscd_process(self, name="pcscd"):
        """With the drivers and the socket of the folder of that name."""
        script = "mkdir -p /run/pcscd && mount --bind \"$0\" /run/pcscd && exec pcscd -f -c \"$1\""
        argv = ["unshare", "-m" if os.geteuid() == 0 else "-Urm", "sh", "-c", script, self.path(name, "run"),
                self.path(name, "conf")]
        return Process(name, argv, self.path("logs", name + ".log")).start()

    def start_pcscd(self):
        self.pcscd = self.pcscd_process()
        self.processes.append(self.pcscd)
        wait_for("pcscd", lambda: socket_answers(self.pcsc["PCSCLITE_CSOCK_NAME"]), processes=[self.pcscd])

    def start_readers(self):
        self.ports = dict(zip(("desk", "kiosk"), free_ports(2)))
        os.makedirs(self.path("pcscd/run"))
        for name, port in self.ports.items():
            # The driver keeps its readers in one table by slot number: two readers need two copies of it.
            shutil.copy(VPCD, self.path("pcscd", name + ".so"))
            self.write("pcscd/conf/" + name, f'FRIENDLYNAME "cardwright {name}"\nDEVICENAME /dev/null:0x{port:X}\n'
                                             f"LIBPATH {self.path('pcscd', name + '.so')}\nCHANNELID 0x{port:X}\n")
        self.pcsc = {"PCSCLITE_CSOCK_NAME": self.path("pcscd/run/pcscd.comm")}
        self.start_pcscd()
        self.chip, self.kiosk_chip = (self.start_card(name) for name in ("desk", "kiosk"))

    def start_card(self, name, *more):
        control = self.path("card-" + name)
        self.run("card-" + name, ["tests/emu/card/emu-card", "--vpcd-port", str(self.ports[name]), "--control", control,
                                  "--keys", self.path("card-keys.json"), "--log", self.path("logs", "chip-" + name + ".log"), *more])
        wait_for("emu-card", lambda: socket_answers(control))
        return Emulator(control)

    def _other_card(self, name, *more):
        for process in [p for p in self.processes if p.name == "card-" + name]:
            process.stop()
            self.processes.remove(process)
        if os.path.exists(self.path("card-" + name)):
            os.unlink(self.path("card-" + name))
        return self.start_card(name, *more)

    def replace_desk_card(self, *more):
        """Another make of chip in the printer, by the options of emu-card."""
        self.chip = self._other_card("desk", *more)

    def replace_kiosk_card(self, *more):
        self.kiosk_chip = self._other_card("kiosk", *more)

    def start_printer(self):
        ready, control = self.path("printer-ready"), self.path("printer")
        self.run("printer", ["tests/emu/printer/emu-printer", "--ready-file", ready, "--plastics", self.path("plastics"),
                             "--control", control, "--chip-control", self.path("card-desk"), "--serial", PRINTER_SERIAL,
                             "--hopper", "50", "--ribbon", "ymcko:100", "--time-scale", "0"])
        wait_for("emu-printer", lambda: os.path.exists(ready) and socket_answers(control))
        self.printer = Emulator(control)
        with open(ready) as f:
            self.testbed = {"UMOCKDEV_DIR": f.read().strip()}

    def start_hsmd(self):
        self.hsmd = self.run("hsmd", ["hsm/cardwright-hsmd", "--config", self.path("cardwright.json")], self.softhsm)
        wait_for("hsmd", lambda: listens(self.path("run/hsmd/agent.sock")), processes=[self.hsmd])

    def start_station(self):
        self.station = self.run("stationd-desk", ["drivers/cardwright-stationd", "--config", self.path("cardwright.json"),
                                                  "--station", "desk"], {**self.pcsc, **self.testbed}, ["umockdev-wrapper"])
        wait_for("stationd", lambda: listens(self.path("run/station/desk.sock")), processes=[self.station])

    def kill_station(self):
        self.station.kill()
        self.processes.remove(self.station)
        os.unlink(self.path("run/station/desk.sock"))

    def start_kiosk(self):
        self.run("pad", ["tests/emu/pinpad/emu-pinpad", "--pty-link", self.path("pad.tty"), "--control", self.path("pad"),
                         "--bdk-file", self.path("bdk"), "--iksn", IKSN])
        wait_for("emu-pinpad", lambda: socket_answers(self.path("pad")))
        self.pad = Emulator(self.path("pad"))
        self.kiosk = self.run("stationd-kiosk", ["drivers/cardwright-stationd", "--config", self.path("cardwright.json"),
                                                 "--station", "kiosk"], self.pcsc)
        wait_for("the kiosk", lambda: listens(self.path("run/station/kiosk.sock")), processes=[self.kiosk])

    def prepare(self):
        """Everything that is a file."""
        for folder in ("logs", "plastics", "run"):
            os.makedirs(self.path(folder))
        shutil.copytree(os.path.join(SOURCE, "config/profiles"), self.path("profiles"))
        config = self.config()
        self.write("cardwright.json", json.dumps(config))
        self.profile_key, _ = testprofiles.new_key(self.folder)
        testprofiles.sign_all(self.build, self.profile_key, config)
        self.write("credentials/hsm-pin", "271828\n")
        self.write("keys.json", json.dumps({k.label: k.value.hex() for k in self.keys.values()}))
        self.write("bdk", self.keys["pad-bdk"].value.hex())
        self.write("card-keys.json", json.dumps({
            "scp02": {"kvn": "20", "kmc": self.keys["kmc02-enc"].value.hex(), "diversify": "emv"},
            "scp03": {"kvn": "30", "kmc": self.keys["kmc03-enc"].value.hex(), "diversify": "kdf3"}}))

    def start(self):
        self.prepare()
        self.start_token()
        self.start_hsmd()
        self.start_readers()
        self.start_printer()
        self.start_station()
        self.start_kiosk()

    def tell(self):
        """What the daemons said last."""
        for process in self.processes:
            if process.name.startswith(("stationd", "hsmd")):
                print(f"--- {process.name}\n{process.tail(6)}", flush=True)

    def recover(self):
        """After a failed test: an empty printer, no faults, a new station without a job."""
        self.printer.ask(cmd="faults_off")
        self.chip.ask(cmd="fault", kind="none")
        self.printer.ask(cmd="ribbon", kind="ymcko", remaining=100)
        if not self.pcscd.running():
            self.start_pcscd()
        self.kill_station()
        try:
            self.printer.ask(cmd="plug")
        except Exception:  # noqa: BLE001
            pass
        try:
            self.printer.ask(cmd="clear", to="taken")
        except Exception:  # noqa: BLE001
            pass
        self.start_station()

    def stop(self):
        """A station is told twice: nobody is there any more for a result that no test acknowledged."""
        for process in self.processes:
            if process.name.startswith("stationd") and process.running():
                process.child.terminate()
        for process in reversed(self.processes):
            process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- what cardwrightd would do ----

    def hsm(self):
        return Peer(self.path("run/hsmd/agent.sock"))

    def desk(self):
        return Peer(self.path("run/station/desk.sock"))

    def seal(self, pan):
        """encryptedCardNumber in its first form: AES-ECB of the digits with PKCS#7 padding, Base64."""
        pad = 16 - len(pan) % 16
        return base64.b64encode(encrypt(b"AES-256-ECB", self.keys["dcms-pan"].value, pan.encode() + bytes([pad]) * pad))

    def cardwright_admin(self, *words):
        """The command, by the sockets of this rig's runtime folder: exit status, output, errors."""
        done = subprocess.run([os.path.join(self.build, "agent/cardwright"), "--socket", self.path("run/control.sock"), *words],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def profile_check(self, path):
        done = subprocess.run([os.path.join(self.build, "agent/cardwright"), "--config", self.path("cardwright.json"), "profile",
                               "check", path], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    def new_pan(self):
        self.serial += 1
        return luhn(f"608040{os.getpid() % 100000:05d}{self.serial:04d}")


class Job:
    """One card job: an open session at hsmd and its station."""

    def __init__(self, rig, desk, plastic_code="71"):
        self.rig, self.desk = rig, desk
        self.pan = rig.new_pan()
        self.name = f"J{rig.serial:06d}"
        self.kit = f"90000{rig.serial:05d}"
        self.plastic_code = plastic_code
        self.seq = 0
        self.hsm = rig.hsm()
        self.begin()

    def begin(self):
        opened = self.hsm.call("session.open", [self.rig.seal(self.pan)], kind="issue", job=self.name, kit=self.kit,
                               plastic_code=self.plastic_code, expiry="2912", name="Asha Rao")
        self.session = opened["json"]["session"]
        self.desk.call("job.begin", fds=opened["fds"], job=self.name, kit=self.kit, plastic_code=self.plastic_code)
        close_all(opened["fds"])

    def baseline(self):
        self.base = {k: v for k, v in self.ask_again("baseline").items() if k != "ok"}
        return self.base

    def ask_again(self, method, **members):
        """As cardwrightd does: what a stalled machine made late is asked for again."""
        for _ in range(5):
            try:
                return self.desk.ask(method, **members)
            except Refused as e:
                if e.error["class"] != "RETRY":
                    raise
        return self.desk.ask(method, **members)

    def send(self, step):
        self.seq += 0 if step == "preflight" else 1
        if step != "preflight":
            self.baseline()
        return self.desk.send("step", job=self.name, step=step, seq=self.seq if step != "preflight" else 0,
                              baseline=getattr(self, "base", {}))

    def step(self, step, ack=True):
        result = self.desk.wait(self.send(step))["json"]
        if ack and step != "preflight":
            self.desk.ask("result.ack", job=self.name, step=step, seq=self.seq)
        return result

    def through(self, *steps):
        for step in steps:
            result = self.step(step)
            for _ in range(3):
                if result["outcome"] == "failed" and result["class"] == "RETRY" and not result["key_tried"]:
                    result = self.step(step)
            assert result["outcome"] == "done", (step, result)
        return result

    def reconcile(self, step):
        return self.ask_again("reconcile", job=self.name, step=step, seq=self.seq, baseline=self.base)

    def end(self):
        self.desk.ask("job.end", job=self.name)
        self.hsm.close()
