# SPDX-License-Identifier: Apache-2.0
"""
Matica XID, from the open printer daemon: command wrappers of bulk-only transport, their data; the status wrappers and what the printer
sends are not in a transcript. Panels of one byte a pixel on 1036 x 664, rows from the top; the card lies in its middle.
"""
from raster import LINES, WIDTH, require

COLUMNS, ROWS = 1036, 664
LEFT, TOP = (COLUMNS - LINES) // 2, (ROWS - WIDTH) // 2
BUFFERS = {3: "y", 2: "m", 1: "c", 0: "k"}
STRIPE_SIX, STRIPE_FOUR = 0x20, 0x30
ON = bytes(v // 63 for v in range(256))
LEVEL = bytes((v * 63 + 127) // 255 for v in range(256))


def wrappers(job):
    """(CDB, data out, bytes in)"""
    at, tag = 0, None
    while at < len(job):
        head = job[at:at + 31]
        require(len(head) == 31 and head[:4] == b"USBC", f"no command wrapper at byte {at}")
        number, length = (int.from_bytes(head[n:n + 4], "little") for n in (4, 8))
        require(tag is None or number == tag + 1, "tags count")
        require(head[12] in (0x00, 0x80) and head[13] == 0 and head[14] in (6, 10), "flags, unit, size of the command")
        cdb = head[15:15 + head[14]]
        require(not any(head[15 + head[14]:]), "nothing behind the command")
        out = 0 if head[12] else length
        require(len(job) >= at + 31 + out, "data is whole")
        yield cdb, job[at + 31:at + 31 + out], length - out
        at, tag = at + 31 + out, number


def _levels(panel):
    require(len(panel) == COLUMNS * ROWS, "1036 x 664")
    rows = [panel[at:at + COLUMNS] for at in range(0, len(panel), COLUMNS)]
    require(not any(map(any, rows[:TOP] + rows[TOP + WIDTH:])), "ink above or below the card")
    require(not any(any(r[:LEFT] + r[LEFT + LINES:]) for r in rows), "ink beside the card")
    require(len(set(panel)) <= 64, "64 levels")
    flat = b"".join(r[LEFT:LEFT + LINES] for r in rows[TOP:TOP + WIDTH]).translate(LEVEL)
    return [flat[x::LINES][::-1] for x in range(LINES)]


def _black(panel):
    require(set(panel) <= {0, 255}, "black is on or off")
    return [line.translate(ON) for line in _levels(panel)]


def _tracks(data):
    """Tag A6 B4 C4: track and bits a character; length; characters less 20h, or their low four bits."""
    found, at = {}, 0
    for number, tag, base in (("1", 0xa6, STRIPE_SIX), ("2", 0xb4, STRIPE_FOUR), ("3", 0xc4, STRIPE_FOUR)):
        if at < len(data) and data[at] == tag:
            size = data[at + 1]
            found[number] = bytes(c + base for c in data[at + 2:at + 2 + size]).decode("ascii")
            at += 2 + size
    require(at == len(data), "tracks in their order")
    return found


class Card:
    """31 01 load, 31 0B move, 2D and 2C stripe, 2A panels, 31 08 print, 31 0A or 09 transfer."""

    def __init__(self):
        self.where, self.tracks, self.read, self.faces, self.buffers = "hopper", {}, [], [], {}

    def move(self, cdb):
        option, to = cdb[4], cdb[7]
        require(not any(cdb[2:4] + cdb[5:7] + cdb[8:]), "a move has an option and a place")
        if cdb[1] == 0x01:
            require(self.where == "hopper" and (option, to) == (0, 0), "load")
        elif option == 2:
            require(self.where == 0 and to == 0 and not self.faces, "turned over")
            self.faces.append({})
        else:
            require(self.where in (0, 1, 3) and option == 0 and to in (0, 3), "moved")
        self.where = to

    def panels(self, cdb):
        want = (2 if set("ymc") & set(self.buffers) else 0) | (4 if "k" in self.buffers else 0)
        require(self.where == 0 and cdb[2] == want and not any(cdb[3:]), "printed is what was sent")
        self.faces.append({p: _black(d) if p == "k" else _levels(d) for p, d in self.buffers.items()})
        self.where, self.buffers = "film", {}

    def transfer(self, cdb):
        require(self.where == "film" and not any(cdb[2:]), "a transfer follows a print")
        self.where = 0 if cdb[1] == 0x0a else "output"

    def take(self, cdb, data, wanted):
        kind = cdb[:2].hex()
        if kind in ("0000", "0300", "3400", "1a00", "4d00", "1200"):
            require(not data, "a question")
        elif kind in ("3101", "310b"):
            self.move(cdb)
        elif kind == "3108":
            self.panels(cdb)
        elif kind in ("3109", "310a"):
            self.transfer(cdb)
        elif kind == "2a00":
            panel = BUFFERS[cdb[2]]
            require(int.from_bytes(cdb[5:9], "big") == len(data) and not any(cdb[3:5] + cdb[9:]), "length of a panel")
            require(panel not in self.buffers, "a panel twice")
            self.buffers[panel] = data
        elif kind == "2d00":
            require(self.where == 3 and cdb[3:6] == b"\xa6\xb4\xc4" and int.from_bytes(cdb[7:9], "big") == len(data), "encode")
            self.tracks = _tracks(data)
        elif kind == "2c00":
            require(self.where == 3 and self.tracks and wanted, "read back")
            self.read += [n for n, tag in zip("123", (0xa6, 0xb4, 0xc4)) if tag in cdb[3:6]]
        else:
            require(False, f"command {cdb.hex()} is not known")


def decode(job):
    card = Card()
    for cdb, data, wanted in wrappers(job):
        card.take(cdb, data, wanted)
    require(card.where == "output" and not card.buffers, "the card is out")
    return {"tracks": card.tracks, "read": card.read, "faces": card.faces}
