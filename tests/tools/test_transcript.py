#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Decodes the transcripts of printer-transcript again, with nothing of the drivers or emulators: the commands in their
order, and the black panel of the orientation card. usage: test_transcript.py PROGRAM FACES
"""
import json
import os
import subprocess
import sys
import tempfile

DATA = {"pan": "4000001234567899", "name": "JANE DOE", "expiry": "12/29", "cvv2": "123",
        "track1": "B4000001234567899^DOE/JANE^29122010000000000000", "track2": "4000001234567899=29122010000000000"}
WIDTH, LINES = 648, 1016


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def transcript(program, family, template, data):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as out:
        json.dump(data, out)
        out.flush()
        done = subprocess.run([program, family, template, out.name], capture_output=True, timeout=50, check=False)
    check(done.returncode == 0, done.stderr.decode())
    return done.stdout


def black_spots(rows):
    """rows: LINES lists of WIDTH bits. Line n is column n of the card, its first pixel at the lower edge."""
    def ink(x, y):
        return rows[x][WIDTH - 1 - y]
    check(ink(360, 480) and ink(600, 180), "stem and top bar of the F")
    check(not ink(600, 330) and not ink(600, 480), "no ink where an E or a P would have it")


def bits(data, width):
    return [[(data[n * width // 8 + i // 8] >> (7 - i % 8)) & 1 for i in range(width)] for n in range(len(data) * 8 // width)]


def evolis_lines(data):
    """Each line: 00 empty, FF full, else a count of bytes that follow."""
    at, rows = 0, []
    while at < len(data):
        count = data[at]
        at += 1
        if count in (0x00, 0xff):
            rows += bits(bytes([count]) * 81, WIDTH)
            continue
        check(count <= 81, "a line has 81 bytes")
        rows += bits(data[at:at + count] + bytes(81 - count), WIDTH)
        at += count
    return rows


def evolis_commands(job):
    at = 0
    while at < len(job):
        if job[at] == 0:
            at += 1
            continue
        check(job[at] == 0x1b, "a command begins with ESC")
        end = job.index(b"\r", at)
        head = job[at + 1:end]
        words = head.split(b";")
        if words[0] == b"Db":
            size = WIDTH * LINES * {b"2": 1, b"64": 6}[words[2]] // 8
            start = at + 1 + len(b"Db;x;;") + len(words[2])
        elif words[0] == b"Dbc":
            size = int(words[3])
            start = at + 1 + sum(len(w) + 1 for w in words[:4])
        else:
            yield head.decode(), b""
            at = end + 1
            continue
        check(job[start + size] == 0x0d, "CR after the raster")
        yield b";".join(words[:3]).decode(), job[start:start + size]
        at = start + size + 1


def check_evolis(program, faces):
    job = transcript(program, "evolis", os.path.join(faces, "orientation.json"), DATA)
    commands = list(evolis_commands(job))
    names = [c for c, _ in commands if not c.startswith("R")]
    for a, b in zip(["Si", "Ss", "Smw", "Sr", "Db;y;64", "Db;m;64", "Db;c;64", "Se"],
                    ["Ss", "Smw", "Sr", "Db;y;64", "Db;m;64", "Db;c;64", "Se", None]):
        check(names.count(a) == 1, (a, names))
        check(b is None or names.index(a) < names.index(b), (a, b, names))
    check("Dm;2;" + DATA["track2"] in names, "track 2 without sentinels")
    panels = {c.split(";")[1]: (c.split(";")[0], data) for c, data in commands if c.startswith("Db")}
    check(list(panels) == ["y", "m", "c", "k", "o"], list(panels))
    kind, data = panels["k"]
    rows = evolis_lines(data) if kind == "Dbc" else bits(data, WIDTH)
    check(len(rows) == LINES, len(rows))
    black_spots(rows)
    return len(job)


def check_magicard(program, faces):
    job = transcript(program, "magicard", os.path.join(faces, "orientation.json"), DATA)
    start = job.index(b"\x05" * 64 + b"\x01,NOC1")
    fs = job.index(b"\x1c", start)
    header = dict((w[:3], w[3:]) for w in job[start + 65:fs].decode().split(",") if w)
    check(header["IMF"] == "BGRK" and (header["WID"], header["HGT"]) == ("1016", "642"), header)
    at = fs + 1
    for letter in "BGRK":
        size = int(header["SZ" + letter])
        plane = job[at:at + size]
        check(job[at + size:at + size + 3] == b"\x1c" + letter.encode() + b":", letter)
        at += size + 3
    check(job[at] == 3, "ETX")
    # 96 bytes a row; the first 288 pixels of the head in the even bits from word 6, the others in the odd bits from word 0.
    rows = []
    margin = 18  # 30 less the head position the emulated printer tells
    for n in range(LINES):
        pixels = head(plane, n)
        rows.append([0, 0, 0] + pixels[margin:margin + 642] + [0, 0, 0])
    black_spots(rows)
    return len(job)


def head(plane, row):
    line = plane[row * 96:(row + 1) * 96]
    place = [6 * 32 + 2 * p if p < 288 else 2 * (p - 288) + 1 for p in range(672)]
    return [(line[b // 8] >> (7 - b % 8)) & 1 for b in place]


def matica_commands(job):
    at = 0
    while at < len(job):
        check(job[at:at + 4] == b"USBC", "a command wrapper")
        length = int.from_bytes(job[at + 8:at + 12], "little")
        out = not job[at + 12] & 0x80
        cdb = job[at + 15:at + 15 + job[at + 14]]
        at += 31
        yield cdb, job[at:at + length] if out else b""
        at += length if out else 0


def check_matica(program, faces):
    job = transcript(program, "matica", os.path.join(faces, "orientation.json"), DATA)
    commands = [(c, d) for c, d in matica_commands(job) if c[0] in (0x31, 0x2a, 0x2d)]
    # load, to the encoder, write, back to the head, Y M C K, print, transfer and eject
    check([(c[0], c[1] if c[0] == 0x31 else c[2]) for c, _ in commands] ==
          [(0x31, 1), (0x31, 0xb), (0x2d, 0), (0x31, 0xb), (0x2a, 3), (0x2a, 2), (0x2a, 1), (0x2a, 0), (0x31, 8), (0x31, 9)],
          [c.hex() for c, _ in commands])
    stripe = commands[2][1]
    size = stripe[1]
    check(bytes(c + 0x20 for c in stripe[2:2 + size]).decode() == DATA["track1"], "track 1")
    check(bytes(c + 0x30 for c in stripe[4 + size:]).decode() == DATA["track2"], "track 2")
    black = commands[7][1]
    check(len(black) == 1036 * 664 and set(black) == {0, 255}, "black is on or off")
    black_spots([[black[(8 + WIDTH - 1 - px) * 1036 + 10 + x] // 255 for px in range(WIDTH)] for x in range(LINES)])
    return len(job)


def zebra_commands(job):
    """ESC text CR; [ hides a control character of O, vO and &B; the dots of GS are counted."""
    at = 0
    while at < len(job):
        check(job[at] == 0x1b, "a command begins with ESC")
        at += 1
        if job[at:at + 3] == b"GS ":
            end = at
            for _ in range(7):
                end = job.index(b" ", end) + 1
            head = job[at:end]
            size = int(head.split()[5]) * int(head.split()[6])
            check(job[end + size] == 0x0d, "CR behind the dots")
            yield head.decode(), job[end:end + size]
            at = end + size + 1
            continue
        hides = job[at:at + 1] == b"O" or job[at:at + 2] in (b"vO", b"&B")
        text = bytearray()
        while job[at] != 0x0d:
            if hides and job[at] == 0x5b:
                at += 1
            text.append(job[at])
            at += 1
        at += 1
        yield None, bytes(text)


def check_zebra(program, faces):
    job = transcript(program, "zebra", os.path.join(faces, "orientation.json"), DATA)
    commands = list(zebra_commands(job))
    lines = {b"O": [], b"vO": []}
    names = []
    for head, data in commands:
        if head:
            names.append(head)
        elif data[:1] == b"O":
            lines[b"O"].append(data[1:])
        elif data[:2] == b"vO":
            lines[b"vO"].append(data[2:])
        else:
            names.append(data.decode())
    check(not any(n[0] in "Z" or n.startswith(("vZ", "PS")) for n in names), "nothing compressed")
    wanted = ["MC", "MI", "&R", "&CDEW 0 0", "&CDER 0 0", "&B 1 " + DATA["track1"], "&B 2 " + DATA["track2"], "&E*", "F", "vF", "$F",
              "GS 0 32 4 0 1016 640 ", "GS 1 32 4 0 1016 640 ", "GS 2 32 4 0 1016 640 ", "G 4 0 0 80 1016 1", "vG 4 0 0 80 1016 1",
              "M 1 IS 0[IS 1[IS 2[I[IV 1"]
    check([n for n in names if n in wanted] == wanted, names)
    check([n for n in names if n not in wanted and n != "V"] == ["&L3"], "beside them questions only: track 3 must be blank")
    check(len(lines[b"O"]) == len(lines[b"vO"]) == LINES, "a line for each column")
    check(all(len(d) == 640 * 1016 for h, d in commands if h), "a byte a dot")
    # Mirrored in both axes: the last column comes first. The four pixels at either long edge are not printed.
    black_spots([[0] * 4 + row + [0] * 4 for row in reversed([bits(d, 640)[0] for d in lines[b"O"]])])
    return len(job)


def main():
    program, faces = sys.argv[1:3]
    for family in (check_evolis, check_magicard, check_matica, check_zebra):
        print(family.__name__, family(program, faces), "bytes")
    done = subprocess.run([program, "nothing", "x", "y"], capture_output=True, check=False)
    check(done.returncode == 2, "an unknown family is refused")


if __name__ == "__main__":
    main()
