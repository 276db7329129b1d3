# SPDX-License-Identifier: Apache-2.0
"""
Magicard, from the open CUPS filter and backend and a published capture: attention bytes, SOH, header, FS, planes with their trailers,
ETX; a second page for the back. Layout of the Enduro head. The overcoat is areas, so its raster is made of them.
"""
import re

from raster import LINES, bits, require

IMAGE, HEAD, WORDS = 642, 672, 24
MARGIN = 30 - 12  # where the picture begins on the head; the printer told its position, 12
EDGE = 3  # of 648 pixels, at either side
PLANES = {"B": "y", "G": "m", "R": "c", "K": "k"}
REQUESTS = re.compile(r",REQ,(INF|ERR),|(CHPUP|CHPDOWN|EJT),")
STRIPES = {"1": ("BPI210", "MPC7", "%"), "2": ("BPI75", "MPC5", ";"), "3": ("BPI210", "MPC5", ";")}
PAGE = re.compile(r"(NOC1|VER[0-9.]+|LANENG|TDT[0-9A-F]{8}|KGE2?|DPX(?:ON|OFF)|BAC(?:CKO|CK|CO|C|KO|K)|PAG[12]|IMF(?:BGRK|BGR|K)|XCO0|"
                  r"YCO0|WID1016|HGT642|OVR(?:ON|OFF)|NNNOFF|USFOFF|PCT0,0,1015,641|NCT\d+,\d+,\d+,\d+|ICC0|SZ[BGRK]\d+)")


def _head_lines(plane, depth):
    """Pixels 0 to 287 of the head lie in the even bits of words 6 to 23, the others in the odd bits of 24 words; lowest bit plane first."""
    size = WORDS * 4
    require(len(plane) == LINES * size * depth, "size of a plane")
    total = 0
    for n in range(depth):
        rows = b"".join(plane[at:at + size] for at in range(n * size, len(plane), depth * size))
        total += int.from_bytes(bits(rows), "big") << n
    slots = total.to_bytes(LINES * WORDS * 32, "big")
    out = []
    for at in range(0, len(slots), WORDS * 32):
        row = slots[at:at + WORDS * 32]
        require(not any(row[0:6 * 32:2]), "slots without a heating element")
        head = row[6 * 32::2] + row[1::2]
        require(not any(head[:MARGIN]) and not any(head[MARGIN + IMAGE:]), "ink beside the card")
        out.append(head[MARGIN:MARGIN + IMAGE])
    return out


def _coat(words):
    """Areas count from the left and from the lower edge, both ends belong to them."""
    if "OVROFF" in words:
        require(not any(w.startswith(("PCT", "NCT")) for w in words), "areas of no overcoat")
        return None
    require("OVRON" in words and "PCT0,0,1015,641" in words, "an overcoat has its area")
    out = [bytearray(b"\1" * IMAGE) for _ in range(LINES)]
    for word in words:
        if word.startswith("NCT"):
            x1, y1, x2, y2 = map(int, word[3:].split(","))
            require(x1 <= x2 < LINES and y1 <= y2 < IMAGE, "a hole within the card")
            for line in out[x1:x2 + 1]:
                line[y1:y2 + 1] = bytes(y2 + 1 - y1)
    return [bytes(line) for line in out]


def _stripe(words, tracks):
    """MAGn, BPI, MPC, and the data with sentinels; the rest of the words."""
    at = 0
    while at < len(words):
        found = re.fullmatch(r"MAG([123])", words[at])
        if not found:
            yield words[at]
            at += 1
            continue
        density, size, start = STRIPES[found[1]]
        require(words[at + 1:at + 3] == [density, size] and words[at + 3][0] == start and words[at + 3][-1] == "?", "a track")
        require(found[1] not in tracks, "a track twice")
        tracks[found[1]] = words[at + 3][1:-1]
        at += 4


def _page(job, at, tracks):
    fs = job.index(b"\x1c", at)
    words = list(_stripe(re.findall(r"(?:PCT|NCT)[0-9,]+(?=,)|[^,]+", job[at:fs].decode("ascii")), tracks))
    if tracks and "PAG1" in words:
        require(words.index("MGVON") < words.index("COEH"), "a stripe is verified")
        words = [w for w in words if w not in ("MGVON", "COEH")]
    unknown = [w for w in words if not PAGE.fullmatch(w)]
    require(words[0] == "NOC1" and not unknown, f"header: {unknown}")
    require(len({w[:3] for w in words}) == len(words), "a command twice")
    image = next(w[3:] for w in words if w.startswith("IMF"))
    at, panels = fs + 1, {}
    for letter in image:
        size = next(int(w[3:]) for w in words if w.startswith("SZ" + letter))
        require(job[at + size:at + size + 3] == b"\x1c" + letter.encode() + b":", "trailer of a plane")
        panels[PLANES[letter]] = _head_lines(job[at:at + size], 1 if letter == "K" else 6)
        at += size + 3
    require(job[at] == 0x03, "ETX ends a page")
    coat = _coat(words)
    if coat:
        panels["o"] = coat
    return at + 1, words, panels


def decode(job):
    at, tracks, faces, both, steps = 0, {}, [], False, []
    while at < len(job):
        attention = re.compile(rb"\x05{9,64}\x01").match(job, at)
        require(attention, f"no attention at byte {at}")
        at = attention.end()
        if job[at:at + 5] != b",NOC1":
            end = job.index(b"\x1c\x03", at)
            text = job[at:end].decode("ascii")
            require(REQUESTS.fullmatch(text), f"{text} is not known")
            require(not both or len(faces) == 2, "both pages are one job")
            steps += [text] if "REQ" not in text else []
            at = end + 2
            continue
        require(len(attention[0]) == 65, "a job begins with 64 attention bytes")
        at, words, panels = _page(job, at, tracks)
        both = both or "DPXON" in words
        require(f"PAG{len(faces) + 1}" in words and len(faces) < 1 + both, "pages in their order")
        faces.append(panels)
    require(steps == ["EJT,", "CHPUP,", "CHPDOWN,"], f"path cleared, card under the contacts and out: {steps}")
    require(len(faces) == 1 + both, "a page for each face")
    return {"tracks": tracks, "read": sorted(tracks), "faces": faces}


def printed(raster):
    return [line[EDGE:EDGE + IMAGE] for line in raster]
