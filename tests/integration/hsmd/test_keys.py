# SPDX-License-Identifier: Apache-2.0
"""
Key management on a running cardwright-hsmd, by the command `cardwright hsm`: custodians at their terminals, published
key blocks, rotation, destruction and export by two persons, and the trace of it all. On SoftHSM, on NSS, on openCryptoki.
"""
import hashlib
import json
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
import unittest

HSMD, PROVISION, CLI, AGENT, NSS, OPENCRYPTOKI = (os.environ.get(n, "") for n in (
    "CW_HSMD", "CW_PROVISION", "CW_CLI", "CW_AGENT", "CW_NSS_MODULE", "CW_OPENCRYPTOKI_MODULE"))
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
# Published: TR-31:2018 A.7.2.1, A.7.2.2, A.7.3.1, A.7.3.2, A.7.4.
KBPK_A, KBPK_P = "89E88CF7931444F334BD7547FC3F380C", "DD7515F2BFC17F85CE48F3CA25CB21F6"
KBPK_C = "B8ED59E0A279A295E9F5ED7944FD06B9"
KBPK_B = "1D22BF32387C600AD97F9B97A51311AC"
KBPK_D = "88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6"
BLOCK_A = "A0072P0TE00E0000F5161ED902807AF26F1D62263644BD24192FDB3193C730301CEE8701"
BLOCK_P = "B0080P0TE00E000094B420079CC80BA3461F86FE26EFC4A3B8E4FA4C5F5341176EED7B727B8A248E"
BLOCK_C = "C0096B0TX12S0100KS1800604B120F9292800000BFB9B689CB567E66FC3FEE5AD5F52161FC6545B9D60989015D02155C"
BLOCK_B = ("B0104B0TX12S0100KS1800604B120F9292800000BB68BE8680A400D9191AD4ECE45B6E6C0D21C4738A52190E248719E24B433627")
BLOCK_D = ("D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D207E2E417C07156A27E8E31DA05F7425509593D03A"
           "457DC34")
KEYS = [  # label, purpose, algorithm, check value, more
    ("kbpk-a", "kbpk", "tdes2", "D1D812", {}),
    ("kbpk-p", "kbpk", "tdes2", "F7BAA8", {}),
    ("kbpk-b", "kbpk", "tdes2", "11B651", {}),
    ("kbpk-d", "kbpk", "aes256", "2331550BC9", {}),
    ("pad", "bdk", "tdes2", "9A4212", {}),
    ("zpk", "zpk-out", "tdes2", "CB9DEA", {"exportable": True}),
    ("zpk-copy", "zpk-out", "tdes2", "57C409", {}),
    ("zpk-aes", "zpk-out", "aes128", "08793E25AB", {}),
    ("zpk-b", "zpk-out", "tdes2", "57C409", {}),
]
KEYS_C = [  # where version C is taken too
    ("kbpk-c", "kbpk", "tdes2", "2F0EEA", {}),
    ("pad-c", "bdk", "tdes2", "F4B08D", {}),
    ("zpk-c", "zpk-out", "tdes2", "57C409", {}),
]
PERSONS = ("daemon", "bin", "games")


def wait_for(what, probe, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = probe()
        if got:
            return got
        time.sleep(0.01)
    raise AssertionError(f"{what} did not come")


class Result:
    def __init__(self, code, out, err, seen=""):
        self.code, self.out, self.err, self.seen = code, out, err, seen

    @property
    def json(self):
        return json.loads(self.out)


class Rig:
    """One token, one hsmd, persons that are users of this machine."""

    def __init__(self, kind):
        self.dir = tempfile.mkdtemp(prefix="hsm-keys-")
        os.chmod(self.dir, 0o755)
        self.kind, self.daemon = kind, None
        self.cli = self.path("cardwright")  # a place that the persons can reach
        shutil.copy(CLI, self.cli)
        os.chmod(self.cli, 0o755)
        self.env = dict(os.environ, NO_COLOR="1")
        self.file("pin", "1234")
        self.module = {"softhsm": {"module": SOFTHSM}, "nss": {"module": NSS, "module_init_style": "nss"},
                       "opencryptoki": {"module": OPENCRYPTOKI}}[kind]
        getattr(self, "make_" + kind)()
        der, self.issuer_kcv = rsa_key()
        self.sign_kcv = "000000"  # of a pair that is made later
        self.file("config.json", json.dumps(self.config(True)))
        self.file("provision.json", json.dumps(self.config(False)))
        self.file("keys.json", json.dumps({"pan": "50" * 32, "hash": "51" * 32, "issuer": der}))
        self.run(PROVISION, "--config", self.path("provision.json"), "--keys", self.path("keys.json"))

    def path(self, name):
        return os.path.join(self.dir, name)

    def file(self, name, text):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(text)

    def run(self, *words):
        done = subprocess.run(words, env=self.env, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"{words[0]}: {done.stdout}{done.stderr}")

    def make_softhsm(self):
        os.mkdir(self.path("tokens"), 0o700)
        self.file("softhsm2.conf", f"directories.tokendir = {self.path('tokens')}\nobjectstore.backend = file\n"
                                   "log.level = ERROR\nslots.mechanisms = ALL\nlibrary.reset_on_fork = false\n")
        self.env["SOFTHSM2_CONF"] = self.path("softhsm2.conf")
        self.run("softhsm2-util", "--init-token", "--free", "--label", "test", "--so-pin", "12345678", "--pin", "1234")

    def make_opencryptoki(self):
        """The test is run by opencryptoki-run, which has made the token."""

    def make_nss(self):
        os.mkdir(self.path("nssdb"), 0o700)
        self.run("certutil", "-N", "-d", "sql:" + self.path("nssdb"), "-f", self.path("pin"))
        self.module["module_init"] = (f"configdir='sql:{self.path('nssdb')}' certPrefix='' keyPrefix='' "
                                      "secmod='secmod.db' flags= cryptoTokenDescription='crypto' "
                                      "dbTokenDescription='test'")

    def keys(self):
        return KEYS + (KEYS_C if self.takes_c() else [])

    def takes_c(self):
        """The older versions: A on both tokens, C where its refusal is not what is tested."""
        return self.kind == "nss"

    def config(self, whole):
        keys = [{"label": "pan", "purpose": "pan-transport", "algorithm": "aes256", "kcv": PAN_KCV},
                {"label": "hash", "purpose": "pan-hash", "algorithm": "generic"},
                {"label": "issuer", "purpose": "issuer-rsa", "algorithm": "rsa", "kcv": self.issuer_kcv}]
        if whole and self.kind != "opencryptoki":
            keys.append({"label": "sign", "purpose": "d1-sign", "algorithm": "p256", "kcv": self.sign_kcv})
        keys += [dict(label=k[0], purpose=k[1], algorithm=k[2], kcv=k[3], **k[4]) for k in self.keys()] if whole else []
        hsm = dict(self.module, state_dir=self.path("state"), token_label="test", pin_credential="pin",
                   allow_host_memory=self.kind != "nss", allow_key_loading=True, ceremony_timeout_s=30,
                   keyblock_versions="ABCD" if self.takes_c() else "ABD", keys=keys, custodians=[{"user": u} for u in PERSONS])
        if self.kind == "softhsm":
            hsm["custodians"][2]["component"] = 3
        return {"profile_dir": self.dir, "face_dir": self.dir, "pan_transport_key": "pan", "pan_hash_key": "hash",
                "agent": {"branch_id": "B1", "runtime_dir": self.path("run"), "credential_dir": self.dir,
                          "state_dir": self.path("agent-state")},
                "server": {"url": "https://localhost:1/dcms", "tenant": "T", "username": "u",
                           "ca_file": self.path("ca.pem")},
                "hsm": hsm, "products": [], "stations": []}

    def start(self, change=None):
        config = self.config(True)
        if change:
            change(config)
        self.file("config.json", json.dumps(config))
        os.makedirs(self.path("run"), exist_ok=True)
        os.chmod(self.path("run"), 0o755)
        with open(self.path("log"), "a") as log:
            self.daemon = subprocess.Popen([HSMD, "--config", self.path("config.json")], env=self.env, stderr=log)
        wait_for("the token", lambda: self.cmd("keys").code in (0, 4))

    def stop(self):
        if self.daemon:
            self.daemon.send_signal(signal.SIGTERM)
            self.daemon.wait(30)
            self.daemon = None

    def done(self):
        self.stop()
        shutil.rmtree(self.dir)

    def cmd(self, *words, user=None, typed=None):
        """`cardwright hsm WORDS` as this user, who types a line at a terminal when asked."""
        argv = [self.cli, "--socket", self.path("run/control.sock"), "hsm", *words]
        ids = pwd.getpwnam(user) if user else None
        extra = {"user": ids.pw_uid, "group": ids.pw_gid, "extra_groups": []} if ids else {}
        if typed is None:
            p = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                               env=self.env, cwd="/", **extra)
            return Result(p.returncode, p.stdout, p.stderr)
        return self.at_terminal(argv, typed, extra)

    def at_terminal(self, argv, typed, extra):
        master, slave = os.openpty()
        p = subprocess.Popen(argv, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             env=self.env, cwd="/", **extra)
        # Typed only when the program has turned the echo off: that it does is what is tested.
        wait_for("a terminal without echo",
                 lambda: p.poll() is not None or not termios.tcgetattr(slave)[3] & termios.ECHO)
        os.write(master, typed.encode() + b"\n")
        out, err = p.communicate(timeout=60)
        seen = b""
        while select.select([master], [], [], 0)[0]:
            seen += os.read(master, 4096)
        echo = bool(termios.tcgetattr(slave)[3] & termios.ECHO)
        os.close(slave)
        os.close(master)
        if not echo:
            raise AssertionError("the terminal is left without echo")
        return Result(p.returncode, out, err, seen.decode())

    def table(self):
        return {(k["label"], k["version"]): k for k in self.cmd("keys", "--json").json}

    def trace(self):
        try:
            with open(self.path("state/audit.jsonl")) as f:
                return [json.loads(line) for line in f]
        except FileNotFoundError:
            return []


def split(key, count):
    """Components whose XOR is the key, as digits in groups of four."""
    value, parts = bytes.fromhex(key), []
    for _ in range(count - 1):
        part = os.urandom(len(value))
        parts.append(part)
        value = bytes(a ^ b for a, b in zip(value, part))
    return [" ".join(p.hex().upper()[i:i + 4] for i in range(0, 2 * len(p), 4)) for p in parts + [value]]


def rsa_key():
    """An RSA key as PKCS#1, and its check value."""
    done = subprocess.run(["openssl", "genrsa", "-traditional", "1024"], capture_output=True, check=True)
    der = subprocess.run(["openssl", "rsa", "-traditional", "-outform", "DER"], input=done.stdout, capture_output=True,
                         check=True).stdout
    text = subprocess.run(["openssl", "rsa", "-noout", "-modulus"], input=done.stdout, capture_output=True, check=True)
    return der.hex(), modulus_kcv(text.stdout.decode().strip().partition("=")[2])


def point_kcv(pem):
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem.encode(), capture_output=True,
                         check=True).stdout
    return hashlib.sha1(der[-64:]).hexdigest()[:6].upper()


def modulus_kcv(modulus):
    return hashlib.sha1(bytes.fromhex(modulus)).hexdigest()[:6].upper()


PAN_KCV = "AAAAAA"  # set below: AES-256 of a zero block under 50..50


def pan_kcv():
    done = subprocess.run(["openssl", "enc", "-aes-256-ecb", "-K", "50" * 32, "-nopad"], input=bytes(16),
                          capture_output=True, check=True)
    return done.stdout[:3].hex().upper()


class Keys:
    kind = ""

    @classmethod
    def setUpClass(cls):
        global PAN_KCV
        PAN_KCV = pan_kcv()
        cls.rig = Rig(cls.kind)
        cls.rig.start()

    @classmethod
    def tearDownClass(cls):
        cls.rig.done()

    def ok(self, result):
        self.assertEqual(result.code, 0, result.out + result.err)
        return result

    def refused(self, text, *words, **how):
        if self.kind != "softhsm":
            return  # no token has a say in it: once is enough
        result = self.rig.cmd(*words, **how)
        self.assertNotEqual(result.code, 0, result.out)
        self.assertIn(text, result.err)

    def load(self, label, key, *options, users=PERSONS, count=2):
        self.ok(self.rig.cmd("component", "start", label, "--components", str(count), *options))
        last = None
        for user, part in zip(users, split(key, count)):
            last = self.ok(self.rig.cmd("component", "enter", user=user, typed=part))
            self.assertIn("check value", last.out)
            self.assertNotIn(part, last.seen)
            self.assertNotIn(part.replace(" ", ""), last.out + last.err + last.seen)
        return last

    def block(self, name, text):
        self.rig.file(name, text + "\n")
        os.chmod(self.rig.path(name), 0o644)
        return self.rig.path(name)

    # In this order: what later steps need, earlier ones make.
    def test_1_custodians(self):
        r = self.rig
        self.refused("no component entry is under way", "component", "enter", user="daemon", typed="00" * 16)
        self.refused("only an administrator", "component", "start", "kbpk-a", user="daemon")
        self.refused("only administrators", "keys", user="nobody")
        self.refused("no key with the label", "component", "start", "nokey")
        self.refused("check value", "component", "start", "hash")
        self.refused("2 or 3", "component", "start", "kbpk-a", "--components", "4")
        self.refused("another check value", "component", "start", "kbpk-a", "--kcv", "FFFFFF")
        self.ok(r.cmd("component", "start", "kbpk-a"))
        self.refused("under way", "component", "start", "kbpk-b")
        one, two = split(KBPK_A, 2)
        self.refused("only a custodian", "component", "enter", typed=one)
        self.refused("too short", "component", "enter", user="daemon", typed=one[:-1])
        self.refused("too long", "component", "enter", user="daemon", typed=one + "00")
        self.refused("characters other than", "component", "enter", user="daemon", typed="XY" + one[2:])
        self.refused("zeros", "component", "enter", user="daemon", typed="0" * 32)
        self.refused("and not the one you", "component", "enter", "--kcv", "000000", user="daemon", typed=one)
        self.refused("at a terminal", "component", "enter", user="daemon")
        self.ok(r.cmd("component", "enter", user="daemon", typed=one))
        self.refused("another custodian", "component", "enter", user="daemon", typed=two)
        entry = self.ok(r.cmd("component", "status", "--json", user="bin")).json["entry"]
        self.assertEqual([(e["component"], e["custodian"]) for e in entry["entered"]], [(1, "daemon")])
        # The wrong second component: nothing is loaded, and the entry is over.
        if self.kind != "softhsm":
            self.ok(r.cmd("component", "cancel", user="games"))
        self.refused("expected is D1D812", "component", "enter", user="bin", typed=split(KBPK_B, 2)[0])
        self.assertIsNone(self.ok(r.cmd("component", "status", "--json")).json["entry"])
        self.assertFalse(r.table()[("kbpk-a", 1)]["ok"])
        last = self.load("kbpk-a", KBPK_A)
        self.assertIn("is in use", last.out)
        self.load("kbpk-p", KBPK_P, users=("bin", "daemon"))
        self.load("kbpk-b", KBPK_B)
        self.load("kbpk-d", KBPK_D, count=3)
        if r.takes_c():
            self.load("kbpk-c", KBPK_C)
        table = r.table()
        for label, kcv in (("kbpk-a", "D1D812"), ("kbpk-b", "11B651")):
            row = table[(label, 1)]
            self.assertTrue(row["ok"], row)
            self.assertEqual((row["kcv"]["legacy"], row["origin"], row["state"]), (kcv, "components", "in use"))
        self.assertEqual(table[("kbpk-d", 1)]["kcv"]["cmac"], "2331550BC9")

    def test_2_blocks(self):
        r = self.rig
        b, d, a = self.block("b", BLOCK_B), self.block("d", BLOCK_D), self.block("a", BLOCK_A)
        self.refused("its key usage is B0, it must be P0", "import", b, "--kbpk", "kbpk-b", "--as", "zpk")
        self.refused("its algorithm is A, it must be T", "import", d, "--kbpk", "kbpk-d", "--as", "zpk")
        self.refused("key usage is P0", "import", a, "--kbpk", "kbpk-a", "--as", "pad")
        self.refused("does not open", "import", b, "--kbpk", "kbpk-a", "--as", "pad")
        self.refused("no key for kbpk", "import", b, "--kbpk", "pad", "--as", "pad")
        self.refused("version is C", "import", self.block("c", BLOCK_C), "--kbpk", "kbpk-b", "--as", "pad")
        changed = self.block("changed", BLOCK_B[:-1] + "0")
        self.refused("does not open", "import", changed, "--kbpk", "kbpk-b", "--as", "pad")
        rubbish = self.block("rubbish", "B00")
        self.refused("key block", "import", rubbish, "--kbpk", "kbpk-b", "--as", "pad")
        self.refused("YYYY-MM-DD", "import", b, "--kbpk", "kbpk-b", "--as", "pad", "--valid-to", "2026-02-30")
        self.refused("over already", "import", b, "--kbpk", "kbpk-b", "--as", "pad", "--valid-to", "2020-01-01")
        self.refused("only an administrator", "import", b, "--kbpk", "kbpk-b", "--as", "pad", user="daemon")
        self.assertFalse(r.table()[("pad", 1)]["ok"])
        self.ok(r.cmd("import", b, "--kbpk", "kbpk-b", "--as", "pad", "--valid-to", "2099-12-31"))
        self.ok(r.cmd("import", d, "--kbpk", "kbpk-d", "--as", "zpk-aes"))
        self.ok(r.cmd("import", a, "--kbpk", "kbpk-a", "--as", "zpk"))
        table = r.table()
        for label, kcv in (("pad", "9A4212"), ("zpk", "CB9DEA")):
            row = table[(label, 1)]
            self.assertTrue(row["ok"], row)
            self.assertEqual((row["kcv"]["legacy"], row["origin"]), (kcv, "key block"))
        if r.takes_c():
            self.ok(r.cmd("import", self.block("c", BLOCK_C), "--kbpk", "kbpk-c", "--as", "pad-c"))
            row = r.table()[("pad-c", 1)]
            self.assertTrue(row["ok"], row)
            self.assertEqual((row["kcv"]["legacy"], row["origin"]), ("F4B08D", "key block"))
        self.assertEqual(table[("pad", 1)]["valid_to"], "2099-12-31")
        self.assertEqual(table[("zpk-aes", 1)]["kcv"]["cmac"], "08793E25AB")
        self.refused("is there already", "import", a, "--kbpk", "kbpk-a", "--as", "zpk", "--kcv", "CB9DEA")

    def test_3_rotation_and_destruction(self):
        r = self.rig
        p = self.block("p", BLOCK_P)
        self.refused("no newer version", "rotate", "zpk")
        self.refused("--kcv", "import", p, "--kbpk", "kbpk-p", "--as", "zpk")
        self.refused("value is 57C409", "import", p, "--kbpk", "kbpk-p", "--as", "zpk", "--kcv", "57C40A")
        self.ok(r.cmd("import", p, "--kbpk", "kbpk-p", "--as", "zpk", "--kcv", "57C409"))
        self.assertEqual(r.table()[("zpk", 2)]["state"], "waiting")
        self.ok(r.cmd("rotate", "zpk"))
        table = r.table()
        self.assertEqual((table[("zpk", 1)]["state"], table[("zpk", 2)]["state"]), ("kept", "in use"))
        self.assertTrue(table[("zpk", 1)]["ok"] and table[("zpk", 2)]["ok"])
        self.ok(r.cmd("rotate", "zpk", "--version", "1"))
        self.ok(r.cmd("rotate", "zpk"))
        self.refused("in use", "destroy", "zpk", "2")
        number = str(self.ok(r.cmd("destroy", "zpk", "1", "--json")).json["request"])
        self.refused("another person", "confirm", number)
        self.refused("asked for already", "destroy", "zpk", "1")
        self.ok(r.cmd("drop", number))
        self.refused("no request of this number", "confirm", number, user="bin")
        number = str(self.ok(r.cmd("destroy", "zpk", "1", "--json")).json["request"])
        self.assertIn("destroy", self.ok(r.cmd("requests", user="bin")).out)
        self.assertIn("CB9DEA", self.ok(r.cmd("confirm", number, user="bin")).out)
        row = r.table()[("zpk", 1)]
        self.assertEqual((row["state"], row["handle"]), ("destroyed", ""))
        self.refused("no version 1", "rotate", "zpk", "--version", "1")
        self.refused("no such version", "destroy", "zpk", "1")
        self.destroy_what_was_left()

    def destroy_what_was_left(self):
        """The token failed after the register said destroyed: the key can still be erased."""
        r = self.rig
        told = self.ok(r.cmd("import", self.block("a", BLOCK_A), "--kbpk", "kbpk-a", "--as", "zpk", "--kcv", "CB9DEA",
                             "--valid-from", "2099-01-01")).out
        self.assertIn("not valid today", told)
        with open(r.path("state/keys.json")) as f:
            register = json.load(f)
        entry = next(x for x in register["keys"] if x["label"] == "zpk")
        next(x for x in entry["versions"] if x["version"] == 3)["destroyed"] = True
        with open(r.path("state/keys.json"), "w") as f:
            json.dump(register, f)
        number = str(self.ok(r.cmd("destroy", "zpk", "3", "--json")).json["request"])
        self.ok(r.cmd("confirm", number, user="bin"))
        self.refused("no such version", "destroy", "zpk", "3")

    def test_4_export(self):
        r = self.rig
        self.refused("not exportable", "export", "pad", "--kbpk", "kbpk-b")
        self.refused("version is C", "export", "zpk", "--kbpk", "kbpk-b", "--block", "C")
        self.refused("no key for kbpk", "export", "zpk", "--kbpk", "pad", "--block", "B")
        # What went out comes in again, and is the same key.
        ways = [("kbpk-a", "A", ""), ("kbpk-b", "B", "zpk-b"), ("kbpk-d", "D", "zpk-copy")]
        for kbpk, version, copy in ways + ([("kbpk-c", "C", "zpk-c")] if r.takes_c() else []):
            number = str(self.ok(r.cmd("export", "zpk", "--kbpk", kbpk, "--block", version, "--json")).json["request"])
            self.refused("another person", "confirm", number)
            block = self.ok(r.cmd("confirm", number, user="daemon")).out.strip()
            # Version, key usage, algorithm, mode, number of the key's version, exportability.
            self.assertEqual((block[0], block[5:9], block[9:11], block[11]), (version, "P0TE", "02", "N"))
            if copy:
                self.ok(r.cmd("import", self.block("out", block), "--kbpk", kbpk, "--as", copy))
                self.assertEqual(r.table()[(copy, 1)]["kcv"]["legacy"], "57C409")
            self.assertNotIn(block, json.dumps(r.trace()))

    def states(self, label):
        return [row["state"] for (name, _), row in sorted(self.rig.table().items()) if name == label]

    def destroy(self, label, version):
        number = str(self.ok(self.rig.cmd("destroy", label, version, "--json")).json["request"])
        self.refused("another person", "confirm", number)
        self.ok(self.rig.cmd("confirm", number, user="bin"))
        self.assertEqual(self.rig.table()[(label, int(version))]["handle"], "")

    def test_4_rsa_keys(self):
        """A key pair made on the token comes into use; the one before is kept, and destroyed by two persons."""
        r = self.rig
        self.refused("--bits", "generate", "issuer")
        self.refused("3 or 65537", "generate", "issuer", "--bits", "1024", "--exponent", "5")
        self.refused("only key pairs", "generate", "zpk", "--bits", "1024")
        self.refused("only an administrator", "generate", "issuer", "--bits", "1024", user="daemon")
        self.refused("no policy for key blocks", "export", "issuer", "--kbpk", "kbpk-b")
        self.refused("no newer version", "rotate", "issuer")
        made = self.ok(r.cmd("generate", "issuer", "--bits", "1024", "--valid-to", "2099-12-31", "--json")).json
        self.assertEqual((made["version"], made["exponent"], made["in_use"]), (2, "010001", False))
        self.assertEqual(made["key_kcv"], modulus_kcv(made["modulus"]))
        row = r.table()[("issuer", 2)]
        self.assertTrue(row["ok"], row)
        self.assertEqual((row["modulus"], row["origin"], row["state"], row["valid_to"], row["kcv"]["legacy"]),
                         (made["modulus"], "generated", "waiting", "2099-12-31", made["key_kcv"]))
        self.ok(r.cmd("rotate", "issuer"))
        self.assertEqual(self.states("issuer"), ["kept", "in use"])
        self.ok(r.cmd("rotate", "issuer", "--version", "1"))
        self.ok(r.cmd("rotate", "issuer"))
        self.refused("in use", "destroy", "issuer", "2")
        self.destroy("issuer", "1")
        self.refused("no version 1", "rotate", "issuer", "--version", "1")
        self.assertEqual(self.states("issuer"), ["destroyed", "in use"])
        self.adopt()

    def adopt(self):
        """A key pair that other tools brought to the token becomes the next version, when it is the right one."""
        r = self.rig
        if self.kind != "softhsm":
            return  # its own tool imports under a label
        r.run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", r.path("next.pem"))
        public = subprocess.run(["openssl", "rsa", "-in", r.path("next.pem"), "-noout", "-modulus"], capture_output=True,
                                text=True, check=True)
        kcv = modulus_kcv(public.stdout.strip().partition("=")[2])
        self.refused("no RSA private key has this label", "adopt", "issuer", "--kcv", kcv)
        r.run("softhsm2-util", "--import", r.path("next.pem"), "--label", "issuer#3", "--id", "33", "--token", "test",
              "--pin", "1234")
        self.refused("is not the configured one", "adopt", "issuer", "--kcv", "000000")
        self.ok(r.cmd("adopt", "issuer", "--kcv", kcv))
        self.ok(r.cmd("rotate", "issuer"))
        self.destroy("issuer", "2")
        self.assertEqual(self.states("issuer"), ["destroyed", "destroyed", "in use"])
        self.assertEqual(r.table()[("issuer", 3)]["origin"], "token")

    def test_4_sign_key(self):
        """A pair on P-256 is made on the token, used when the configuration says its check value, and has versions."""
        r = self.rig
        if self.kind == "opencryptoki":
            return  # its token makes no pair on a curve: CKR_MECHANISM_INVALID
        self.refused("leave --bits out", "generate", "sign", "--bits", "1024")
        first = self.ok(r.cmd("generate", "sign", "--json")).json
        self.assertIn("BEGIN PUBLIC KEY", first["public_key"])
        self.assertEqual(first["key_kcv"], point_kcv(first["public_key"]))
        r.stop()
        r.sign_kcv = first["key_kcv"]
        r.start()
        row = r.table()[("sign", 1)]
        self.assertTrue(row["ok"], row)
        self.assertEqual((row["state"], row["kcv"]["legacy"], row["public_key"]),
                         ("in use", first["key_kcv"], first["public_key"]))
        second = self.ok(r.cmd("generate", "sign", "--valid-to", "2099-12-31", "--json")).json
        self.assertNotEqual(second["public_key"], first["public_key"])
        self.assertEqual(self.states("sign"), ["in use", "waiting"])
        self.ok(r.cmd("rotate", "sign"))
        self.assertEqual(self.states("sign"), ["kept", "in use"])
        row = r.table()[("sign", 2)]
        self.assertTrue(row["ok"], row)
        self.assertEqual((row["public_key"], row["valid_to"]), (second["public_key"], "2099-12-31"))
        self.destroy("sign", "1")
        self.assertEqual(self.states("sign"), ["destroyed", "in use"])

    def test_5_selftest_and_capabilities(self):
        r = self.rig
        a = r.cmd("selftest", "--json")
        self.assertEqual(a.json["ok"], a.code == 0)
        self.assertTrue(all(k["ok"] for k in a.json["keys"]), a.out)
        self.assertIn("aes-ecb", [t["test"] for t in a.json["tests"]])
        paths = {o["operation"]: o["path"] for o in self.ok(r.cmd("capabilities", "--json")).json["operations"]}
        self.assertEqual((paths["key-block"], paths["key-component"]), ("host-memory", "host-memory"))
        self.assertIn("key-block", self.ok(r.cmd("capabilities")).out)

    def test_6_restart_and_wrong_key(self):
        """After a restart the register counts; a wrong key under the right label is found by its check value."""
        r = self.rig
        r.stop()
        wrong = {"label": "zpk-aes", "purpose": "zpk-out", "algorithm": "aes128", "kcv": "7DF76B"}
        config = r.config(False)
        config["hsm"]["keys"][2] = wrong
        r.file("wrong.json", json.dumps(config))
        r.file("wrong-keys.json", json.dumps({"pan": "50" * 32, "hash": "51" * 32, "zpk-aes": "000102030405060708090A0B0C0D0E0F"}))
        done = subprocess.run([PROVISION, "--config", r.path("wrong.json"), "--keys", r.path("wrong-keys.json")],
                              env=r.env, capture_output=True, text=True, timeout=60)
        if "check value is" in done.stderr:  # the tool tells what it is
            wrong["kcv"] = done.stderr.split("check value is ")[1][:6]
            r.file("wrong.json", json.dumps(config))
            r.run(PROVISION, "--config", r.path("wrong.json"), "--keys", r.path("wrong-keys.json"))
        r.start()
        row = r.table()[("zpk-aes", 1)]
        self.assertFalse(row["ok"])
        self.assertEqual(r.cmd("keys").code, 4)
        self.assertEqual(r.table()[("zpk", 2)]["state"], "in use")
        self.assertTrue(r.table()[("zpk", 2)]["ok"])

    def test_7_policy_and_time(self):
        r = self.rig
        r.stop()
        r.start(lambda c: c["hsm"].update(allow_key_loading=False))
        self.refused("allow_key_loading", "component", "start", "zpk", "--kcv", "57C40A")
        r.stop()
        r.start(lambda c: c["hsm"].update(ceremony_timeout_s=2, keyblock_versions="D"))
        self.refused("its version is B, it must be D", "import", self.block("p", BLOCK_P), "--kbpk", "kbpk-p", "--as", "zpk", "--kcv", "57C40A")
        self.ok(r.cmd("component", "start", "zpk", "--kcv", "57C40A"))
        self.ok(r.cmd("component", "enter", user="daemon", typed=split(KBPK_A, 2)[0]))
        wait_for("the end of the entry", lambda: r.cmd("component", "status", "--json").json["entry"] is None)

    def test_8_trace(self):
        """Every operation was recorded before it began and when it ended, and no secret of it."""
        records = self.rig.trace()
        text = json.dumps(records)
        phases = {(x["what"], x["detail"]["phase"]) for x in records}
        for what in ("component.start", "component.enter", "key.import", "key.generate", "key.rotate", "key.destroy",
                     "key.confirm", "key.export") + (("key.adopt",) if self.kind == "softhsm" else ()):
            self.assertIn((what, "asked"), phases)
            self.assertIn((what, "done"), phases)
        if self.kind == "softhsm":
            self.assertIn(("key.import", "refused"), phases)
        self.assertEqual(sum(x["detail"]["phase"] == "asked" for x in records) * 2, len(records))
        self.assertEqual([x["seq"] for x in records], sorted({x["seq"] for x in records}))
        destroyed = [x for x in records if x["detail"].get("what") == "destroy" and x["detail"]["phase"] == "done"
                     and x["what"] == "key.confirm"]
        self.assertEqual((destroyed[0]["actor"], destroyed[0]["detail"]["asked_by"]), ("bin", "root"))
        with open(self.rig.path("log")) as f:
            text += f.read()
        for key in (KBPK_A, KBPK_B, KBPK_P, KBPK_D, BLOCK_A[16:], BLOCK_B[44:]):
            self.assertNotIn(key, text)


    def test_9_chain(self):
        """cardwrightd takes the records into its chain, once each, and hsmd forgets them."""
        r = self.rig
        records = r.trace()
        r.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=t",
              "-keyout", r.path("ca.key"), "-out", r.path("ca.pem"))
        r.file("dcms-password", "x")
        with open(r.path("log"), "a") as log:
            agent = subprocess.Popen([AGENT, "--config", r.path("config.json")], env=r.env, stderr=log)
        try:
            wait_for("the records in the chain", lambda: agent.poll() is not None or not r.trace())
            argv = [CLI, "--socket", r.path("run/control.sock"), "audit", "--json"]
            audit = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout)
            argv[3:] = ["status", "--json"]
            status = json.loads(subprocess.run(argv, capture_output=True, text=True, timeout=60).stdout)
        finally:
            agent.terminate()
            agent.wait(30)
        self.assertTrue(audit["intact"], audit)
        self.assertTrue(status["hsm"]["key_loading"], status)
        seen = [json.loads(row["detail"] or "{}").get("hsm_seq") for row in audit["tail"]]
        seen = [n for n in seen if n]
        self.assertGreater(len(seen), 10)
        self.assertEqual(seen, [x["seq"] for x in records][-len(seen):])


class SoftHsm(Keys, unittest.TestCase):
    kind = "softhsm"


class Nss(Keys, unittest.TestCase):
    """What depends on the token."""
    kind = "nss"
    test_5_selftest_and_capabilities = test_6_restart_and_wrong_key = test_7_policy_and_time = None
    test_9_chain = None


class Opencryptoki(Keys, unittest.TestCase):
    """What depends on the token."""
    kind = "opencryptoki"

    @unittest.skip("it has no AES key wrap, by which an exportable key is taken out of the token")
    def test_4_export(self):
        pass

    test_5_selftest_and_capabilities = test_6_restart_and_wrong_key = test_7_policy_and_time = None
    test_8_trace = test_9_chain = None


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("custodians are other users: this test needs root")
        sys.exit(77)
    unittest.main(verbosity=2)
