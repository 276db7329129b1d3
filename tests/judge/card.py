# SPDX-License-Identifier: Apache-2.0
"""A GlobalPlatform card as its specification 2.3.1 and the published traces of real cards have it; the make is a set of options."""
import os

from applet import Directory, Payment
from channel import SCPS, TEST_KEY, Refused
from tlv import coded, items

PSE, PPSE = "315041592E5359532E4444463031", "325041592E5359532E4444463031"
RECOGNITION = "06072A864886FC6B01600C060A2A864886FC6B02020301630906072A864886FC6B03640B06092A864886FC6B04{:02X}{:02X}"

DEFAULTS = {
    "atr": "3BF81300008131FE454A434F5076323431B7",
    "t0": False,
    "isd": "A000000151000000",
    "scp": 3, "i": 0x70, "kvn": 0x30,
    "fci": "short",         # long: with the card recognition data; odd: with objects of the maker's own; none
    "store_answer": "",     # what comes with 9000 to STORE DATA
    "paged_status": False,  # GET STATUS one entry at a time, 6310 while there are more
    "cplc": True, "key_info": True,
    "empty_select": True,
    "first_key": True,      # INITIALIZE UPDATE takes key version 00 for whichever is first
    "challenge_aid": "",    # another name than its domain's in the pseudo-random challenge
    "installed": (),        # AIDs that are there from the start, besides
    "package": "A00000000310",
    "contact_ppse": True,
    "install_answer": True,  # the 00 byte of INSTALL; a real card may leave it out
    "store_p1": 0x00,       # bits of P1 that must be set in every STORE DATA
    "forgetful": False,     # anything but STORE DATA ends [for personalization]
    "max_data": 0xFF,       # tag 9F65, and no longer data field is taken
    "state": 0x07,          # of the card's life: 01 OP_READY, 07 INITIALIZED, 0F SECURED
    "auth_sw": 0x9000,      # of EXTERNAL AUTHENTICATE that is right
    "select_sw": 0x9000,    # of the domain; 6283 on a locked card
    "plain_keys": False,    # an application that takes sensitive groupings without the DEK
    "unknown": (),          # groupings the application does not know
    "format": 2,
    "get_data": True,
    "at_start": False,      # the antenna's terminal gets the cryptogram with the processing options
    "aes": 0,               # bits of the application's own keys, 0: TDES
    "kcv": "gp",            # of AES keys: one block of 01 enciphered, or cmac
    "pin_control": 2,       # first digit of the reference PIN block
    "forged_second": False,  # the signature of the second GENERATE AC is over something else
}


class Card:
    def __init__(self, **make):
        self.make = {**DEFAULTS, **make}
        self.atr, self.t0 = bytes.fromhex(self.make["atr"]), self.make["t0"]
        self.isd, self.counter, self.keys = bytes.fromhex(self.make["isd"]), 0, [TEST_KEY] * 3
        self.recognition = coded("73", bytes.fromhex(RECOGNITION.format(self.make["scp"], self.make["i"])))
        # The dates (YDDD) are of digits; the release, serial number and batch are this card's.
        made = bytes.fromhex("4790" "5040" "4791" "8102") + os.urandom(2) + bytes.fromhex("6152") + os.urandom(6)
        self.cplc = made + bytes.fromhex("4812" "6153" "4813" "6154" + "0000" * 9)
        self.tries, self.complaints, self.trace, self.applications = 0, [], [], {}
        for aid in self.make["installed"]:
            self._install(aid)
        self.power()

    def _install(self, aid):
        self.applications[aid] = Directory(aid, self) if aid in (PSE, PPSE) else Payment(aid, self)

    def power(self):
        self.selected, self.target, self.block = None, None, 0
        self.close()
        for application in self.applications.values():
            application.reset()

    def close(self):
        self.channel, self.pending, self.told = None, None, 0

    def complain(self, what, sw):
        self.complaints.append(what)
        raise Refused(sw)

    def command(self, header, data, le):
        """(answer, status word)."""
        channel = self.channel
        try:
            plain, answer = self._dispatch(header, data, le)
            sw = 0x9000
        except Refused as e:
            plain, answer, sw = data, b"", e.sw
        if isinstance(answer, tuple):
            answer, sw = answer
        self.trace.append((header.hex(), len(data), f"{sw:04X}"))
        if channel and self.channel is channel and header[0] & 4:
            answer = channel.wrap_response(header + bytes([len(plain)]) + plain, answer, sw)
        return answer, sw

    def _dispatch(self, header, data, le):
        cla, ins, p1, p2 = header
        if cla & 0x03 or cla & 0x60:
            self.complain("logical channel", 0x6881)
        if len(data) > self.make["max_data"]:
            self.complain(f"{len(data)} bytes of data", 0x6700)
        if (cla, ins) == (0x00, 0xA4):
            return data, self._select(p1, p2, data)
        if cla == 0x80 and ins == 0x50 and self._has_channel():
            return data, self._initialize_update(p1, p2, data)
        if ins == 0x82 and cla == 0x84 and self._has_channel():
            return data, self._external_authenticate(header, data)
        if self.channel and cla & 4:
            try:
                data = self.channel.unwrap(header, data)
            except (Refused, ValueError):
                self.close()
                self.complain("a command that does not verify", 0x6982)
        elif self.channel and ins in (0xE2, 0xE6, 0xE4, 0xD8, 0xF0, 0xF2):
            self.close()
            self.complain("a command without the channel's security", 0x6982)
        if self.make["forgetful"] and ins != 0xE2:
            self.target = None
        if self.selected is not None:
            return data, self._to_application(header, data, le)
        return data, self._to_domain(header, data)

    def _has_channel(self):
        return self.selected is None or not self.selected.personalised

    def _select(self, p1, p2, data):
        if p1 != 0x04 or p2 not in (0x00, 0x02):
            raise Refused(0x6A86)
        self.close()
        self.target = None
        if not data and not self.make["empty_select"]:
            raise Refused(0x6A82)
        if not data or data == self.isd:
            self.selected = None
            return self._fci(), self.make["select_sw"]
        for aid, application in sorted(self.applications.items()):
            if bytes.fromhex(aid).startswith(data) and p2 == 0x00:
                if aid == PPSE and not self.make["contact_ppse"]:
                    continue
                self.selected = application
                return application.select()
        raise Refused(0x6A82)

    def _fci(self):
        kind = self.make["fci"]
        if kind == "none":
            return b""
        proprietary = (self.recognition if kind == "long" else b"") + coded("9F65", bytes([self.make["max_data"]]))
        if kind == "odd":
            proprietary = coded("9F6E", bytes(6)) + coded("DF8101", b"\x84\x00") + coded("BF0C", coded("C7", bytes(130))) + proprietary
        return coded("6F", coded("84", self.isd) + coded("A5", proprietary))

    # ---- the channel ----

    def _initialize_update(self, kvn, p2, data):
        self.close()
        i, number = self.make["i"], self.make["scp"]
        if p2 != 0:
            raise Refused(0x6A86)
        if kvn not in (0, self.make["kvn"]) or (kvn == 0 and not self.make["first_key"]):
            raise Refused(0x6A88)
        if len(data) != (16 if number == 3 and i & 1 else 8):
            raise Refused(0x6700)
        if number == 3:
            self.counter += 1
        channel = SCPS[number](i, self.keys, data, self.counter.to_bytes(2 if number == 2 else 3, "big"))
        aid = self.isd if self.selected is None else bytes.fromhex(self.selected.aid)
        challenge = channel.challenge(bytes.fromhex(self.make["challenge_aid"]) or aid)
        card, host = channel.cryptograms(challenge)
        self.pending = (channel, host)
        head = self.cplc[:10] + bytes([self.make["kvn"], number])
        if number == 2:
            return head + challenge + card
        return head + bytes([i]) + challenge + card + (channel.ssc if i & 0x10 else b"")

    def _external_authenticate(self, header, data):
        if not self.pending:
            raise Refused(0x6985)
        (channel, host), self.pending = self.pending, None
        level, size = header[2], len(host)
        self.tries += 1
        allowed = [0, 1, 3]
        if self.make["i"] & 0x20:
            allowed += [0x10, 0x11, 0x13] if channel.number == 2 else [0x11, 0x13] + [0x33] * (self.make["i"] >> 6 & 1)
        if level not in allowed:
            self.complain(f"security level {level:02X}", 0x6A86)
        if len(data) != 2 * size or data[:size] != host:
            self.complain("host cryptogram", 0x6300)
        try:
            channel.unwrap(header, data)
        except Refused:
            self.complain("MAC of EXTERNAL AUTHENTICATE", 0x6982)
        if self.make["auth_sw"] != 0x9000:
            raise Refused(self.make["auth_sw"])
        if channel.number == 2:
            self.counter += 1
        self.tries -= 1
        self.channel, channel.level, self.block = channel, level, 0
        return b""

    # ---- the domain ----

    def _to_domain(self, header, data):
        _, ins, p1, p2 = header
        if ins == 0xCA:
            return self._get_data(p1 << 8 | p2)
        if ins not in (0xE6, 0xE2, 0xF2, 0xF0):
            raise Refused(0x6D00)
        if not self.channel:
            self.complain("card content without a channel", 0x6982)
        if ins == 0xF2:
            return self._get_status(p1, p2, data)
        if ins == 0xF0:
            return self._set_status(p1, p2)
        return self._install_command(p1, p2, data) if ins == 0xE6 else self._store(header, data)

    def _get_data(self, tag):
        if tag == 0x9F7F and self.make["cplc"]:
            return coded("9F7F", self.cplc)
        if tag == 0x0066 and self.make["fci"] == "long":
            return coded("66", self.recognition)
        if tag == 0x00E0 and self.make["key_info"]:
            kind = b"\x80\x10" if self.make["scp"] == 2 else b"\x88\x10"
            return coded("E0", b"".join(coded("C0", bytes([n, self.make["kvn"]]) + kind) for n in (1, 2, 3)))
        raise Refused(0x6A88)

    def _get_status(self, p1, p2, data):
        if data[:1] != b"\x4f":
            raise Refused(0x6A80)
        found = [aid for aid in self.applications if p1 & 0x40]
        if p1 & 0x80:
            found.append(self.make["isd"])
        if not found:
            raise Refused(0x6A88)
        states = {self.make["isd"]: bytes([self.make["state"]])}
        entries = [coded("E3", coded("4F", bytes.fromhex(a)) + coded("9F70", states.get(a, b"\x07")) + coded("C5", b"\0")) for a in found]
        if not self.make["paged_status"]:
            return b"".join(entries)
        if bool(p2 & 1) != bool(self.told):
            self.complain("the next part of a list that was not asked for, or from the start in the middle of one", 0x6A88)
        entry, self.told = entries[self.told], (self.told + 1) % len(entries)
        return entry, 0x6310 if self.told else 0x9000

    def _set_status(self, p1, p2):
        """Of the card only, one step after the other (GP 5.1.1)."""
        if p1 != 0x80 or p2 not in (0x07, 0x0F):
            raise Refused(0x6A86)
        if p2 != {0x01: 0x07, 0x07: 0x0F}.get(self.make["state"]):
            raise Refused(0x6985)
        self.make["state"] = p2
        return b""

    def _install_command(self, p1, p2, data):
        fields, at = [], 0
        while at < len(data):
            fields.append(data[at + 1:at + 1 + data[at]].hex().upper())
            at += 1 + data[at]
        if p2 != 0 or at != len(data) or len(fields) != 6:
            self.complain("INSTALL is not six fields", 0x6A80)
        if p1 == 0x20:
            application = self.applications.get(fields[2])
            if not application:
                raise Refused(0x6A88)
            if application.personalised:
                raise Refused(0x6985)
            self.target, self.block = application, 0
        elif p1 == 0x0C:
            if fields[0] != self.make["package"]:
                raise Refused(0x6A88)
            if fields[2] in self.applications:
                raise Refused(0x6985)
            tags = [tag for tag, _ in items(bytes.fromhex(fields[4]))] if fields[4] else []
            if "C9" not in tags or len(fields[3]) not in (2, 6):
                self.complain("parameters or privileges of INSTALL", 0x6A80)
            self._install(fields[2])
        else:
            raise Refused(0x6A86)
        return b"\0" if self.make["install_answer"] else b""

    def _store(self, header, data):
        if not self.target:
            self.complain("STORE DATA for no application", 0x6985)
        return self._to_target(self.target, header, data)

    def _to_target(self, application, header, data):
        _, _, p1, p2 = header
        if p2 != self.block & 0xFF:
            self.complain(f"block {p2:02X}, not {self.block & 0xFF:02X}", 0x6A86)
        if self.make["store_p1"] & ~p1:
            self.complain(f"P1 {p1:02X}", 0x6A86)
        self.block += 1
        try:
            application.store(p1, data, self.channel)
            return bytes.fromhex(self.make["store_answer"])
        except (ValueError, IndexError):
            self.complain("data of STORE DATA", 0x6A80)

    def _to_application(self, header, data, le):
        cla, ins = header[0], header[1]
        if ins == 0xE2 and not self.selected.personalised:
            if not self.channel:
                self.complain("STORE DATA without a channel", 0x6985)
            return self._to_target(self.selected, header, data)
        if cla & 4:
            raise Refused(0x6E00)
        return self.selected.command(header, data, le)
