# SPDX-License-Identifier: Apache-2.0
"""An EMV application that is personalised by EMV CPS data groupings and then does what EMV Books 1 to 3 say; a payment directory."""
import hashlib
import os

from channel import Refused
from crypto import aes, aes_session_key, cmac, des3, emv_session_key, retail_mac, unpad80
from tlv import coded, dol, flat, groupings, items

TC, ARQC, AAC = 0x40, 0x80, 0x00


class Application:
    def __init__(self, aid, card):
        self.aid, self.card, self.make = aid, card, card.make
        self.personalised, self.rest, self.encrypted, self.dgis, self.order, self.commands = False, b"", None, {}, [], []
        self.reset()

    def reset(self):
        pass

    # ---- personalisation ----

    def store(self, p1, data, channel):
        if self.personalised:
            raise Refused(0x6985)
        encrypted = p1 & 0x60 == 0x60
        if self.rest and encrypted != self.encrypted:
            self.card.complain("a grouping that is half encrypted", 0x6A80)
        self.encrypted, data, self.rest = encrypted, self.rest + data, b""
        try:
            found = groupings(data)
        except IndexError:
            if p1 & 0x80:
                self.card.complain("the last block ends inside a grouping", 0x6A80)
            self.rest = data
            return b""
        self.commands.append([name for name, _ in found])
        self.level = channel.level
        for name, value in found:
            self.order.append(name)
            self.blocks = channel.block
            self.take(name, channel.open_sensitive(value) if encrypted else value, encrypted)
        if p1 & 0x80:
            self.complete()
            self.personalised = True
        return b""

    def take(self, name, value, _encrypted):
        self.keep(name, value)

    def keep(self, name, value):
        if name[:2] < "1F" and len(value) > 254:
            self.card.complain("a record longer than 254 bytes", 0x6A80)
        self.dgis[name] = value

    def complete(self):
        if "9102" not in self.dgis:
            self.card.complain("no FCI", 0x6A86)

    # ---- use ----

    def select(self):
        if not self.personalised:
            return coded("6F", coded("84", bytes.fromhex(self.aid)))
        if self.make["at_start"] and "9103" in self.dgis:
            self.data.update(flat(self.dgis["9103"]))
            return coded("6F", coded("84", bytes.fromhex(self.aid)) + self.dgis["9103"])
        return coded("6F", coded("84", bytes.fromhex(self.aid)) + self.dgis["9102"])

    def read_record(self, p1, p2):
        if p2 & 7 != 4:
            raise Refused(0x6A81)
        name = f"{p2 >> 3:02X}{p1:02X}"
        if name not in self.dgis:
            raise Refused(0x6A83 if any(n[:2] == name[:2] for n in self.dgis) else 0x6A82)
        return self.dgis[name]


class Directory(Application):
    def command(self, header, _data, _le):
        if header[:2] == b"\x00\xb2":
            return self.read_record(header[2], header[3])
        raise Refused(0x6D00)


class Payment(Application):
    SECRET = ("8000", "8010", "8101", "8102", "8103", "8104", *(f"8{kind}0{part}" for kind in "23" for part in "12345"))

    def __init__(self, aid, card):
        super().__init__(aid, card)
        self.atc, self.ended = 0, []

    def reset(self):
        self.state, self.challenge = "idle", None

    # ---- personalisation ----

    def take(self, name, value, encrypted):
        if name in self.make["unknown"]:
            raise Refused(0x6A88)
        if name in self.SECRET and encrypted == self.make["plain_keys"]:
            self.card.complain(f"DGI {name} is not for this P1", 0x6A80)
        if name not in self.SECRET and encrypted and name != "9000":
            self.card.complain(f"DGI {name} encrypted", 0x6A80)
        known = int(name[:2], 16) < 0x1F or name in self.SECRET or name in ("9000", "9010", "9102", "9103", "9104", "9200",
                                                                             "9203", "3000", "3001")
        if not known:
            raise Refused(0x6A88)
        self.keep(name, value)

    def complete(self):
        super().complete()
        keys, checks = (self.dgis.get(n, b"") for n in ("8000", "9000"))
        size = self.make["aes"] // 8 or 16
        if self.blocks == 16 and size == 24:
            keys = unpad80(keys)
        if len(keys) != 3 * size or len(checks) != 9:
            self.card.complain("keys or check values are missing", 0x6A86)
        self.keys = [keys[at:at + size] for at in (0, size, 2 * size)]
        if b"".join(self._check_value(key) for key in self.keys) != checks:
            self.card.complain("check values", 0x6A80)
        self.key = self._private_key(("8101", "8103"), "82")
        self.pin_key = self._private_key(("8102", "8104"), "83") or self.key
        gpo = dict(items(self.dgis["9104"]))
        self.aip, self.afl = gpo["82"], gpo["94"]
        self.data = {}
        for name, value in self.dgis.items():
            if name[0] in "01" and name[:2] <= "1E":
                self.data.update(flat(value))
        self.data.update(flat(self.dgis["9102"]))
        self.data["9F10"] = dict(items(self.dgis["9200"]))["9F10"]
        self._offline_pin()

    def _check_value(self, key):
        if not self.make["aes"]:
            return des3(key, bytes(8))[:3]
        return (cmac(key, bytes(16)) if self.make["kcv"] == "cmac" else aes(key, b"\x01" * 16))[:3]

    def _offline_pin(self):
        """PIN and counters, both or none; none only where no record's CVM list asks for one (EMV Book 3, annex C3)."""
        there = [name in self.dgis for name in ("8010", "9010")]
        lists = [value for name, dgi in self.dgis.items() if name[:2] < "1F" for tag, value in flat(dgi) if tag == "8E"]
        asked = any(rule & 0x3F in (1, 3, 4, 5) for value in lists for rule in value[8::2])
        if there[0] != there[1] or (asked and not there[0]) or len(self.dgis.get("9010", b"\0\0")) != 2:
            self.card.complain("PIN or its counters are missing", 0x6A86)
        self.pin = None
        if there[0]:
            self._reference_pin(self.dgis["8010"], self.dgis["9010"])

    def _reference_pin(self, block, tries):
        """Under AES filled up to 16 bytes, which a card discards."""
        size, text = block[0] & 0x0F, block[1:8].hex().upper()
        fill = self.make["pin_control"] == 1 or not set(text[size:]) - {"F"}
        if len(block) != (8 if self.blocks == 8 else 16) or block[0] >> 4 != self.make["pin_control"]:
            self.card.complain("form of the reference PIN block", 0x6A80)
        if not text[:size].isdigit() or not fill:
            self.card.complain("reference PIN block", 0x6A80)
        self.pin, self.tries, self.limit = text[:size], tries[0], tries[1]

    def _mac(self, session, data):
        return cmac(session, data)[:8] if self.make["aes"] else retail_mac(session, data)

    def _session(self, atc):
        return (aes_session_key if self.make["aes"] else emv_session_key)(self.keys[0], atc)

    def _part(self, name):
        """A number with 80 00.. behind it."""
        return int.from_bytes(unpad80(self.dgis[name]), "big")

    def _private_key(self, plain, crt):
        """(n, size, function) of the key in these groupings."""
        if plain[1] in self.dgis:
            n, d = unpad80(self.dgis[plain[1]]), int.from_bytes(unpad80(self.dgis[plain[0]]), "big")
            number = int.from_bytes(n, "big")
            return number, len(n), lambda m: pow(m, d, number)
        if crt + "05" not in self.dgis:
            return None
        qinv, dq, dp, q, p = (self._part(f"{crt}0{i}") for i in (1, 2, 3, 4, 5))
        n = p * q
        if qinv * q % p != 1 or n.bit_length() % 8:
            self.card.complain("CRT parts", 0x6A80)
        return n, n.bit_length() // 8, lambda m: pow(m, dq, q) + q * ((pow(m, dp, p) - pow(m, dq, q)) * qinv % p)

    @staticmethod
    def _sign(key, message):
        return key[2](int.from_bytes(message, "big")).to_bytes(key[1], "big")

    def _dynamic_signature(self, dynamic, terminal):
        """EMV Book 2, tables 15 and 18."""
        head = bytes([5, 1, len(dynamic)]) + dynamic
        head += b"\xbb" * (self.key[1] - 22 - len(head))
        return self._sign(self.key, b"\x6a" + head + hashlib.sha1(head + terminal).digest() + b"\xbc")

    # ---- use ----

    def select(self):
        self.state = "selected"
        return super().select()

    def command(self, header, data, _le):
        if not self.personalised:
            raise Refused(0x6985)
        cla, ins, p1, p2 = header
        if (cla, ins) == (0x00, 0xB2):
            if self.state in ("idle", "selected"):
                self.card.complain("READ RECORD before GET PROCESSING OPTIONS", 0x6985)
            return self.read_record(p1, p2)
        serve = {(0x80, 0xA8): self._options, (0x80, 0xCA): self._get_data, (0x00, 0x20): self._verify, (0x00, 0x88): self._internal,
                 (0x80, 0xAE): self._generate, (0x00, 0x84): self._challenge}.get((cla, ins))
        if serve is None:
            raise Refused(0x6D00)
        return serve(p1, p2, data)

    def _answer(self, *objects):
        """Format 2; format 1 for makes that have it."""
        if self.make["format"] == 1:
            return coded("80", b"".join(value for _, value in objects))
        return coded("77", b"".join(coded(tag, value) for tag, value in objects))

    def _options(self, p1, p2, data):
        wanted = sum(size for _, size in dol(self.data.get("9F38", b"")))
        if self.state != "selected" or p1 or p2:
            self.card.complain("GET PROCESSING OPTIONS out of turn", 0x6985)
        if data[:1] != b"\x83" or data[1:2] != bytes([wanted]) or len(data) != 2 + wanted:
            self.card.complain("PDOL data", 0x6700)
        self.atc += 1
        self.state, self.options = "first", data[2:]
        if self.make["at_start"] == "qvsdc":
            return self._qvsdc(data[2:])
        if self.make["at_start"]:
            return self._at_start(data[2:])
        return self._answer(("82", self.aip), ("94", self.afl))

    def _at_start(self, given):
        """Everything in one answer, without an AFL; the cryptogram is over the PDOL's data, AIP, ATC and issuer data."""
        self.state, atc = "done", self.atc.to_bytes(2, "big")
        ac = self._mac(self._session(atc), given + self.aip + atc + self.data["9F10"])
        return self._answer(("82", self.aip), ("57", self.data["57"]), ("5F34", self.data["5F34"]),
                            ("9F10", self.data["9F10"]), ("9F26", ac),
                            ("9F27", bytes([ARQC])), ("9F36", atc), ("9F6C", b"\0\0"))

    def _qvsdc(self, given):
        """EMV Contactless Book C-3: what was personalised for this answer, the cryptogram (version 18), the signature of fDDA."""
        self.state, atc, at, asked = "done", self.atc.to_bytes(2, "big"), 0, {}
        for tag, size in dol(self.data["9F38"]):
            asked[tag], at = given[at:at + size], at + size
        stored = items(self.dgis["9203"])
        aip, qualifiers, iad = dict(stored)["82"], dict(stored)["9F6C"], self.data["9F10"]
        covered = b"".join(asked[tag] for tag in ("9F02", "9F03", "9F1A", "95", "5F2A", "9A", "9C", "9F37"))
        made = [("9F10", iad), ("9F26", self._mac(self._session(atc), covered + aip + atc + iad)), ("9F27", bytes([ARQC])), ("9F36", atc)]
        if aip[0] & 0x20:
            related = b"\x01" + os.urandom(4) + qualifiers
            signed = asked["9F37"] + asked["9F02"] + asked["5F2A"] + related
            made += [("9F69", related), ("9F4B", self._dynamic_signature(b"\x02" + atc, signed[1:] if self.make["forged_second"] else signed))]
        return self._answer(*stored, *made)

    def _get_data(self, p1, p2, _data):
        tag = f"{p1:02X}{p2:02X}"
        known = {"9F36": self.atc.to_bytes(2, "big")}
        if self.pin:
            known["9F17"] = bytes([self.tries])
        if tag not in known or not self.make["get_data"]:
            raise Refused(0x6A88)
        return coded(tag, known[tag])

    def _challenge(self, *_):
        self.challenge = os.urandom(8)
        return self.challenge

    def _deciphered(self, data):
        """The PIN block of EMV Book 2, 7.2: under the PIN key, else under the key for signatures; a challenge counts once."""
        challenge, self.challenge = self.challenge, None
        if not self.pin_key or challenge is None:
            raise Refused(0x6985)
        if len(data) != self.pin_key[1]:
            self.card.complain("length of the enciphered PIN", 0x6700)
        clear = self._sign(self.pin_key, data)
        if clear[0] != 0x7F or clear[9:17] != challenge:
            self.card.complain("enciphered PIN", 0x6984)
        return clear[1:9]

    def _verify(self, p1, p2, data):
        if p1 or p2 not in (0x80, 0x88):
            raise Refused(0x6A86)
        if not self.pin:
            raise Refused(0x6985)
        if self.tries == 0:
            raise Refused(0x6983)
        if p2 == 0x88:
            data = self._deciphered(data)
        if len(data) != 8:
            raise Refused(0x6700)
        text = data.hex().upper()
        if text == f"2{len(self.pin):X}{self.pin}".ljust(16, "F"):
            self.tries = self.limit
            return b""
        self.tries -= 1
        raise Refused(0x63C0 | self.tries)

    def _internal(self, p1, p2, data):
        if not self.key or not self.aip[0] & 0x20 or self.state not in ("first",):
            raise Refused(0x6985)
        if p1 or p2 or len(data) != sum(size for _, size in dol(self.data.get("9F49", bytes.fromhex("9F3704")))):
            self.card.complain("DDOL data", 0x6700)
        signature = self._dynamic_signature(b"\x08" + os.urandom(8), data)
        if self.make["format"] == 1:
            return coded("80", signature)
        return coded("77", coded("9F4B", signature))

    def _issuer_data(self, kind, second):
        """The length byte, key index, version, and the card verification results by the generic scheme: what was done."""
        found = bytearray(self.data["9F10"])
        if len(found) >= 7:
            found[4] = ({TC: 0x40, ARQC: 0x80, AAC: 0x00}[kind]) if second else ({TC: 0x10, ARQC: 0x20, AAC: 0x00}[kind] | 0x80)
        return bytes(found)

    def _generate(self, p1, p2, data):
        second = self.state == "second"
        if self.state not in ("first", "second") or p2:
            self.card.complain("GENERATE AC out of turn", 0x6985)
        wanted = dol(self.data["8D" if second else "8C"])
        if len(data) != sum(size for _, size in wanted):
            self.card.complain("CDOL data", 0x6700)
        given, at = {}, 0
        for tag, size in wanted:
            given[tag], at = data[at:at + size], at + size
        asked, combined = p1 & 0xC0, p1 & 0x10
        if asked == 0xC0 or p1 & 0x2F:
            self.card.complain("P1 of GENERATE AC", 0x6A86)
        if combined and not (self.aip[0] & 1 and self.key):
            raise Refused(0x6985)
        kind = self._decide(asked, second, given)
        if not second:
            self.first_data, self.first = given, data
        atc = self.atc.to_bytes(2, "big")
        session = self._session(atc)
        iad = self._issuer_data(kind, second)
        source = {**self.first_data, **given}
        covered = b"".join(source.get(tag, b"") for tag in ("9F02", "9F03", "9F1A", "95", "5F2A", "9A", "9C", "9F37"))
        ac = self._mac(session, covered + self.aip + atc + iad)
        self.state, self.last = ("done" if second or kind != ARQC else "second"), ac
        if self.state == "done":
            self.ended.append(kind)
        if not combined or kind == AAC:
            return self._answer(("9F27", bytes([kind])), ("9F36", atc), ("9F26", ac), ("9F10", iad))
        return self._combined(kind, atc, ac, iad, given, data if second else b"")

    def _decide(self, asked, second, given):
        if not second:
            return ARQC if asked == TC else asked
        if asked == ARQC:
            self.card.complain("a second ARQC", 0x6985)
        if asked == TC and given.get("8A") not in (b"Y3", b"Z3"):
            sent, session = given.get("91", b""), self._session(self.atc.to_bytes(2, "big"))
            if sent[:4] != self._mac(session, self.last + sent[4:8])[:4]:
                return AAC
        return asked

    def _combined(self, kind, atc, ac, iad, given, later):
        objects = [("9F27", bytes([kind])), ("9F36", atc), ("9F10", iad)]
        whole = self.options + self.first + later + b"".join(coded(tag, value) for tag, value in objects)
        whole += b"?" if later and self.make["forged_second"] else b""
        number = given.get("9F37", self.first_data.get("9F37", b""))
        dynamic = b"\x08" + os.urandom(8) + bytes([kind]) + ac + hashlib.sha1(whole).digest()
        return coded("77", b"".join(coded(t, v) for t, v in objects[:2]) +
                     coded("9F4B", self._dynamic_signature(dynamic, number)) + coded("9F10", iad))
