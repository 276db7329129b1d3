# SPDX-License-Identifier: Apache-2.0
"""
A whole branch on one machine: the real daemons, pcscd with virtual chips, emulated printers and PIN pad, a SoftHSM token,
the DCMS simulator over TLS. Private folders and sockets, loopback ports; nothing of the system is changed.
"""
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import testprofiles
from bank import BRANCH, Bank
from d1 import D1
from process import BranchError, Emulator, Process, control_get, socket_answers, wait_for
from testkeys import branch_keys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
IKSN = "FFFF9876543210E00000"
APP_PERSONALIZED = 0x0F  # life cycle of the application in emu-card's chip.json
VPCD = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def free_ports(count):
    """A pair of free ports per reader: vpcd takes two. Not from where the kernel takes the ports of outgoing connections:
    one of those would be gone again before pcscd listens."""
    ports = []
    while len(ports) < count:
        port = random.randrange(16000, 32000, 2)
        if port not in ports and is_free(port) and is_free(port + 1):
            ports.append(port)
    return ports


EMULATORS = {"evolis": "tests/emu/printer/emu-printer", "magicard": "tests/emu/printer-magicard/emu-printer-magicard"}


class Desk:
    """A printer of some family with a chip slot inside, and its station."""

    def __init__(self, name, product, family="evolis"):
        self.name, self.product, self.family = name, product, family
        self.printer = self.card = None
        self.printer_process = self.card_process = self.station = None


class Branch:
    def __init__(self, build, failpoints=None, time_scale="0", bank=None, config=None, desks=2, hopper=20, ribbon="ymcko:100",
                 families=("evolis", "evolis"), flips=("none", "none"), antennas=(False, False), unpluggable=False, d1=False, keys=()):
        self.build = os.path.abspath(build)
        self.failpoints = failpoints or {}
        self.time_scale, self.hopper, self.ribbon = time_scale, hopper, ribbon
        self.config_changes = config or {}
        self.unpluggable = unpluggable  # readers
        self.folder = tempfile.mkdtemp(prefix="cw-", dir="/tmp")
        self.keys = {**branch_keys(), **{k.label: k for k in keys}}
        os.mkdir(self.path("bank"))
        self.bank = Bank(self.build, self.path("bank"), self.keys, **(bank or {}))
        self.d1 = D1(self.build, self.path("d1"), self.bank) if d1 else None
        self.desks = [Desk("desk-1", "71", families[0]), Desk("desk-2", "72", families[1])][:desks]
        for desk, flip in zip(self.desks, flips):  # the axis a printer turns cards over about
            desk.flip = flip
        for desk, antenna in zip(self.desks, antennas):  # the chip reader is a contactless one
            desk.antenna = antenna
        self.station_env = {}  # of some desks, besides
        self.processes = []
        self.hsmd = self.agent = self.kiosk = self.pcscd = None
        self.kiosk_card = self.pinpad = None
        self.kiosk_card_process = self.pinpad_process = None

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def binary(self, name):
        return os.path.join(self.build, name)

    # ---- files ----

    def _write(self, name, text, mode=0o600):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(fd, "w") as out:
            out.write(text)
        return path

    def _product(self, code, name, scp):
        labels = {"kmc_" + part: f"kmc0{scp}-{part}" for part in ("enc", "mac", "dek")}
        return {"plastic_code": code, "name": name, "profile": "generic-debit.json", "face": "classic-debit.json",
                "service_code": "220", "cvk": "debit-cvk", "imk_ac": "debit-imk-ac", "imk_smi": "debit-imk-smi",
                "imk_smc": "debit-imk-smc", "diversification": "kdf3" if scp == 3 else "emv",
                "kvn": 0x30 if scp == 3 else 0x20, "scp": scp, "security_level": 0x33 if scp == 3 else 3, **labels}

    def _config(self):
        stations = [{"name": d.name, "kind": "issue", "printer_driver": d.family, "printer_serial": "EMU-" + d.name,
                     "reader": "cardwright " + d.name, "plastic_codes": d.product, "hopper": self.hopper,
                     "printer_faces": "auto" if d.flip == "none" else "both",
                     "printer_flip": "auto" if d.flip == "none" else d.flip, "card_timeout_ms": 6000,
                     **({"chip_at": "contactless"} if d.antenna else {})} for d in self.desks]
        stations.append({"name": "kiosk-1", "kind": "kiosk", "reader": "cardwright kiosk-1", "pinpad_baud": 9600,
                         "pinpad_tty": self.path("pinpad.tty")})
        config = {
            "profile_dir": self.path("profiles"), "profile_keys": self.path("profile-key.pub"), "face_dir": os.path.join(SOURCE, "config/faces"),
            "pan_transport_key": "dcms-pan", "pan_hash_key": "pan-hash",
            "agent": {"runtime_dir": self.path("run"), "state_dir": self.path("state"),
                      "credential_dir": self.path("credentials"), "branch_id": BRANCH, "poll_min_ms": 200,
                      "poll_max_ms": 1000, "release_ttl_s": 60},
            "server": {"url": self.bank.url(), "tenant": "ACME_BANK", "username": "branch-agent",
                       "ca_file": self.path("bank/ca.pem"), "client_cert_file": self.path("bank/client.pem"),
                       "client_key_credential": "client-key"},
            "hsm": {"module": "/usr/lib/softhsm/libsofthsm2.so", "token_label": "cardwright", "allow_host_memory": True,
                    "state_dir": self.path("hsm-state"),
                    "keys": [{**k.config(), **({"iksns": IKSN} if k.label == "pad-bdk" else {})}
                             for k in self.keys.values()] + (self.d1.sign_keys() if self.d1 else [])},
            "pin": {"key": "dcms-pin", "bdk": "pad-bdk", "entry_timeout_ms": 15000},
            "products": [self._product("71", "Classic", 3), self._product("72", "Travel", 2)],
            "stations": stations,
        }
        if self.d1:
            config["d1"] = self.d1.config()
        for section, members in self.config_changes.items():
            if not isinstance(members, dict):
                config[section] = members
            elif section == "products":  # by plastic code
                for product in config["products"]:
                    product.update(members.get(product["plastic_code"], {}))
            else:
                config[section].update(members)
        return config

    def write_config(self):
        return self._write("cardwright.json", json.dumps(self._config(), indent=2))

    def _write_files(self):
        self.write_config()
        shutil.copytree(os.path.join(SOURCE, "config/profiles"), self.path("profiles"))
        testprofiles.two_interfaces(self.path("profiles"))
        testprofiles.core_card(self.path("profiles"), "aes256")
        testprofiles.sign_all(self.build, testprofiles.new_key(self.path())[0], self._config())
        self._write("credentials/dcms-password", "an-encrypted-password\n")
        self._write("credentials/hsm-pin", "271828\n")
        with open(self.path("bank/client-key.pem")) as key:
            self._write("credentials/client-key", key.read())
        if self.d1:
            self._write("credentials/d1-own", self.d1.own_key())
        self._write("keys.json", json.dumps({k.label: k.value.hex() for k in self.keys.values()}))
        self._write("bdk", self.keys["pad-bdk"].value.hex())
        self._write("card-keys.json", json.dumps({
            "scp02": {"kvn": "20", "kmc": self.keys["kmc02-enc"].value.hex(), "diversify": "emv"},
            "scp03": {"kvn": "30", "kmc": self.keys["kmc03-enc"].value.hex(), "diversify": "kdf3"}}))
        os.makedirs(self.path("plastics"))
        os.makedirs(self.path("logs"))
        os.makedirs(self.path("run"))

    # ---- processes ----

    def _start(self, name, argv, env=None):
        process = Process(name, argv, self.path("logs", name + ".log"), env).start()
        self.processes.append(process)
        return process

    def _start_token(self):
        os.makedirs(self.path("tokens"))
        self.softhsm = {"SOFTHSM2_CONF": self._write(
            "softhsm2.conf", f"directories.tokendir = {self.path('tokens')}\nobjectstore.backend = file\n"
                             "log.level = ERROR\nslots.removable = false\nslots.mechanisms = ALL\n"
                             "library.reset_on_fork = false\n")}
        env = {**os.environ, **self.softhsm}
        done = subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "cardwright", "--so-pin", "314159",
                               "--pin", "271828"], env=env, capture_output=True, check=False)
        if done.returncode == 0 and self.d1:
            done = self.import_sign_key("sign", "d1-sign", env)
        if done.returncode == 0:
            done = subprocess.run([self.binary("hsm/cardwright-hsm-provision"), "--config", self.path("cardwright.json"),
                                   "--keys", self.path("keys.json")], env=env, capture_output=True, check=False)
        if done.returncode:
            raise BranchError("the token cannot be set up: " + (done.stderr + done.stdout).decode(errors="replace"))

    def import_sign_key(self, name, label, env):
        """As the token maker's tools bring a key there."""
        path = self.path(f"d1/{name}.p8")
        subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", self.path(f"d1/{name}.key"), "-out", path], check=True)
        return subprocess.run(["softhsm2-util", "--import", path, "--token", "cardwright", "--label", label, "--id",
                               label.encode().hex(), "--pin", "271828"], env=env, capture_output=True, check=False)

    def _start_pcscd(self):
        """/run/pcscd is compiled into pcscd: it gets a /run of its own in a mount namespace, for any user; clients find the
        socket by name."""
        names = [d.name for d in self.desks] + ["kiosk-1"]
        self.reader_ports = dict(zip(names, free_ports(len(names))))
        os.makedirs(self.path("pcscd/conf"))
        os.makedirs(self.path("pcscd/run"))
        readers = []
        for name, port in self.reader_ports.items():
            # vpcd keeps its state per slot number, not per reader: each reader needs a driver of its own.
            driver = self.path("pcscd", name + ".so")
            if self.unpluggable:
                shutil.copy(VPCD, driver + ".vpcd")
                shutil.copy(self.binary("tests/emu/card/ifd-unplug.so"), driver)
            else:
                shutil.copy(VPCD, driver)
            readers.append(f'FRIENDLYNAME "cardwright {name}"\nDEVICENAME /dev/null:0x{port:X}\n'
                           f"LIBPATH {driver}\nCHANNELID 0x{port:X}\n")
        self._write("pcscd/conf/readers", "\n".join(readers))
        self.pcsc = {"PCSCLITE_CSOCK_NAME": self.path("pcscd/run/pcscd.comm")}
        self.start_pcscd()

    def start_pcscd(self):
        flags = "-m" if os.geteuid() == 0 else "-Urm"
        script = ("mount -t tmpfs tmpfs /run && mkdir /run/pcscd && mount --bind \"$0\" /run/pcscd && "
                  "exec /usr/sbin/pcscd -f -c \"$1\"")
        self.pcscd = self._start("pcscd", ["unshare", flags, "sh", "-c", script, self.path("pcscd/run"),
                                           self.path("pcscd/conf")])
        wait_for("pcscd", lambda: socket_answers(self.pcsc["PCSCLITE_CSOCK_NAME"]), processes=[self.pcscd])

    def unplug_reader(self, name):
        """A person pulls the reader's plug: pcscd finds out at its next look, or in the middle of a command."""
        self._write(f"pcscd/{name}.so.unplugged", "")

    def plug_reader(self, name):
        """And back: what the kernel tells pcscd of a USB reader, a signal tells it of this one."""
        os.unlink(self.path(f"pcscd/{name}.so.unplugged"))
        self.pcscd.child.send_signal(signal.SIGUSR1)

    def _start_card_slot(self, name, *more):
        control = self.path("card-" + name)
        process = self._start("emu-card-" + name, [
            self.binary("tests/emu/card/emu-card"), "--vpcd-port", str(self.reader_ports[name]), "--control", control,
            "--keys", self.path("card-keys.json"), "--log", self.path("logs", "apdu-" + name + ".log"),
            "--wire", self.path("logs", "apdu-" + name + ".wire"), *more])
        wait_for("emu-card of " + name, lambda: socket_answers(control), processes=[process])
        return process, Emulator(control)

    def _start_desk(self, desk):
        antenna = ("--interface", "contactless", "--apps", "pse,ppse") if desk.antenna else ()
        desk.card_process, desk.card = self._start_card_slot(desk.name, *antenna)
        ready, control = self.path("printer-ready-" + desk.name), self.path("printer-" + desk.name)
        desk.printer_process = self._start("emu-printer-" + desk.name, [
            self.binary(EMULATORS[desk.family]), "--ready-file", ready, "--plastics", self.path("plastics"),
            "--control", control, "--chip-control", self.path("card-" + desk.name), "--serial", "EMU-" + desk.name,
            "--hopper", str(self.hopper), "--ribbon", self.ribbon, "--time-scale", self.time_scale, "--flip", desk.flip,
            "--chip-at", "contactless" if desk.antenna else "contact",
            "--transcript", self.path("logs", "printer-" + desk.name + ".txt")])
        wait_for("emu-printer of " + desk.name, lambda: os.path.exists(ready) and socket_answers(control),
                 processes=[desk.printer_process])
        desk.printer = Emulator(control)
        with open(ready) as f:
            desk.testbed = f.read().strip()
        self.start_station(desk)

    def _failpoints_of(self, daemon):
        return {"CW_FAILPOINTS": self.failpoints[daemon]} if daemon in self.failpoints else {}

    def start_station(self, desk):
        argv = ["umockdev-wrapper", self.binary("drivers/cardwright-stationd"), "--config", self.path("cardwright.json"),
                "--station", desk.name]
        env = {**self.pcsc, "UMOCKDEV_DIR": desk.testbed, **self.station_env.get(desk.name, {}), **self._failpoints_of(desk.name)}
        desk.station = self._start("stationd-" + desk.name, argv, env)

    def start_kiosk(self):
        argv = [self.binary("drivers/cardwright-stationd"), "--config", self.path("cardwright.json"), "--station", "kiosk-1"]
        self.kiosk = self._start("stationd-kiosk-1", argv, {**self.pcsc, **self._failpoints_of("kiosk-1")})

    def _start_pinpad(self):
        control = self.path("pinpad")
        self.pinpad_process = self._start("emu-pinpad", [
            self.binary("tests/emu/pinpad/emu-pinpad"), "--pty-link", self.path("pinpad.tty"), "--control", control,
            "--bdk-file", self.path("bdk"), "--iksn", IKSN, "--ksn-state", self.path("pinpad.ksn")])
        wait_for("emu-pinpad", lambda: socket_answers(control) and os.path.exists(self.path("pinpad.tty")),
                 processes=[self.pinpad_process])
        self.pinpad = Emulator(control)

    def start_hsmd(self):
        argv = [self.binary("hsm/cardwright-hsmd"), "--config", self.path("cardwright.json")]
        self.hsmd = self._start("hsmd", argv, {**self.softhsm, **self._failpoints_of("hsmd")})

    def start_agent(self):
        argv = [self.binary("agent/cardwrightd"), "--config", self.path("cardwright.json")]
        self.agent = self._start("cardwrightd", argv, self._failpoints_of("cardwrightd"))

    def start(self, wait=True):
        self.bank.start()
        if self.d1:
            self.d1.start()
        self._write_files()
        self._start_token()
        self._start_pcscd()
        self.start_hsmd()
        for desk in self.desks:
            self._start_desk(desk)
        self.kiosk_card_process, self.kiosk_card = self._start_card_slot("kiosk-1")
        self._start_pinpad()
        self.start_kiosk()
        self.start_agent()
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=20):
        def ready():
            status = self.ask("/v1/status")
            if not status:
                return False
            up = all(s["up"] and s.get("reader", {}).get("present") for s in status["stations"])
            return up and status["hsm"]["ready"] and all(
                s["kind"] == "kiosk" or s["printer"]["state"] != "offline" for s in status["stations"])
        wait_for("the branch to be ready", ready, seconds, processes=[self.agent, self.hsmd, self.kiosk])

    def stop(self):
        """Daemons first, then what they talk to; every process by its own number."""
        for process in reversed(self.processes):
            if process is not self.pcscd:
                process.stop()
        for process in self.processes:
            process.stop()
        if self.d1:
            self.d1.stop()
        self.bank.stop()

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- people ----

    def cli_raw(self, *words):
        argv = [self.binary("agent/cardwright"), "--socket", self.path("run/control.sock"), *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)

    def cli(self, *words, check=True):
        """The command with --json; its answer, or None when it failed and check is off."""
        done = self.cli_raw("--json", *words)
        if done.returncode not in (0, 4) or not done.stdout:
            if check:
                raise BranchError(f"cardwright {' '.join(words)}: exit {done.returncode}: {done.stderr.strip()}")
            return None
        return json.loads(done.stdout)

    def ask(self, what):
        """The control API without the command; None while cardwrightd is away."""
        return control_get(self.path("run/control.sock"), what)

    def jobs(self):
        return self.cli("jobs", "--all")["jobs"]

    def job(self, kit):
        return self.cli("job", kit)

    def wait_jobs(self, what, check, seconds=60):
        """Waits until check(jobs) is true, patient while cardwrightd restarts."""
        def look():
            answer = self.ask("/v1/jobs?all=1")
            return answer and check(answer["jobs"]) and answer["jobs"]
        try:
            return wait_for(what, look, seconds)
        except BranchError as e:
            rows = [f"{j['job']} kit {j['kit']} {j['state']}/{j['wait']} {j['station']} {j['code']}"
                    for j in (self.ask("/v1/jobs?all=1") or {"jobs": []})["jobs"]]
            raise BranchError(f"{e}\n" + "\n".join(rows)) from None

    def order(self, order_id, counts, names):
        """Orders, waits until the agent had it processed, and assigns each kit to a customer. Returns the kit numbers."""
        self.bank.order(order_id, counts)
        total = sum(counts.values())
        wait_for("the kits of the order", lambda: len(self.bank.kits(order_id)) == total, 30)
        kits = [k["kitNo"] for k in self.bank.kits(order_id)]
        for kit, name in zip(kits, names):
            self.bank.assign(kit, name)
        return kits

    def take_card(self, desk):
        """A person takes the finished card from the tray; its plastic folder."""
        return desk.printer.ask(cmd="take")["plastic"]

    def plastic_of(self, kit):
        """The live plastic of a kit by the stripe's PAN, compared by digest."""
        digest = self.bank.sim("POST", "/plain-pan", {"kitNo": kit})["sha256"]
        return [p for p in self.plastics() if p["pan_sha256"] == digest]

    def plastics(self):
        """Every plastic drawn: folder, where it is, digest of the PAN on its stripe ("" = blank), chip personalised."""
        import hashlib
        found = []
        for name in sorted(os.listdir(self.path("plastics"))):
            folder = self.path("plastics", name)
            if not os.path.exists(os.path.join(folder, "plastic.json")):
                continue
            with open(os.path.join(folder, "plastic.json")) as f:
                plastic = json.load(f)
            pan, personalised = "", False
            stripe = os.path.join(folder, "stripe.json")
            if os.path.exists(stripe):
                with open(stripe) as f:
                    for track in json.load(f)["tracks"]:
                        if track["track"] == 2:
                            pan = track["text"].strip(";?").split("=")[0]
            if os.path.exists(os.path.join(folder, "chip.json")):
                with open(os.path.join(folder, "chip.json")) as f:
                    personalised = json.load(f)["app_state"] == APP_PERSONALIZED
            found.append({"folder": folder, "where": plastic["where"], "printer": plastic["printer"],
                          "pan_sha256": hashlib.sha256(pan.encode()).hexdigest() if pan else "",
                          "personalised": personalised})
        return found

    def double_issued(self, kits):
        """Kits with more than one plastic that is not in a reject box."""
        live = 0
        for kit in kits:
            good = [p for p in self.plastic_of(kit) if p["where"] not in ("reject",)]
            live += len(good) > 1
        return live

    def violations(self):
        """What the emulators saw that a driver must never do."""
        found = []
        for desk in self.desks:
            state = desk.printer.ask(cmd="state")
            found += state.get("violation_texts", [])
            found += desk.card.ask(cmd="state").get("violations", [])
        found += self.kiosk_card.ask(cmd="state").get("violations", [])
        found += self.pinpad.ask(cmd="state").get("violations", [])
        return found

    def logs(self):
        """Tail of every log, for a failed test."""
        text = []
        for name in sorted(os.listdir(self.path("logs"))):
            with open(self.path("logs", name), errors="replace") as log:
                text.append(f"--- {name}\n" + "".join(log.readlines()[-12:]))
        return "\n".join(text)

    def pause(self, seconds):
        time.sleep(seconds)
