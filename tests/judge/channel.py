# SPDX-License-Identifier: Apache-2.0
"""GlobalPlatform's secure channels, seen from the card and from the host: SCP02 (card specification 2.3.1, E) and SCP03 (amendment D)."""
import os

from crypto import aes, cbc, cmac, des3, pad80, retail_mac, unpad80

TEST_KEY = bytes.fromhex("404142434445464748494A4B4C4D4E4F")


class Refused(Exception):
    """A status word."""

    def __init__(self, sw):
        super().__init__(f"{sw:04X}")
        self.sw = sw


def well(sw):
    """Answers with an error have no protection."""
    return sw == 0x9000 or sw >> 8 in (0x62, 0x63)


class Scp02:
    """i: 15 random challenge, 55 pseudo-random one, b6 (35, 75) R-MAC."""

    number, block = 2, 8

    def __init__(self, i, keys, host, ssc):
        self.i, self.dek_key, self.host, self.level = i, keys[2], host, 0
        derive = lambda key, constant: cbc(des3, key, bytes(8), constant + ssc + bytes(12))  # noqa: E731
        self.enc, self.mac = derive(keys[0], b"\x01\x82"), derive(keys[1], b"\x01\x01")
        self.rmac, self.dek = derive(keys[1], b"\x01\x02"), derive(keys[2], b"\x01\x81")
        self.ssc, self.chain, self.rchain = ssc, None, None

    def challenge(self, aid):
        """What the card says: its counter and six bytes."""
        return self.ssc + (retail_mac(self.mac, aid)[:6] if self.i & 0x40 else os.urandom(6))

    def _cryptogram(self, data):
        return cbc(des3, self.enc, bytes(8), pad80(data, 8))[-8:]

    def cryptograms(self, challenge):
        """Of the card, of the host."""
        return self._cryptogram(self.host + challenge), self._cryptogram(challenge + self.host)

    def command_mac(self, header, data):
        iv = bytes(8) if self.chain is None else des3(self.mac[:8], self.chain)
        self.chain = retail_mac(self.mac, header + bytes([len(data) + 8]) + data, iv)
        if self.rchain is None:
            self.rchain = self.chain
        return self.chain

    def unwrap(self, header, data):
        body, mac = data[:-8], data[-8:]
        if self.level & 2 and body:
            body = unpad80(cbc(des3, self.enc, bytes(8), body, False))
        if self.command_mac(header, body) != mac:
            raise Refused(0x6982)
        return body

    def wrap(self, header, data):
        mac = self.command_mac(header, data)
        if self.level & 2 and data:
            data = cbc(des3, self.enc, bytes(8), pad80(data, 8))
        return data + mac

    def _response_mac(self, command, data, sw):
        plain = bytes([command[0] & ~7]) + command[1:]
        plain += bytes([len(data) & 0xFF]) + data + sw.to_bytes(2, "big")
        self.rchain = retail_mac(self.rmac, plain, self.rchain)
        return self.rchain

    def wrap_response(self, command, data, sw):
        """command: header, Lc and data without channel security."""
        return data + self._response_mac(command, data, sw) if self.level & 0x10 and well(sw) else data

    def unwrap_response(self, command, data, sw):
        if not self.level & 0x10 or not well(sw):
            return data
        if self._response_mac(command, data[:-8], sw) != data[-8:]:
            raise ValueError("R-MAC")
        return data[:-8]

    def open_sensitive(self, data):
        return des3(self.dek, data, False)

    def seal(self, data):
        return des3(self.dek, data)


class Scp03:
    """i: 10 pseudo-random challenge, 20 R-MAC, 40 R-ENC, 01 the form with 16 bytes."""

    number, block = 3, 16

    def __init__(self, i, keys, host, ssc):
        self.i, self.keys, self.host, self.ssc, self.level = i, keys, host, ssc, 0
        self.size = 16 if i & 1 else 8
        self.chain, self.counter = bytes(16), 0

    @staticmethod
    def kdf(key, constant, context, size):
        out, n = b"", 1
        while len(out) < size:
            out += cmac(key, bytes(11) + bytes([constant, 0]) + (size * 8).to_bytes(2, "big") + bytes([n]) + context)
            n += 1
        return out[:size]

    def challenge(self, aid):
        if self.i & 0x10:
            return self.kdf(self.keys[0], 2, self.ssc + aid, self.size)
        return os.urandom(self.size)

    def cryptograms(self, challenge):
        context = self.host + challenge
        self.enc = self.kdf(self.keys[0], 4, context, len(self.keys[0]))
        self.mac = self.kdf(self.keys[1], 6, context, len(self.keys[1]))
        self.rmac = self.kdf(self.keys[1], 7, context, len(self.keys[1]))
        return self.kdf(self.mac, 0, context, self.size), self.kdf(self.mac, 1, context, self.size)

    def _icv(self, first):
        return aes(self.enc, bytes([first]) + self.counter.to_bytes(15, "big"))

    def command_mac(self, header, data):
        """data as sent."""
        self.chain = cmac(self.mac, self.chain + header + bytes([len(data) + self.size]) + data)
        return self.chain[:self.size]

    def unwrap(self, header, data):
        body, mac = data[:-self.size], data[-self.size:]
        if self.command_mac(header, body) != mac:
            raise Refused(0x6982)
        if self.level:
            self.counter += 1
        if self.level & 2 and body:
            body = unpad80(cbc(aes, self.enc, self._icv(0), body, False))
        return body

    def wrap(self, header, data):
        if self.level:
            self.counter += 1
        if self.level & 2 and data:
            data = cbc(aes, self.enc, self._icv(0), pad80(data, 16))
        return data + self.command_mac(header, data)

    def wrap_response(self, _command, data, sw):
        if not self.level & 0x10 or not well(sw):
            return data
        if self.level & 0x20 and data:
            data = cbc(aes, self.enc, self._icv(0x80), pad80(data, 16))
        return data + cmac(self.rmac, self.chain + data + sw.to_bytes(2, "big"))[:self.size]

    def unwrap_response(self, _command, data, sw):
        if not self.level & 0x10 or not well(sw):
            return data
        data, mac = data[:-self.size], data[-self.size:]
        if cmac(self.rmac, self.chain + data + sw.to_bytes(2, "big"))[:self.size] != mac:
            raise ValueError("R-MAC")
        if self.level & 0x20 and data:
            data = unpad80(cbc(aes, self.enc, self._icv(0x80), data, False))
        return data

    def open_sensitive(self, data):
        return cbc(aes, self.keys[2], bytes(16), data, False)

    def seal(self, data):
        return cbc(aes, self.keys[2], bytes(16), data)


SCPS = {2: Scp02, 3: Scp03}


def host_of(scp, host, answer, keys):
    """The host's end of a channel from the answer to INITIALIZE UPDATE; the card's cryptogram is checked."""
    if answer[11] != scp:
        raise ValueError(f"SCP {answer[11]:02X}")
    if scp == 2:
        channel, challenge, proof = Scp02(0x15, keys, host, answer[12:14]), answer[12:20], answer[20:28]
    else:
        size = 16 if answer[12] & 1 else 8
        challenge, proof, ssc = answer[13:13 + size], answer[13 + size:13 + 2 * size], answer[13 + 2 * size:]
        channel = Scp03(answer[12], keys, host, ssc)
    card, mine = channel.cryptograms(challenge)
    if card != proof:
        raise ValueError("the card's cryptogram")
    return channel, mine


