# SPDX-License-Identifier: Apache-2.0
"""
Evolis ESC language, from the maker's programming guide and the published captures: ESC name ;parameter... CR, NUL between commands,
rasters counted. What a card needs, in its order, and questions in between; anything else is refused.
"""
import re

from raster import LINES, WIDTH, bits, lines, require, six

QUESTIONS = re.compile(r"Rfv|Rsn|Rtp|Rkn|Rck|Rzp|Rr|Rem|Rlr(;[phr])?|Rco;[pcamnl]|Rrt;(zone|qty|count)|Rse;[cmoprfnb]|Rmt;[123]|"
                       r"Rmc|Rmd")
SETTINGS = re.compile(r"Pmc;[hl]|Pmt;([123]);\1|Pmd;(75|210)|Pr;(ymckok|ymckos|ymcko|kb|ko|k|Ktc)|Pc;[ymcko];=;\d\d?|Pem;2")
LEVELS = {"2": (1, bits), "64": (6, six)}


def _packed(data):
    """K and O, line by line: 00 = white, FF = black, else a count of bytes that follow, the rest white."""
    at, out = 0, bytearray()
    while at < len(data):
        count = data[at]
        at += 1
        if count in (0x00, 0xff):
            out += bytes([count]) * (WIDTH // 8)
            continue
        require(count <= WIDTH // 8 and at + count <= len(data), "a line has 81 bytes")
        out += data[at:at + count] + bytes(WIDTH // 8 - count)
        at += count
    return bytes(out)


def commands(job):
    """(words, raster) in order."""
    at = 0
    while at < len(job):
        if job[at] == 0:
            at += 1
            continue
        require(job[at] == 0x1b, f"no ESC at byte {at}")
        end = job.index(b"\r", at)
        kind = re.match(rb"Db;([ymcko]);(2|64);|Dbc;([ko]);(2);(\d+);", job[at + 1:at + 40])
        if not kind:
            text = job[at + 1:end].decode("ascii")
            require(text.isprintable(), "a command is plain text")
            yield text.split(";"), None
            at = end + 1
            continue
        panel, levels = (kind[1] or kind[3]).decode(), (kind[2] or kind[4]).decode()
        width, unpack = LEVELS[levels]
        size = int(kind[5]) if kind[5] else WIDTH * LINES * width // 8
        start = at + 1 + kind.end()
        require(job[start + size:start + size + 1] == b"\r", "CR behind a raster")
        data = job[start:start + size]
        pixels = lines(unpack(_packed(data) if kind[5] else data))
        require(len(pixels) == LINES and len(pixels[-1]) == WIDTH, f"panel {panel}: 1016 lines of 648")
        require((levels == "2") == (panel in "ko"), "resin and overcoat are on or off")
        yield ["Db", panel], pixels
        at = start + size + 1


def decode(job):
    """{"tracks", "read", "faces": [{panel: raster}]}; the printer adds sentinels and LRC."""
    card = {"tracks": {}, "read": [], "faces": [], "where": "feeder", "out": False}
    for words, raster in commands(job):
        text = ";".join(words)
        require(not card["out"] or words[0][0] == "R", f"{text} behind Se")
        if raster:
            require(card["where"] in ("recto", "verso"), "a raster before Sr")
            require(words[1] not in card["faces"][-1], "a panel twice")
            require("ymcko".index(words[1]) >= max(["ymcko".index(p) for p in card["faces"][-1]], default=0), "y m c k o")
            card["faces"][-1][words[1]] = raster
        elif words[0] in STEPS:
            STEPS[words[0]](card, words[1:])
        else:
            require(QUESTIONS.fullmatch(text) or SETTINGS.fullmatch(text), f"{text} is not known")
            require(words[0] != "Pr" or card["where"] in ("inside", "sequence", "encoded"), "the ribbon is said before the print")
    require(card["out"], "Se ends a card")
    return card


def _go(before, after):
    def step(card, words):
        require(not words and card["where"] in before, f"{after} from {card['where']}")
        card["where"] = after
        if after in ("recto", "verso"):
            card["faces"].append({})
    return step


def _track(card, words):
    require(card["where"] == "sequence" and words[0] in "123" and words[0] not in card["tracks"], "Dm")
    card["tracks"][words[0]] = ";".join(words[1:])


def _write(card, words):
    require(card["where"] == "sequence" and card["tracks"] and not words, "Smw")
    card["where"] = "encoded"


def _read(card, words):
    require(card["where"] == "encoded", "Smr before Smw")
    card["read"].append(words[0])


def _end(card, words):
    require(card["where"] in ("recto", "verso") and not words and card["faces"][-1], "Se")
    card["out"] = True


STEPS = {"Si": _go(("feeder",), "inside"), "Ss": _go(("inside",), "sequence"), "Sr": _go(("sequence", "encoded"), "recto"),
         "Sv": _go(("recto",), "verso"), "Dm": _track, "Smw": _write, "Smr": _read, "Se": _end}
