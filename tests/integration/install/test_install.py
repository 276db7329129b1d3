# SPDX-License-Identifier: Apache-2.0
"""`cmake --install` into an empty root puts every file in place, and what it puts there is sound."""
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

BUILD = os.environ["CW_BUILD"]
PREFIX = os.environ.get("CW_PREFIX", "/usr").rstrip("/")
ETC = "/etc" if PREFIX == "/usr" else PREFIX + "/etc"
UNITS = ("cardwrightd.service", "cardwright-hsmd.service", "cardwright-stationd@.service")
FILES = [PREFIX + f for f in (
    "/bin/cardwright", "/sbin/cardwrightd", "/sbin/cardwright-hsmd", "/sbin/cardwright-stationd",
    "/libexec/cardwright/cardwright-face",
    "/lib/systemd/system/cardwrightd.service", "/lib/systemd/system/cardwright-hsmd.service",
    "/lib/systemd/system/cardwright-stationd@.service", "/lib/systemd/system/pcscd.socket.d/cardwright.conf",
    "/lib/sysusers.d/cardwright.conf", "/lib/tmpfiles.d/cardwright.conf", "/lib/udev/rules.d/60-cardwright.rules",
    "/share/bash-completion/completions/cardwright", "/share/man/man1/cardwright.1", "/share/man/man5/cardwright.json.5",
    "/share/man/man8/cardwrightd.8", "/share/man/man8/cardwright-hsmd.8", "/share/man/man8/cardwright-stationd.8",
    "/share/cardwright/profiles/generic-debit.json", "/share/cardwright/faces/classic-debit.json",
    "/share/doc/cardwright/README.md", "/share/doc/cardwright/ARCHITECTURE.md")] + [
    ETC + "/cardwright/cardwright.example.json"]
# What test programs and emulators leave behind must not be installed.
ALLOWED = FILES + [PREFIX + "/share/cardwright/profiles/README.md"]
ALLOWED_FOLDERS = (PREFIX + "/share/cardwright/profiles/", PREFIX + "/share/cardwright/faces/")


def run(*argv, **kwargs):
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, **kwargs)


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="cw-install-", dir="/tmp")
        done = run(os.environ.get("CW_CMAKE", "cmake"), "--install", BUILD, env={**os.environ, "DESTDIR": cls.root})
        cls.installed = done

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.root)

    def setUp(self):
        if self.installed.returncode:
            self.fail(self.installed.stdout + self.installed.stderr)

    def at(self, path):
        return self.root + path

    def read(self, path):
        with open(self.at(path)) as f:
            return f.read()

    def tool(self, name):
        path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        if not path:
            self.fail(f"{name} is not on this machine; see tests/setup/packages.txt")
        return path

    # ---- files ----

    def test_every_file_is_there(self):
        missing = [f for f in FILES if not os.path.isfile(self.at(f))]
        self.assertEqual(missing, [])

    def test_nothing_else_is_there(self):
        found = [os.path.join(folder, name)[len(self.root):] for folder, _, names in os.walk(self.root) for name in names]
        self.assertEqual([f for f in found if f not in ALLOWED and not f.startswith(ALLOWED_FOLDERS)], [])

    def test_programs_run(self):
        for name in ("bin/cardwright", "sbin/cardwrightd", "sbin/cardwright-hsmd", "sbin/cardwright-stationd"):
            done = run(self.at(f"{PREFIX}/{name}"), "--version")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r" [0-9]+\.[0-9]+\.[0-9]+\n$")

    def test_modes(self):
        for path in FILES:
            mode = stat.S_IMODE(os.stat(self.at(path)).st_mode)
            self.assertFalse(mode & 0o022, path)
            self.assertEqual(bool(mode & 0o111), "/bin/" in path or "/sbin/" in path or "/libexec/" in path, path)

    def test_example_passes_its_own_check(self):
        path = self.at(ETC + "/cardwright/cardwright.example.json")
        done = run(self.at(PREFIX + "/sbin/cardwrightd"), "--config", path, "--check-config")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    # ---- manual and completion ----

    def test_manual_names_every_key(self):
        page = self.read(PREFIX + "/share/man/man5/cardwright.json.5")
        schema = json.loads(run(self.at(PREFIX + "/sbin/cardwrightd"), "--print-schema").stdout)
        names = []

        def walk(node):
            for name, member in node.get("properties", {}).items():
                inner = member.get("items", member)
                if "properties" in inner:
                    walk(inner)
                else:
                    names.append(name)
        walk(schema)
        self.assertGreater(len(names), 40)
        self.assertEqual([n for n in names if f".It Ic {n} " not in page], [])

    def test_manual_names_every_command(self):
        page = self.read(PREFIX + "/share/man/man1/cardwright.1")
        usage = run(self.at(PREFIX + "/bin/cardwright"), "--help").stdout
        commands = re.findall(r"^  ([a-z-]+(?: [a-z][a-z-]*)?)(?= )", usage, re.M)
        self.assertGreater(len(commands), 15)
        lines = [line.replace("\\", "").split() for line in page.splitlines() if line.startswith(".It Ic ")]
        missing = [c for c in commands if not any(line[2] == c.split()[0] and set(c.split()) <= set(line) for line in lines)]
        self.assertEqual(missing, [])

    def test_manual_is_well_formed(self):
        pages = [self.at(f) for f in FILES if "/man/" in f]
        done = run(self.tool("mandoc"), "-Tlint", "-Wwarning", *pages)
        self.assertEqual(done.stdout + done.stderr, "")

    def test_completion(self):
        script = self.at(PREFIX + "/share/bash-completion/completions/cardwright")
        line = 'source "$0"; COMP_WORDS=(cardwright job c); COMP_CWORD=2; _cardwright; echo "${COMPREPLY[*]}"'
        done = run("bash", "-euc", line, script)
        self.assertEqual((done.returncode, sorted(done.stdout.split()), done.stderr), (0, ["cancel", "central", "confirm-destroyed"], ""))

    # ---- units ----

    def unit(self, name):
        return self.read(f"{PREFIX}/lib/systemd/system/{name}")

    def test_units_name_what_is_installed(self):
        for name in UNITS:
            text = self.unit(name)
            self.assertNotIn("@CMAKE", text)
            paths = re.findall(r"^ExecStart\w*=(\S+)", text, re.M)
            self.assertEqual(len(paths), 2, name)
            for path in paths:
                self.assertTrue(os.access(self.at(path), os.X_OK), path)
            for page, section in re.findall(r"man:([\w.-]+)\((\d)\)", text):
                self.assertTrue(os.path.isfile(self.at(f"{PREFIX}/share/man/man{section}/{page}.{section}")), page)
            for path in re.findall(r"file:(\S+)", text):
                self.assertTrue(os.path.isfile(self.at(path)), path)

    def test_a_station_stops_first(self):
        """systemd stops in the reverse order: at a shutdown the others are there until the station's step is at its end and durable.
        A station that required them would go down with them."""
        text = self.unit("cardwright-stationd@.service")
        after = {unit for line in re.findall(r"^After=(.*)", text, re.M) for unit in line.split()}
        self.assertLessEqual({"pcscd.socket", "pcscd.service", "cardwright-hsmd.service", "cardwrightd.service"}, after)
        self.assertEqual(re.findall(r"^(?:Requires|Requisite|BindsTo|PartOf)=.*", text, re.M), [])
        for other in ("cardwrightd.service", "cardwright-hsmd.service"):
            self.assertNotRegex(self.unit(other), r"(?m)^After=.*stationd")

    def copy_units(self):
        """The units as they would be found, with programs that exist on this machine."""
        folder = os.path.join(self.root, "units")
        os.makedirs(folder, exist_ok=True)
        self.addCleanup(shutil.rmtree, folder)
        for name in UNITS:
            text = re.sub(r"^(ExecStart\w*=)", r"\g<1>" + self.root, self.unit(name), flags=re.M)
            with open(os.path.join(folder, name.replace("@.", "@desk-1.")), "w") as f:
                f.write(text)
        return folder

    def test_systemd_verify(self):
        tool = self.tool("systemd-analyze")
        folder = self.copy_units()
        paths = [os.path.join(folder, n.replace("@.", "@desk-1.")) for n in UNITS]
        done = run(tool, "verify", "--man=no", "--recursive-errors=no", *paths,
                   env={**os.environ, "SYSTEMD_UNIT_PATH": folder + ":", "MANPATH": self.at(PREFIX + "/share/man")})
        complaints = [line for line in (done.stdout + done.stderr).splitlines() if folder in line or "cardwright" in line]
        self.assertEqual((done.returncode, complaints), (0, []), done.stdout + done.stderr)

    def test_systemd_security(self):
        tool = self.tool("systemd-analyze")
        folder = self.copy_units()
        for name in UNITS:
            done = run(tool, "security", "--offline=true", "--threshold=20",
                       os.path.join(folder, name.replace("@.", "@desk-1.")))
            self.assertEqual(done.returncode, 0, done.stdout[-400:] + done.stderr)

    # ---- users and folders ----

    def groups(self):
        members = {}
        for line in self.read("/etc/group").splitlines():
            name, _, _, users = line.split(":")
            members[name] = set(filter(None, users.split(",")))
        return members

    def test_users_and_folders(self):
        """In a root of their own: sysusers makes the users, tmpfiles their folders."""
        sysusers, tmpfiles = self.tool("systemd-sysusers"), self.tool("systemd-tmpfiles")
        if os.geteuid() != 0:
            self.skipTest("only root can give folders away")
        os.makedirs(self.at("/etc"), exist_ok=True)
        for name, text in (("passwd", "root:x:0:0:root:/root:/bin/sh\n"), ("group", "root:x:0:\ndialout:x:20:\n")):
            with open(self.at("/etc/" + name), "w") as f:
                f.write(text)
        self.addCleanup(shutil.rmtree, self.at("/run"), ignore_errors=True)
        conf = self.at(PREFIX + "/lib/sysusers.d/cardwright.conf")
        done = run(sysusers, "--root", self.root, conf)
        self.assertEqual(done.returncode, 0, done.stderr)
        groups = self.groups()
        self.assertEqual({g for g in groups if "cardwright" in groups[g]},
                         {"cardwright-dev", "cardwright-hsm", "cardwright-operators"})
        self.assertEqual(groups["dialout"], {"cardwright-dev"})
        self.assertEqual(groups["cardwright"], set())
        self.assertEqual(groups["cardwright-admins"], set())
        users = {line.split(":")[0]: line.split(":") for line in self.read("/etc/passwd").splitlines()}
        for name in ("cardwright", "cardwright-dev", "cardwright-hsm"):
            self.assertIn("nologin", users[name][6])
        for name in UNITS:
            self.assertIn(re.search(r"^User=(\S+)", self.unit(name), re.M).group(1), users)
        done = run(tmpfiles, "--root", self.root, "--create", self.at(PREFIX + "/lib/tmpfiles.d/cardwright.conf"))
        self.assertEqual(done.returncode, 0, done.stderr)
        want = {"/run/cardwright": ("cardwright", 0o755), "/run/cardwright/hsmd": ("cardwright-hsm", 0o751),
                "/run/cardwright/station": ("cardwright-dev", 0o750), "/etc/cardwright/credentials": ("root", 0o700)}
        for path, (user, mode) in want.items():
            st = os.stat(self.at(path))
            self.assertEqual((st.st_uid, stat.S_IMODE(st.st_mode)), (int(users[user][2]), mode), path)

    def test_units_write_where_tmpfiles_made_it(self):
        made = re.findall(r"^d (\S+)", self.read(PREFIX + "/lib/tmpfiles.d/cardwright.conf"), re.M)
        for name in UNITS:
            for path in re.findall(r"^ReadWritePaths=(\S+)", self.unit(name), re.M):
                self.assertIn(path, made, name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
