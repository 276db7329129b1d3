# SPDX-License-Identifier: Apache-2.0
"""Reads the emulator's PNG files: 8 bits, grey or RGB, not interlaced."""
import struct
import zlib


def _chunks(data):
    at = 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        yield kind, data[at + 8:at + 8 + size]
        at += size + 12


def _paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


def _unfilter(kind, line, above, step):
    if kind == 2:
        return bytes((x + b) & 255 for x, b in zip(line, above))
    if kind == 0:
        return line
    out = bytearray(line)
    for i, x in enumerate(line):
        a = out[i - step] if i >= step else 0
        c = above[i - step] if i >= step else 0
        guess = a if kind == 1 else (a + above[i]) // 2 if kind == 3 else _paeth(a, above[i], c)
        out[i] = (x + guess) & 255
    return bytes(out)


def read_png(path):
    """(width, height, channels, [row bytes])."""
    with open(path, "rb") as f:
        data = f.read()
    parts = list(_chunks(data))
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", parts[0][1])
    channels = {0: 1, 2: 3}[colour]
    if depth != 8 or interlace:
        raise ValueError(path + ": not a picture of the emulator")
    raw = zlib.decompress(b"".join(body for kind, body in parts if kind == b"IDAT"))
    rows, above, size = [], bytes(width * channels), width * channels + 1
    for y in range(height):
        line = raw[y * size:(y + 1) * size]
        above = _unfilter(line[0], line[1:], above, channels)
        rows.append(above)
    return width, height, channels, rows


def values(rows):
    """Which byte values occur."""
    return set().union(*map(set, rows))
