# SPDX-License-Identifier: Apache-2.0
"""Random test keys of one virtual branch, and their check values. Nothing here is ever used outside a test."""
import ctypes
import ctypes.util
import os

_crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
for _name in ("EVP_CIPHER_fetch", "EVP_CIPHER_CTX_new"):
    getattr(_crypto, _name).restype = ctypes.c_void_p


def encrypt(cipher, key, data):
    """Whole blocks under a cipher of libcrypto, by its name there; in this process, so no key is in a command line."""
    ctx = ctypes.c_void_p(_crypto.EVP_CIPHER_CTX_new())
    algorithm = ctypes.c_void_p(_crypto.EVP_CIPHER_fetch(None, cipher, None))
    out = ctypes.create_string_buffer(len(data) + 32)
    length = ctypes.c_int(0)
    ok = _crypto.EVP_EncryptInit_ex2(ctx, algorithm, key, None, None) == 1
    _crypto.EVP_CIPHER_CTX_set_padding(ctx, 0)
    ok = ok and _crypto.EVP_EncryptUpdate(ctx, out, ctypes.byref(length), data, len(data)) == 1
    _crypto.EVP_CIPHER_CTX_free(ctx)
    _crypto.EVP_CIPHER_free(algorithm)
    if not ok:
        raise RuntimeError("libcrypto cannot do " + cipher.decode())
    return out.raw[:len(data)]


def _odd_parity(key):
    return bytes((b & 0xFE) | (1 - bin(b >> 1).count("1") % 2) for b in key)


class Key:
    """label, purpose and algorithm as in the configuration, and the value."""

    def __init__(self, label, purpose, algorithm, value=None):
        size = {"tdes2": 16, "aes128": 16, "aes192": 24, "aes256": 32, "generic": 32}[algorithm]
        self.label, self.purpose, self.algorithm = label, purpose, algorithm
        self.value = value or os.urandom(size)
        if algorithm == "tdes2" and value is None:
            self.value = _odd_parity(self.value)

    def kcv(self):
        if self.algorithm == "generic":
            return ""
        cipher = {"tdes2": b"DES-EDE-ECB", "aes128": b"AES-128-ECB", "aes192": b"AES-192-ECB",
                  "aes256": b"AES-256-ECB"}[self.algorithm]
        size = 8 if self.algorithm == "tdes2" else 16
        return encrypt(cipher, self.value, bytes(size))[:3].hex().upper()

    def config(self):
        row = {"label": self.label, "purpose": self.purpose, "algorithm": self.algorithm}
        if self.kcv():
            row["kcv"] = self.kcv()
        return row


def card_master_keys(algorithm):
    """An issuer's keys for cryptograms, script MACs and script data, of AES."""
    return [Key(f"{algorithm}-imk-{part}", "imk-" + part, algorithm) for part in ("ac", "smi", "smc")]


def branch_keys():
    """One key of every purpose; two sets of card keys, SCP02 (TDES) and SCP03 (AES)."""
    card02, card03 = _odd_parity(os.urandom(16)), os.urandom(16)
    keys = [
        Key("dcms-pan", "pan-transport", "aes256"),
        Key("dcms-pin", "pin-transport", "aes256"),
        Key("pan-hash", "pan-hash", "generic"),
        Key("pad-bdk", "bdk", "tdes2"),
        Key("debit-cvk", "cvk", "tdes2"),
        Key("debit-imk-ac", "imk-ac", "tdes2"),
        Key("debit-imk-smi", "imk-smi", "tdes2"),
        Key("debit-imk-smc", "imk-smc", "tdes2"),
    ]
    for part in ("enc", "mac", "dek"):
        keys.append(Key("kmc02-" + part, "kmc-" + part, "tdes2", card02))
        keys.append(Key("kmc03-" + part, "kmc-" + part, "aes128", card03))
    return {k.label: k for k in keys}
