# SPDX-License-Identifier: Apache-2.0
"""
EPCL of the P series, from the maker's programmer's manual: ESC text CR; [ hides a control character in what O, vO and &B carry;
the dots of GS are counted. Extended memory: 1024 x 640, of which the card's 1016 columns are used from the fourth on; the image is
mirrored in both axes.
"""
from raster import LINES, bits, require

ROWS = 640
EDGE = 4  # of 648 pixels, at either side
LEVEL = bytes((v * 63 + 127) // 255 for v in range(256))
QUESTIONS = ("V", "V 12", "V 20")
CLEAR = ["F", "vF", "$F"]
LINK = "M 1 IS 0[IS 1[IS 2[I"


def commands(job):
    """(text, bytes)"""
    at = 0
    while at < len(job):
        require(job[at] == 0x1b, f"no ESC at byte {at}")
        at += 1
        if job[at:at + 3] == b"GS ":
            words = job[at:at + 64].split(b" ", 7)
            head = b" ".join(words[:7]) + b" "
            size = int(words[5]) * int(words[6])
            require(job[at + len(head) + size] == 0x0d, "CR behind the dots")
            yield head.decode("ascii").strip(), job[at + len(head):at + len(head) + size]
            at += len(head) + size + 1
            continue
        name = next((n for n in (b"vO", b"O", b"&B") if job.startswith(n, at)), None)
        text = bytearray()
        while job[at] != 0x0d:
            at += 1 if name and job[at] == 0x5b else 0
            require(name is None or job[at] != 0x1b or job[at - 1] == 0x5b, "a control character in the open")
            text.append(job[at])
            at += 1
        at += 1
        if name in (b"vO", b"O"):
            yield name.decode(), bytes(text[len(name):])
        else:
            require(text.isascii(), "plain text")
            yield text.decode("ascii"), None


def _image(rows):
    """Mirrored in both axes, and the printer prints the last column first."""
    return [row for row in reversed(rows)]


class Card:
    def __init__(self):
        self.tracks, self.read, self.faces, self.steps, self.buffers, self.graphic = {}, [], [], [], {}, None

    def colour(self, text, dots):
        _, buffer, levels, x, y, count, size = text.split(" ")
        require((levels, x, y, count, size) == ("32", "4", "0", str(LINES), str(ROWS)), "the area of the card")
        require(not {0x0d, 0x1b, 0x5b} & set(dots) and len(set(dots)) <= 64, "64 levels, none of them a control character")
        flat = dots.translate(LEVEL)
        self.buffers["ymc"[int(buffer)]] = _image([flat[at:at + ROWS] for at in range(0, len(flat), ROWS)])

    def lines_of(self, text, data):
        require(self.graphic == text and len(data) == ROWS // 8, "a line belongs to its G")
        self.buffers.setdefault("k" if text == "O" else "o", []).append(bits(data))

    def take(self, text, data):
        if text.startswith("GS "):
            self.colour(text, data)
        elif data is not None:
            self.lines_of(text, data)
        elif text in ("G 4 0 0 80 1016 1", "vG 4 0 0 80 1016 1"):
            self.graphic = "vO" if text[0] == "v" else "O"
        elif text.startswith("&B "):
            self.tracks[text[3]] = text[5:]
        elif text.startswith("&L"):
            self.read.append(text[2:].strip())
        elif text.startswith("M "):
            require(text in (LINK + "[IV 1", LINK + " 10", "M 1 I 10", "M 1 I[IV 1"), f"{text} is not known")
            self.steps.append("print")
        elif text not in QUESTIONS:
            require(text in ["MC", "MI", "MO", "&R", "&CDEW 0 0", "&CDER 0 0", "&E*"] + CLEAR, f"{text} is not known")
            self.steps.append(text)


def decode(job):
    card = Card()
    for text, data in commands(job):
        card.take(text, data)
    stripe = ["&R", "&CDEW 0 0", "&CDER 0 0", "&E*"] if card.tracks else []
    require(card.steps == ["MC", "MI"] + stripe + CLEAR + ["print"], f"order of the steps: {card.steps}")
    face = {}
    for panel, rows in card.buffers.items():
        face[panel] = rows if panel in "ymc" else _image(rows)
        require(len(face[panel]) == LINES, f"panel {panel}: a line for each column")
    return {"tracks": card.tracks, "read": card.read, "faces": [face]}


def printed(raster):
    return [line[EDGE:EDGE + ROWS] for line in raster]
