# SPDX-License-Identifier: Apache-2.0
"""
A contact terminal from EMV Books 1 to 4 that goes online: application selection, offline data authentication, PIN, two cryptograms.
The issuer at its end has the master keys.
"""
import hashlib
import os

from crypto import aes_master_key, aes_session_key, cmac, emv_session_key, icc_master_key, retail_mac
from tlv import dol, flat, items

PSE = b"1PAY.SYS.DDF01"
DATE = "261122"


class Wrong(Exception):
    """What the card does is not what the books say."""


def need(condition, what):
    if not condition:
        raise Wrong(what)


class Terminal:
    DATA = {"9F02": "000000001250", "9F03": "000000000000", "9F1A": "0356", "95": "0000008000", "5F2A": "0356", "9A": DATE, "9C": "00",
            "9F35": "22", "9F33": "E0F8C8", "9F40": "F000F0A001", "9F21": "101500", "9F34": "000000", "8A": "3030", "9F45": "0000",
            "9F4C": "0000000000000000", "9F09": "0096", "9F66": "36000000"}

    def __init__(self, connection, ca_keys, imk_ac=None, aes=False):
        """ca_keys: index to (modulus, exponent)."""
        self.card, self.ca_keys, self.imk_ac, self.aes = connection, ca_keys, imk_ac, aes
        self.data = {tag: bytes.fromhex(value) for tag, value in self.DATA.items()}

    def ask(self, what, header, data=None, le=0):
        answer, sw = self.card.send(header, data, le)
        need(sw == 0x9000, f"{what}: {sw:04X}")
        return answer

    def filled(self, wanted):
        """EMV Book 3, 5.4."""
        self.data["9F37"] = os.urandom(4)
        out = b""
        for tag, size in dol(wanted):
            value = self.data.get(tag, b"")
            out += (value[-size:].rjust(size, b"\0") if tag.startswith("9F0") else value[:size].ljust(size, b"\0")) if value else bytes(size)
        return out

    # ---- application selection, Book 1 part III ----

    def candidates(self):
        """AIDs of the payment directory by priority; nothing where there is no directory."""
        answer, sw = self.card.send("00A40400", PSE, 0)
        if sw == 0x6A82:
            return []
        need(sw == 0x9000, f"PSE: {sw:04X}")
        fci = dict(flat(answer))
        need(fci.get("84") == PSE and 1 <= fci["88"][0] <= 10, "FCI of the PSE")
        found, record = [], 0
        while True:
            record += 1
            answer, sw = self.card.send(f"00B2{record:02X}{fci['88'][0] << 3 | 4:02X}", None, 0)
            if sw == 0x6A83:
                break
            need(sw == 0x9000, f"record {record} of the PSE: {sw:04X}")
            outer = items(answer)
            need(len(outer) == 1 and outer[0][0] == "70", "a directory record is not one template 70")
            for tag, entry in items(outer[0][1]):
                need(tag == "61", "directory entry")
                entry = dict(items(entry))
                need(5 <= len(entry["4F"]) <= 16 and 1 <= len(entry["50"]) <= 16, "AID or label of an entry")
                found.append((entry.get("87", b"\x0f")[0] & 0x0F, entry["4F"]))
        return [aid for _, aid in sorted(found)]

    def select(self, aid):
        outer = items(self.ask("SELECT", "00A40400", aid))
        need([tag for tag, _ in outer] == ["6F"], "FCI")
        inner = dict(items(outer[0][1]))
        need(inner["84"] == aid and set(inner) == {"84", "A5"}, "DF name")
        self.fci = dict(items(inner["A5"]))
        need(1 <= len(self.fci["50"]) <= 16, "label")
        need(len(self.fci.get("5F2D", b"en")) in (2, 4, 6, 8), "language preference")

    # ---- Book 3 ----

    def _fields(self, answer, lengths):
        """Format 1 by the lengths of its fields, None for the rest; format 2 by tags."""
        (tag, value), *more = items(answer)
        need(not more, "bytes after the template")
        if tag == "77":
            return dict(items(value))
        need(tag == "80", f"template {tag}")
        found, at = {}, 0
        for name, size in lengths:
            found[name], at = value[at:None if size is None else at + size], at + (size or len(value))
        return found

    def initiate(self):
        self.options = self.filled(self.fci.get("9F38", b""))
        answer = self._fields(self.ask("GET PROCESSING OPTIONS", "80A80000", b"\x83" + bytes([len(self.options)]) + self.options),
                              (("82", 2), ("94", None)))
        self.aip, self.afl = answer["82"], answer["94"]
        need(len(self.aip) == 2 and self.afl and len(self.afl) % 4 == 0, "AIP or AFL")

    def read(self):
        self.signed, self.records, seen = b"", {}, set()
        for at in range(0, len(self.afl), 4):
            sfi, first, last, signed = self.afl[at] >> 3, *self.afl[at + 1:at + 4]
            need(self.afl[at] & 7 == 0 and 1 <= sfi <= 30 and 1 <= first <= last and signed <= last - first + 1, "AFL entry")
            for n in range(first, last + 1):
                need((sfi, n) not in seen, "a record twice in the AFL")
                seen.add((sfi, n))
                record = self.ask(f"record {n} of SFI {sfi}", f"00B2{n:02X}{sfi << 3 | 4:02X}")
                self._record(sfi, record, n < first + signed)
        for tag in ("5A", "5F24", "8C", "8D"):
            need(tag in self.records, "mandatory " + tag)

    def _record(self, sfi, record, signed):
        outer = items(record)
        need(sfi > 10 or (len(outer) == 1 and outer[0][0] == "70"), "a record is not one template 70")
        for tag, value in flat(record) if outer[0][0] == "70" else []:
            need(tag not in self.records, f"{tag} twice")
            self.records[tag] = value
        if signed:
            self.signed += outer[0][1] if sfi <= 10 else record

    def restrictions(self):
        """Book 3, 10.4, and what must agree."""
        pan = self.records["5A"].hex().rstrip("f")
        need(self.records["5F24"].hex() > DATE, "expired")
        need(self.records["57"].hex().startswith(pan + "d" + self.records["5F24"].hex()[:4]), "track 2 equivalent")
        need(self.records.get("5F30", b"\x02\x20").hex()[1] in "26", "service code")
        need(len(self.records["8E"]) >= 10 and len(self.records["8E"]) % 2 == 0, "CVM list")
        self.pan, self.psn = pan, self.records.get("5F34", b"\0").hex()

    # ---- offline data authentication, Book 2 ----

    @staticmethod
    def _recovered(key, signature, what):
        n, e = key
        size = (n.bit_length() + 7) // 8
        need(len(signature) == size, f"{what}: {len(signature)} bytes under a key of {size}")
        text = pow(int.from_bytes(signature, "big"), e, n).to_bytes(size, "big")
        need(text[0] == 0x6A and text[-1] == 0xBC, f"{what} does not open")
        return text

    @staticmethod
    def _checked(text, more, what):
        need(hashlib.sha1(text[1:-21] + more).digest() == text[-21:-1], f"hash of {what}")

    def _key(self, text, at, size, rest, exponent, what):
        left = text[at:-21]
        need(len(left) == len(text) - at - 21, what)
        modulus = left[:size] if size <= len(left) else left + rest
        need(len(modulus) == size and (size > len(left) or set(left[size:]) <= {0xBB}), f"modulus of {what}")
        return int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")

    def authenticate(self):
        """The issuer's and the chip's key, then a signature of the chip; what is offered is named."""
        if not self.aip[0] & 0x61:
            return []
        r, done = self.records, []
        text = self._recovered(self.ca_keys[r["8F"][0]], r["90"], "issuer certificate")
        need(text[1] == 2 and text[11] == 1 and text[12] == 1, "form of the issuer certificate")
        self._checked(text, r.get("92", b"") + r["9F32"], "the issuer certificate")
        need(self.pan.startswith(text[2:6].hex().rstrip("f")), "the issuer certificate is for another IIN")
        need(text[7:8] + text[6:7] >= bytes.fromhex(DATE[:4]), "issuer certificate expired")
        need(len(r["9F32"]) == text[14], "length of the issuer exponent")
        issuer = self.issuer = self._key(text, 15, text[13], r.get("92", b""), r["9F32"], "issuer key")
        static = self.signed
        if "9F4A" in r:
            need(r["9F4A"] == b"\x82", "static data tag list")
            static += self.aip
        if self.aip[0] & 0x40:
            text = self._recovered(issuer, r["93"], "signed static data")
            need(text[1] == 3 and text[2] == 1 and set(text[5:-21]) <= {0xBB}, "form of the signed static data")
            self._checked(text, static, "the signed static data")
            self.data["9F45"] = text[3:5]
            done.append("sda")
        if self.aip[0] & 0x21:
            text = self._recovered(issuer, r["9F46"], "chip certificate")
            need(text[1] == 4 and text[17] == 1 and text[18] == 1, "form of the chip certificate")
            need(text[2:12].hex().rstrip("f") == self.pan, "the chip certificate is for another card")
            need(text[13:14] + text[12:13] >= bytes.fromhex(DATE[:4]), "chip certificate expired")
            self._checked(text, r.get("9F48", b"") + r["9F47"] + static, "the chip certificate")
            need(len(r["9F47"]) == text[20], "length of the chip's exponent")
            self.icc = self._key(text, 21, text[19], r.get("9F48", b""), r["9F47"], "chip key")
        if self.aip[0] & 0x20:
            sent = self.filled(r.get("9F49", bytes.fromhex("9F3704")))
            need("9F37" in dict(dol(r.get("9F49", bytes.fromhex("9F3704")))), "DDOL without an unpredictable number")
            answer = self._fields(self.ask("INTERNAL AUTHENTICATE", "00880000", sent), (("9F4B", None),))
            text = self._recovered(self.icc, answer["9F4B"], "dynamic signature")
            need(text[1] == 5 and text[2] == 1 and text[3] == text[4] + 1, "form of the dynamic signature")
            self._checked(text, sent, "the dynamic signature")
            done.append("dda")
        return done + ["cda"] * (self.aip[0] & 1)

    # ---- PIN and cryptograms ----

    def pin(self, digits):
        """Status word of VERIFY."""
        block = bytes.fromhex(f"2{len(digits):X}{digits}".ljust(16, "F"))
        return self.card.send("00200080", block)[1]

    def _pin_key(self):
        """Book 2, 7.1: the card's key for PINs, else the one for signatures."""
        r = self.records
        if "9F2D" not in r:
            return self.icc
        text = self._recovered(self.issuer, r["9F2D"], "PIN certificate")
        need(text[1] == 4 and text[2:12].hex().rstrip("f") == self.pan and text[18] == 1, "form of the PIN certificate")
        self._checked(text, r.get("9F2F", b"") + r["9F2E"], "the PIN certificate")
        need(len(r["9F2E"]) == text[20], "length of the PIN exponent")
        return self._key(text, 21, text[19], r.get("9F2F", b""), r["9F2E"], "PIN key")

    def enciphered_pin(self, digits):
        """Status word of VERIFY, Book 2, 7.2."""
        n, e = self._pin_key()
        size = (n.bit_length() + 7) // 8
        clear = b"\x7f" + bytes.fromhex(f"2{len(digits):X}{digits}".ljust(16, "F")) + self.ask("GET CHALLENGE", "00840000")
        need(len(clear) == 17, "challenge")
        clear += os.urandom(size - len(clear))
        return self.card.send("00200088", pow(int.from_bytes(clear, "big"), e, n).to_bytes(size, "big"))[1]

    def generate(self, kind, second=False, combined=False):
        wanted = self.records["8D" if second else "8C"]
        sent = self.filled(wanted)
        answer = self._fields(self.ask("GENERATE AC", f"80AE{kind | (0x10 if combined else 0):02X}00", sent),
                              (("9F27", 1), ("9F36", 2), ("9F26", 8), ("9F10", None)))
        self.sent = (self.sent if second else b"") + sent
        if not second:
            self.first = dict(self.data)
        if "9F4B" in answer:
            self._combined(answer)
        need(set("9F27 9F36 9F26 9F10".split()) <= set(answer), "members of the answer to GENERATE AC")
        need(combined == ("9F4B" in answer) or answer["9F27"][0] & 0xC0 == 0, "no combined signature")
        return answer

    def _combined(self, answer):
        text = self._recovered(self.icc, answer["9F4B"], "combined signature")
        need(text[1] == 5 and text[2] == 1, "form of the combined signature")
        self._checked(text, self.data["9F37"], "the combined signature")
        at = 5 + text[4]
        need(text[3] == text[4] + 1 + 29 and text[at:at + 1] == answer["9F27"], "CID in the combined signature")
        covered = b"".join(bytes.fromhex(tag) + bytes([len(value)]) + value for tag, value in answer.items() if tag != "9F4B")
        need(hashlib.sha1(self.options + self.sent + covered).digest() == text[at + 9:at + 29], "transaction data hash")
        answer["9F26"] = text[at + 1:at + 9]

    def cryptogram(self, answer):
        """What the issuer computes: cryptogram version 18, or 6 of the common core definitions."""
        if self.aes:
            session = aes_session_key(aes_master_key(self.imk_ac, self.pan, self.psn), answer["9F36"])
        else:
            session = emv_session_key(icc_master_key(self.imk_ac, self.pan, self.psn), answer["9F36"])
        covered = b"".join(self.first[tag] for tag in ("9F02", "9F03", "9F1A", "95", "5F2A", "9A", "9C", "9F37"))
        return session, self.mac(session, covered + self.aip + answer["9F36"] + answer["9F10"])

    def mac(self, session, data):
        return cmac(session, data)[:8] if self.aes else retail_mac(session, data)

    def transaction(self, aid, pin=None):
        """Everything; what was seen on the way."""
        candidates = self.candidates()
        need(not candidates or aid in candidates, "the directory does not name the application")
        self.select(aid)
        self.initiate()
        self.read()
        self.restrictions()
        done = self.authenticate()
        need(pin is None or self.pin(pin) == 0x9000, "VERIFY")
        if pin is not None and any(rule & 0x3F in (4, 5) for rule in self.records["8E"][8::2]):
            wrong = str(int(pin[0]) ^ 1) + pin[1:]
            need(self.enciphered_pin(wrong) & 0xFFF0 == 0x63C0 and self.enciphered_pin(pin) == 0x9000, "enciphered VERIFY")
        answer = self.generate(0x80, combined="cda" in done)
        need(answer["9F27"][0] & 0xC0 == 0x80, "no ARQC")
        session, expected = self.cryptogram(answer)
        need(answer["9F26"] == expected, "the ARQC is not the issuer's")
        status = b"\x00\x82\x00\x00"
        self.data["91"] = self.mac(session, expected + status)[:4] + status
        end = self.generate(0x40, second=True, combined="cda" in done)
        need(end["9F27"][0] & 0xC0 == 0x40, "the issuer's answer was refused")
        return {"offline": done, "atc": int.from_bytes(answer["9F36"], "big"), "directory": bool(candidates)}
