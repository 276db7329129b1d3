#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Reads what `printer-transcript` wrote for each family with decoders made from public documents alone, and compares each panel with the
pictures of `cardwright face panels`, pixel by pixel, and each track with the data. usage: test_printers.py BUILD FACES
"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import evolis  # noqa: E402
import magicard  # noqa: E402
import matica  # noqa: E402
import zebra  # noqa: E402
from raster import LINES, WIDTH, Refused, panel_picture  # noqa: E402

FACE = {"pan": "4000001234567899", "name": "JANE DOE", "expiry": "12/29", "cvv2": "123"}
TRACKS = {"track1": "B4000001234567899^DOE/JANE^29122010000000000000", "track2": "4000001234567899=29122010000000000",
          "track3": "014000001234567899=0"}
FAMILIES = {"evolis": evolis, "magicard": magicard, "matica": matica, "zebra": zebra}
NO_BACK = ("zebra",)  # nothing public tells how to turn a card
FILM = ("matica",)  # covers the whole card: there is no overcoat panel
MM = 300 / 25.4
# ISO/IEC 7816-2: the contacts' outermost edges; ISO/IEC 7811-6: the stripe. The raster is 1016 x 648 for a card of 85.6 x 53.98 mm.
CONTACTS = (10.25, 19.23, 19.87 + 2, 28.55)
STRIPE_TOP, STRIPE_BOTTOM = 5.54, 15.82


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def run(*argv):
    return subprocess.run(argv, capture_output=True, timeout=60, check=False)


def pictures(build, template, data, folder):
    """[{panel: raster}] of both faces, as cardwright itself shows them."""
    done = run(os.path.join(build, "agent/cardwright"), "face", "panels", template, data, "-o", folder)
    check(done.returncode == 0, done.stderr.decode())
    faces = []
    for prefix in ("panel-", "back-panel-"):
        names = {n[len(prefix)]: os.path.join(folder, n) for n in sorted(os.listdir(folder)) if n.startswith(prefix)}
        if names:
            faces.append({p: panel_picture(path, 1 if p in "ko" else 63) for p, path in names.items()})
    return faces


def clear_of_ink(face, x1, y1, x2, y2, what):
    """Millimetres from the left and the upper edge."""
    for panel, raster in face.items():
        for x in range(int(x1 * MM), min(LINES, int(x2 * MM) + 1)):
            line = raster[x][::-1]
            check(not any(line[int(y1 * MM):int(y2 * MM) + 1]), f"{what}: panel {panel}, column {x}")


def flat(raster, table):
    return int.from_bytes(b"".join(raster).translate(table), "big")


def well_made(faces):
    """What a print head asks of any face."""
    clear_of_ink(faces[0], *CONTACTS, "ink on the contacts")
    for back in faces[1:]:
        clear_of_ink(back, 0, STRIPE_TOP, LINES / MM, STRIPE_BOTTOM, "ink on the stripe")
    for face in faces:
        for panel in "ymc" if "k" in face and "y" in face else "":
            both = flat(face["k"], b"\0" + b"\xff" * 255) & flat(face[panel], bytes(range(256)))
            check(both == 0, f"dye of panel {panel} under resin")


def compare(name, shown, sent, family):
    module = FAMILIES[family]
    check(len(sent) == len(shown), f"{name}: {len(sent)} faces")
    for number, (want, got) in enumerate(zip(shown, sent)):
        panels = [p for p in want if any(map(any, want[p]))]
        if family in FILM:
            panels = [p for p in panels if p != "o"]
        check([p for p in "ymcko" if p in got and any(map(any, got[p]))] == [p for p in "ymcko" if p in panels],
              f"{name}, face {number}: panels {list(got)}, not {panels}")
        for panel in panels:
            lines = module.printed(want[panel]) if hasattr(module, "printed") else want[panel]
            differ = [x for x, (a, b) in enumerate(zip(lines, got[panel])) if a != b]
            check(not differ and len(lines) == len(got[panel]), f"{name}, face {number}, panel {panel}: columns {differ[:8]} differ")


def refuses_what_it_does_not_know(family, job):
    """A decoder that explains everything proves nothing."""
    for bad in (job[:-1], job + b"\x1bXyz\r", job[:1] + b"?" + job[2:], b"?" + job):
        try:
            FAMILIES[family].decode(bad)
        except (Refused, IndexError, KeyError, ValueError, StopIteration):
            continue
        raise AssertionError(f"{family}: a broken job is read")


def one_template(build, template, folder):
    data = {}
    for name, content in (("face", FACE), ("job", {**FACE, **TRACKS})):
        data[name] = os.path.join(folder, name + ".json")
        with open(data[name], "w") as f:
            json.dump(content, f)
    shown = pictures(build, template, data["face"], os.path.join(folder, "panels"))
    well_made(shown)
    for family, module in FAMILIES.items():
        name = f"{family}, {os.path.basename(template)}"
        done = run(os.path.join(build, "tests/tools/printer-transcript"), family, template, data["job"])
        if len(shown) == 2 and family in NO_BACK:
            check(done.returncode == 1 and b"one face" in done.stderr, f"{name}: a back is refused")
            continue
        check(done.returncode == 0, f"{name}: {done.stderr.decode()}")
        card = module.decode(done.stdout)
        compare(name, shown, card["faces"], family)
        check({"track" + n: text for n, text in card["tracks"].items()} == TRACKS, f"{name}: tracks")
        check(sorted(card["read"]) == ["1", "2", "3"], f"{name}: read back {card['read']}")
        if "orientation.json" in template:
            refuses_what_it_does_not_know(family, done.stdout)
        print(f"{name}: {len(done.stdout)} bytes, {sum(map(len, card['faces']))} panels equal")


def main():
    build, faces = sys.argv[1:3]
    templates = sorted(n for n in os.listdir(faces) if n.endswith(".json"))
    check(len(templates) >= 4, "shipped templates")
    for name in templates:
        with tempfile.TemporaryDirectory() as folder:
            one_template(build, os.path.join(faces, name), folder)
    check(run(os.path.join(build, "tests/tools/printer-transcript"), "nothing", "x", "y").returncode == 2, "an unknown family")


if __name__ == "__main__":
    main()
