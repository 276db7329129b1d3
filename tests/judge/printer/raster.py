# SPDX-License-Identifier: Apache-2.0
"""
Pixels, one byte each, and the pictures of `cardwright face panels`. A raster is a list of 1016 lines of 648 levels: line n is
column n of the card, its first pixel lies at the card's lower edge.
"""
import base64
import struct
import zlib

WIDTH, LINES = 648, 1016
_SIX = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", bytes(range(64)))
_BITS = [bytes((n >> (7 - i)) & 1 for i in range(8)) for n in range(256)]


class Refused(Exception):
    """Bytes that the public documents do not explain."""


def require(condition, what):
    if not condition:
        raise Refused(what)


def bits(data):
    """A byte a pixel, the first in the MSB."""
    return b"".join(map(_BITS.__getitem__, data))


def six(data):
    """Six bits a pixel, the first in the MSB: the groups of Base64."""
    return base64.b64encode(data).translate(_SIX)


def lines(pixels, width=WIDTH):
    return [pixels[at:at + width] for at in range(0, len(pixels), width)]


def _chunks(data):
    at = 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        yield kind, data[at + 8:at + 8 + size]
        at += size + 12


def _paeth(line, above):
    out, a, c = bytearray(), 0, 0
    for x, b in zip(line, above):
        if b == c:
            guess = a  # as far from both
        elif a == c:
            guess = b
        else:
            pa, pb, pc = abs(b - c), abs(a - c), abs(a + b - c - c)
            guess = a if pa <= pb and pa <= pc else b if pb <= pc else c
        a = (x + guess) & 255
        out.append(a)
        c = b
    return bytes(out)


def _row(kind, line, above):
    if kind == 0 or (kind == 2 and not any(above)):
        return line
    if kind == 2:
        return bytes([(x + b) & 255 for x, b in zip(line, above)]) if any(line) else above
    if kind == 4:
        return _paeth(line, above)
    out, a = bytearray(), 0
    for x, b in zip(line, above if kind == 3 else bytes(len(line))):
        a = (x + ((a + b) >> 1 if kind == 3 else a)) & 255
        out.append(a)
    return bytes(out)


def panel_picture(path, top):
    """The raster of a panel's picture; top: its highest level. Grey, so one channel of the three is read."""
    with open(path, "rb") as f:
        parts = list(_chunks(f.read()))
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", parts[0][1])
    require((width, height, depth, colour, interlace) == (LINES, WIDTH, 8, 2, 0), path + ": not a panel")
    raw = zlib.decompress(b"".join(body for kind, body in parts if kind == b"IDAT"))
    size, above, rows = 3 * width + 1, bytes(width), []
    for at in range(0, len(raw), size):
        line = raw[at + 1:at + size]
        require(line[::3] == line[1::3] == line[2::3], path + ": not grey")
        above = _row(raw[at], line[::3], above)
        rows.append(above)
    ink = {255 - v * 255 // top: v for v in range(top + 1)}
    require(set().union(*map(set, rows)) <= set(ink), path + ": a grey that is no level")
    flat = b"".join(rows).translate(bytes(ink.get(v, 0) for v in range(256)))
    return [flat[x::LINES][::-1] for x in range(LINES)]
