# SPDX-License-Identifier: Apache-2.0
"""Card values: CVV and its kin, CAVV, dCVV, CVC3."""
from des import tdes_encrypt
from modes import retail_mac
from pins import decimal, want


def cvv(key, pan, expiry, service):
    text = pan + expiry + service
    want(text.isdigit() and len(pan) <= 19 and len(expiry) == 4 and len(service) == 3)
    return decimal(retail_mac(key, 1, bytes.fromhex(text.ljust(32, "0"))).hex(), 3)


def cavv(e):
    want(len(e["auth_result"]) == 1 and len(e["second_factor"]) == 2)
    return cvv(bytes.fromhex(e["key"]), e["pan"], e["upn"], e["auth_result"] + e["second_factor"])


def dcvv(mk, e):
    want(len(e["atc"]) == 4)
    return cvv(mk, e["atc"] + e["pan"][4:], e["expiry"], e["service"])


def cvc3(mk, e):
    iv = bytes.fromhex(e["iv"]) if "iv" in e else retail_mac(mk, 2, bytes.fromhex(e["track"]))[-2:]
    x = tdes_encrypt(mk, iv + bytes.fromhex(e["un"]) + bytes.fromhex(e["atc"]))
    return f"{int.from_bytes(x[-2:], 'big'):05d}"[-e.get("digits", 5):]
