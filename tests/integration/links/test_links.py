# SPDX-License-Identifier: Apache-2.0
"""The layers of ARCHITECTURE.md: what each program links, what each folder includes, what a release must not hold."""
import os
import re
import subprocess
import unittest

BUILD = os.environ["CW_BUILD"]
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
FAILPOINTS = os.environ.get("CW_FAILPOINTS_BUILT") == "1"
SANITIZED = os.environ.get("CW_SANITIZED") == "1"

DEVICES = ("libusb", "libpcsclite", "libudev")
TOKEN = ("libp11", "libsofthsm", "p11-kit")
PICTURES = ("libcairo", "libpango", "libqrencode")
PROGRAMS = {  # program -> what it must not link
    "agent/cardwrightd": DEVICES + TOKEN + PICTURES,
    "agent/cardwright": DEVICES + TOKEN + PICTURES + ("libsqlite", "libmicrohttpd"),
    "drivers/cardwright-stationd": TOKEN + PICTURES + ("libsqlite", "libcurl", "libmicrohttpd", "libssl"),
    "drivers/face/cardwright-face": DEVICES + TOKEN + ("libsqlite", "libcurl", "libmicrohttpd", "libssl", "libcrypto"),
    "hsm/cardwright-hsmd": DEVICES + TOKEN + PICTURES + ("libsqlite", "libcurl", "libmicrohttpd", "libssl"),
}
# That a program links what it is for shows that the names above are spelt as readelf spells them.
NEEDS = {"agent/cardwrightd": ("libsqlite", "libcurl", "libmicrohttpd"), "agent/cardwright": ("libcurl",),
         "drivers/cardwright-stationd": ("libusb", "libpcsclite"), "drivers/face/cardwright-face": ("libcairo", "libpango"),
         "hsm/cardwright-hsmd": ("libjansson",)}

# folder -> folders whose headers it may include, besides its own. From below to above; nothing may name what comes later.
LAYERS = {
    "base": (),
    "config": ("base",),
    "hsm/client": ("base",),
    "hsm": ("base", "config"),
    "hsm/tools": ("base", "config", "hsm"),
    "agent/issuance": ("base",),
    "agent/journal": ("base", "agent/issuance"),
    "agent/upstream": ("base", "config"),
    "agent/d1": ("base", "config", "agent/upstream"),
    "agent/control": ("base",),
    "agent/daemon": ("base", "config", "hsm/client", "agent/issuance", "agent/journal", "agent/upstream", "agent/d1",
                     "agent/control"),
    "drivers/transport": ("base",),
    "drivers/face": ("base",),
    "drivers/reader": ("base",),
    "drivers/pinpad": ("base",),
    "drivers/printer": ("base", "drivers/transport", "drivers/face"),
    "drivers/printer/*": ("base", "drivers/transport", "drivers/face", "drivers/printer"),  # each family
    "drivers/chip": ("base", "hsm/client", "drivers/reader"),
    "agent/cli": ("base", "config", "hsm/client", "drivers/chip"),
    "drivers/station": ("base", "config", "hsm/client", "drivers/printer", "drivers/face", "drivers/chip", "drivers/reader",
                        "drivers/pinpad", "drivers/transport"),
}
# The list of printer families is the one place that knows them all.
EXCEPTIONS = {("drivers/printer/printer.c", "drivers/printer/*")}
# header -> the only folders that may include it
SYSTEM = {
    r"libusb\.h|libusb-1\.0/": ("drivers/transport",),
    r"winscard\.h|PCSC/|reader\.h|wintypes\.h": ("drivers/reader",),
    r"sqlite3\.h": ("agent/journal",),
    r"curl/": ("agent/upstream", "agent/cli"),
    r"microhttpd\.h": ("agent/control",),
    r"p11-kit/|pkcs11": ("hsm",),
    r"openssl/": ("agent/upstream", "agent/journal", "hsm", "hsm/tools", "drivers/chip"),
    r"jose/": ("hsm", "agent/upstream"),
    r"cairo|pango|qrencode": ("drivers/face",),
}
# What plays the other side knows nothing of the product but base/: it is another reading of the same document.
OTHER_SIDES = ("tests/emu", "tests/sim")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def needed(program):
    done = subprocess.run(["readelf", "-dW", os.path.join(BUILD, program)], capture_output=True, text=True, check=True)
    return re.findall(r"\(NEEDED\).*\[(.+)\]", done.stdout), done.stdout


def readelf(flag, program):
    return subprocess.run(["readelf", flag, os.path.join(BUILD, program)], capture_output=True, text=True, check=True).stdout


def sources(top):
    for folder, folders, names in os.walk(os.path.join(SOURCE, top)):
        folders[:] = [f for f in folders if f != "CMakeFiles"]
        for name in sorted(names):
            if name.endswith((".c", ".h", ".def")):
                yield os.path.relpath(os.path.join(folder, name), SOURCE)


def includes(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as f:
        for bracket, name in INCLUDE.findall(f.read()):
            yield bracket == '"', name


def layer_of(folder):
    """A family of printers is one of many: the layers name them by a star."""
    family = os.path.dirname(folder) + "/*"
    return family if folder not in LAYERS and family in LAYERS else folder


def folder_of(path, name):
    """Where a quoted include comes from: beside the file, or from the top."""
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    found = beside if os.path.exists(os.path.join(SOURCE, beside)) else name
    return os.path.dirname(found) if os.path.exists(os.path.join(SOURCE, found)) else None


def own_headers():
    """Names of the emulators' headers, which they also find by their include folders."""
    return {os.path.basename(p) for top in OTHER_SIDES for p in sources(top)}


class LinkTest(unittest.TestCase):
    def test_programs(self):
        for program, forbidden in PROGRAMS.items():
            with self.subTest(program=program):
                libraries, _ = needed(program)
                self.assertEqual([lib for lib in libraries if lib.startswith(forbidden)], [])
                missing = [n for n in NEEDS[program] if not any(lib.startswith(n) for lib in libraries)]
                self.assertEqual(missing, [])

    def test_hardening(self):
        """Position independent, bound at start, relocations read-only, no executable stack."""
        for program in PROGRAMS:
            with self.subTest(program=program):
                _, dynamic = needed(program)
                self.assertRegex(dynamic, r"FLAGS_1.*NOW.*PIE|FLAGS_1.*PIE.*NOW")
                self.assertRegex(readelf("-hW", program), r"Type:\s+DYN")
                segments = readelf("-lW", program)
                self.assertIn("GNU_RELRO", segments)
                stack = next(line for line in segments.splitlines() if "GNU_STACK" in line)
                self.assertNotIn("RWE", stack)
                self.assertNotRegex(dynamic, r"RPATH|RUNPATH")

    def test_failpoints(self):
        """None in a release, not even their names; with them, the names are there, so that this test can see them."""
        site = re.compile(rb"(?:agent|station|hsmd?)\.[a-z%.]+\.(?:before|after)|agent\.intent\.|agent\.%s\.%s|CW_FAILPOINTS")
        for program in ("agent/cardwrightd", "drivers/cardwright-stationd", "hsm/cardwright-hsmd"):
            with self.subTest(program=program):
                with open(os.path.join(BUILD, program), "rb") as f:
                    found = set(site.findall(f.read()))
                if FAILPOINTS:
                    self.assertTrue(found)
                elif not SANITIZED:
                    self.assertEqual(found, set())


class LayerTest(unittest.TestCase):
    def test_every_folder_has_its_layer(self):
        folders = {layer_of(os.path.dirname(p)) for top in ("base", "config", "hsm", "agent", "drivers") for p in sources(top)}
        self.assertEqual(folders - set(LAYERS), set())

    def test_layers_go_up_only(self):
        order = list(LAYERS)
        for folder, below in LAYERS.items():
            self.assertEqual([b for b in below if order.index(b) >= order.index(folder)], [], folder)

    def test_includes(self):
        wrong, seen = [], 0
        for path in (p for top in ("base", "config", "hsm", "agent", "drivers") for p in sources(top)):
            folder = layer_of(os.path.dirname(path))
            for quoted, name in includes(path):
                seen += 1
                if quoted:
                    origin = folder_of(path, name)
                    layer = layer_of(origin) if origin else None
                    same = origin == os.path.dirname(path)
                    fine = same or layer in LAYERS[folder] or (path, layer) in EXCEPTIONS
                else:
                    fine = all(folder in who for pattern, who in SYSTEM.items() if re.match(pattern, name))
                if not fine:
                    wrong.append(f"{path} includes {name}")
        self.assertGreater(seen, 500)
        self.assertEqual(wrong, [])

    def test_other_sides(self):
        """A test program of an emulator may look at the product; the emulator may not."""
        wrong, seen, own = [], 0, own_headers()
        for top in OTHER_SIDES:
            for path in sources(top):
                for quoted, name in includes(path):
                    seen += quoted
                    origin = folder_of(path, name) if quoted else None
                    fine = origin == "base" or (origin or "").startswith(OTHER_SIDES) or (not origin and name in own)
                    if quoted and not fine:
                        wrong.append(f"{path} includes {name}")
        self.assertGreater(seen, 50)
        self.assertEqual(wrong, [])

    def test_issuance_is_pure(self):
        """No clock, no file, no memory of its own: the machine runs the same in the daemon and in the simulator."""
        library = os.path.join(BUILD, "agent/issuance/libcw_issuance.a")
        symbols = subprocess.run(["nm", "-u", library], capture_output=True, text=True, check=True).stdout
        used = {s.split("@")[0] for s in re.findall(r"^\s+U (\S+)", symbols, re.M)}
        impure = {s for s in used if re.match(r"(malloc|calloc|realloc|free|open|read|write|close|clock_gettime|gettimeofday|time|"
                                              r"rand|random|getrandom|printf|fprintf|fopen|poll|epoll_.*|sqlite3_.*|curl_.*)$", s)}
        self.assertEqual(impure, set())
        self.assertTrue(used)


if __name__ == "__main__":
    unittest.main(verbosity=2)
