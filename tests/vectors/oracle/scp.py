# SPDX-License-Identifier: Apache-2.0
"""GlobalPlatform secure channels, both sides of them: SCP02 (Card Specification, annex E), SCP03 (Amendment D)."""
from des import des_encrypt, tdes_encrypt
from modes import cbc, cbc_back, cbc_mac, cmac, ecb, pad, retail_mac, xor

C_ENC, R_MAC, R_ENC = 0x02, 0x10, 0x20


def kdf(key, constant, context, length):
    out = b""
    for n in (1, 2):
        out += cmac("aes", key, bytes(11) + bytes([constant, 0]) + (8 * length).to_bytes(2, "big") + bytes([n]) +
                    context)
    return out[:length]


def challenge03(enc, sequence, aid, length):
    return kdf(enc, 2, sequence + aid, length)


def diversify(how, kmc, kdd, n):
    """The n-th key of a card."""
    if how == "kdf3":
        rounds = [cmac("aes", kmc, bytes([i, 0, 0, 0, n, 0]) + kdd) for i in (1, 2)]
        return b"".join(rounds)[:len(kmc)]
    six = kdd[4:10] if how == "emv" else kdd[:2] + kdd[4:8]
    return ecb("tdes", kmc, six + bytes([0xf0, n]) + six + bytes([0x0f, n]))


def split(apdu):
    """Header, data, Le."""
    if len(apdu) <= 5:
        return apdu[:4], b"", apdu[4:]
    return apdu[:4], apdu[5:5 + apdu[4]], apdu[5 + apdu[4]:]


class Scp02:
    def __init__(self, keys, host, card):
        enc, mac, dek = keys
        derived = lambda key, constant: cbc("tdes", key, bytes(8), constant.to_bytes(2, "big") + card[:2] + bytes(12))
        self.enc, self.mac, self.rmac = derived(enc, 0x182), derived(mac, 0x101), derived(mac, 0x102)
        self.host, self.card, self.chain, self.level, self.length = host, card, None, 0, 8
        self.rchain = None

    def cryptogram(self, of_card):
        return cbc_mac(self.enc, 2, self.host + self.card if of_card else self.card + self.host)

    def mac_of(self, key, icv, data):
        padded = pad(2, data)
        return retail_mac(key, 1, xor(padded[:8], icv) + padded[8:])

    def wrap(self, apdu):
        header, data, le = split(apdu)
        icv = bytes(8) if self.chain is None else des_encrypt(self.mac[:8], self.chain)
        header = bytes([header[0] & 0xfc | 0x04]) + header[1:]
        self.chain = self.mac_of(self.mac, icv, header + bytes([len(data) + 8]) + data)
        self.rchain = self.rchain or self.chain
        if self.level & C_ENC and data:
            data = cbc("tdes", self.enc, bytes(8), pad(2, data))
        return header + bytes([len(data) + 8]) + data + self.chain + le

    def answer(self, apdu, data, status):
        """The card's response to a command."""
        if not self.level & R_MAC:
            return data + status
        header, sent, _ = split(apdu)
        plain = bytes([header[0] & 0xf8]) + header[1:] + bytes([len(sent)]) + sent
        self.rchain = self.mac_of(self.rmac, self.rchain, plain + bytes([len(data)]) + data + status)
        return data + self.rchain + status


class Scp03:
    def __init__(self, keys, host, card):
        enc, mac, _ = keys
        self.length, self.context = len(host), host + card
        self.enc, self.mac, self.rmac = (kdf(key, constant, self.context, len(key))
                                         for key, constant in ((enc, 4), (mac, 6), (mac, 7)))
        self.chain, self.level, self.counter = bytes(16), 0, 0

    def cryptogram(self, of_card):
        return kdf(self.mac, 0 if of_card else 1, self.context, self.length)

    def icv(self, first):
        return ecb("aes", self.enc, bytes([first]) + bytes(11) + self.counter.to_bytes(4, "big"))

    def wrap(self, apdu):
        header, data, le = split(apdu)
        if self.level:
            self.counter += 1
        if self.level & C_ENC and data:
            data = cbc("aes", self.enc, self.icv(0), pad(2, data, 16))
        header = bytes([header[0] & 0xfc | 0x04]) + header[1:]
        lc = bytes([len(data) + self.length])
        self.chain = cmac("aes", self.mac, self.chain + header + lc + data)
        return header + lc + data + self.chain[:self.length] + le

    def answer(self, apdu, data, status):
        if not self.level & R_MAC:
            return data + status
        if self.level & R_ENC and data:
            data = cbc("aes", self.enc, self.icv(0x80), pad(2, data, 16))
        return data + cmac("aes", self.rmac, self.chain + data + status)[:self.length] + status

    def open(self, response):
        """Data in clear of a response with its status."""
        data = response[:-2 - self.length] if self.level & R_MAC else response[:-2]
        if self.level & R_ENC and data:
            data = cbc_back("aes", self.enc, self.icv(0x80), data).rstrip(b"\0")[:-1]
        return data


def channel_of(e):
    keys = [bytes.fromhex(e[name]) for name in ("enc", "mac", "dek")]
    response, host = bytes.fromhex(e["response"]), bytes.fromhex(e["host"])
    at = 12 if response[11] == 2 else 13
    return (Scp02 if response[11] == 2 else Scp03)(keys, host, response[at:at + len(host)])


def channel(e):
    """EXTERNAL AUTHENTICATE, each wrapped command, each answer in clear."""
    s = channel_of(e)
    out = s.wrap(bytes([0x80, 0x82, e["level"], 0, s.length]) + s.cryptogram(False))
    s.level = e["level"]
    for c in e["commands"]:
        out += s.wrap(bytes.fromhex(c["plain"]))
        if "response" in c:
            r = bytes.fromhex(c["response"])
            out += s.open(r) if isinstance(s, Scp03) else r[:-10] if s.level & R_MAC else r[:-2]
    return out.hex()
