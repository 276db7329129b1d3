# SPDX-License-Identifier: Apache-2.0
"""A scheme's CA and an issuer's RSA key with its certificate (EMV Book 2, 6.3), made anew for each test."""
import hashlib
import json
import secrets

EXPONENT = 3


def _is_prime(n):
    d, s = n - 1, 0
    while d % 2 == 0:
        d, s = d // 2, s + 1
    for _ in range(12):
        x = pow(secrets.randbelow(n - 3) + 2, d, n)
        if x in (1, n - 1):
            continue
        for _ in range(s - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def _prime(bits):
    """Both upper bits set, and without 3 in p - 1."""
    small = [p for p in range(3, 2000, 2) if all(p % q for q in range(3, int(p ** 0.5) + 1, 2))]
    while True:
        n = secrets.randbits(bits) | 3 << (bits - 2) | 1
        if n % EXPONENT != 1 and all(n % p for p in small) and _is_prime(n):
            return n


class RsaKey:
    def __init__(self, bits):
        self.p, self.q = _prime(bits // 2), _prime(bits // 2)
        self.n, self.len = self.p * self.q, bits // 8
        self.d = pow(EXPONENT, -1, (self.p - 1) * (self.q - 1))
        self.modulus = self.n.to_bytes(self.len, "big")

    def sign(self, block):
        return pow(int.from_bytes(block, "big"), self.d, self.n).to_bytes(self.len, "big")

    def pkcs1(self):
        numbers = (0, self.n, EXPONENT, self.d, self.p, self.q, self.d % (self.p - 1), self.d % (self.q - 1),
                   pow(self.q, -1, self.p))
        return _der(0x30, b"".join(_der(2, n.to_bytes(n.bit_length() // 8 + 1, "big")) for n in numbers))


def _der(tag, value):
    size = bytes([len(value)]) if len(value) < 128 else b"\x82" + len(value).to_bytes(2, "big")
    return bytes([tag]) + size + value


class Issuer:
    """iin: digits; good_until: MMYY. key and ca are RsaKey, a given CA signs; json is hsmd's issuer certificate file."""

    label = "issuer"

    def __init__(self, iin, good_until="1249", bits=1152, ca_bits=1152, index=0x94, ca=None):
        self.key, self.ca, self.index = RsaKey(bits), ca or RsaKey(ca_bits), index
        room, n = self.ca.len - 36, self.key.modulus
        body = bytes([2]) + bytes.fromhex(iin.ljust(8, "F")) + bytes.fromhex(good_until) + b"\0\0\7\1\1" + bytes([self.key.len, 1])
        body += n[:room].ljust(room, b"\xbb")
        digest = hashlib.sha1(body + n[room:] + bytes([EXPONENT])).digest()
        self.certificate = self.ca.sign(b"\x6a" + body + digest + b"\xbc")
        self.remainder = n[room:]

    def json(self):
        return json.dumps({"ca_index": f"{self.index:02X}", "ca_modulus": self.ca.modulus.hex().upper(), "ca_exponent": "03",
                           "certificate": self.certificate.hex().upper(), "remainder": self.remainder.hex().upper(),
                           "exponent": "03"})

    def ca_key(self):
        """As a profile's terminal.ca_keys has it."""
        return {"index": f"{self.index:02X}", "modulus": self.ca.modulus.hex().upper(), "exponent": "03"}

    def config(self):
        kcv = hashlib.sha1(self.key.modulus).digest()[:5].hex().upper()
        return {"label": self.label, "purpose": "issuer-rsa", "algorithm": "rsa", "kcv": kcv}

    @property
    def value(self):
        return self.key.pkcs1()
