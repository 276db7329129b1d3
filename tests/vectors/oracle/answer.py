# SPDX-License-Identifier: Apache-2.0
"""What an entry of a file of vectors must give."""
import cards
import dukpt
import emv
import forms
import keyblock
import modes
import pins
import scp
from pins import Refused, want

REJECT = "REJECT"


def raw(e, name):
    return bytes.fromhex(e[name])


def kcv(e):
    method, key = e["method"], raw(e, "key")
    named = e.get("cipher") or ("tdes" if method == "legacy" and len(key) < 32 else "aes")
    return modes.kcv(named, key, method)


def mac(function, e):
    want(e["padding"] in (1, 2, 3))
    return function(raw(e, "key"), e["padding"], raw(e, "msg"))


def aes_dukpt_key(e, usage):
    want(1 <= e["counter"] < 1 << 32 and bin(e["counter"]).count("1") <= 16)
    return dukpt.aes_working_key(raw(e, "bdk"), raw(e, "ikid"), e["counter"], usage, e.get("bits", 128))


def direction(e):
    """Of data: from the pad, unless told."""
    return e.get("direction", "request")


def ksn(e):
    value = raw(e, "ksn")
    want(len(value) == 10)
    counter = int.from_bytes(value, "big") & 0x1fffff
    want(counter != 0 and bin(counter).count("1") <= 10)
    return value


def gp_card_key(e):
    want(e["how"] in ("visa2", "emv", "kdf3") and e["n"] in (1, 2, 3) and len(e["kdd"]) == 20)
    return scp.diversify(e["how"], raw(e, "kmc"), raw(e, "kdd"), e["n"])


def gp_diversify(e):
    """Published as the check values of all three keys."""
    named = "aes" if e["how"] == "kdf3" else "tdes"
    return b"".join(modes.kcv(named, gp_card_key(dict(e, n=n)), "gp")[:3] for n in (1, 2, 3))


ALGORITHMS = {
    "pin_block_encode": pins.encode,
    "pin_block_decode": pins.decode,
    "iso4_encipher": lambda e: pins.iso4(raw(e, "key"), e["pin"], e["pan"], raw(e, "random")),
    "iso4_decipher": lambda e: pins.iso4_back(raw(e, "key"), e["pan"], raw(e, "block")),
    "set_pin": forms.seal,
    "pvv": pins.pvv,
    "ibm3624_offset": pins.ibm3624_offset,
    "ibm3624_pin": pins.ibm3624_pin,
    "cvv": lambda e: cards.cvv(raw(e, "cvk"), e["pan"], e["expiry"], e["service"]),
    "cavv": cards.cavv,
    "dcvv": lambda e: cards.dcvv(emv.mk_of(e), e),
    "cvc3": lambda e: cards.cvc3(emv.mk_of(e), e),
    "retail_mac": lambda e: mac(modes.retail_mac, e),
    "cbc_mac": lambda e: mac(modes.cbc_mac, e),
    "cmac": lambda e: modes.cmac(e["cipher"], raw(e, "key"), raw(e, "msg")),
    "kcv": kcv,
    "dukpt_tdes_transaction_key": lambda e: dukpt.transaction_key(raw(e, "bdk"), ksn(e)),
    "dukpt_tdes_pin": lambda e: dukpt.tdes_pin(raw(e, "bdk"), ksn(e), raw(e, "clear_block")),
    "dukpt_tdes_mac": lambda e: dukpt.tdes_mac(raw(e, "bdk"), ksn(e), e["direction"], raw(e, "msg")),
    "dukpt_tdes_data": lambda e: dukpt.tdes_data(raw(e, "bdk"), ksn(e), direction(e), raw(e, "msg")),
    "dukpt_aes_pin": lambda e: pins.iso4(aes_dukpt_key(e, dukpt.PIN), e["pin"], e["pan"], raw(e, "random")),
    "dukpt_aes_mac": lambda e: modes.cmac("aes", aes_dukpt_key(e, dukpt.MAC), raw(e, "msg")),
    "dukpt_aes_data": lambda e: modes.cbc("aes", aes_dukpt_key(e, dukpt.DATA[direction(e)]), bytes(16), raw(e, "msg")),
    "tr31_unwrap": lambda e: keyblock.unwrap(raw(e, "kbpk"), e["block"]),
    "emv_icc_mk": emv.mk_of,
    "emv_icc_mk_kcv": lambda e: modes.kcv(emv.named(e), emv.mk_of(e), "legacy"),
    "emv_csk_kcv": lambda e: modes.kcv(emv.named(e), emv.session_key(e), "legacy"),
    "emv_sk_kcv": lambda e: modes.kcv(emv.named(e), emv.session_key(e), "legacy"),
    "emv_arqc": emv.arqc,
    "emv_arpc1": emv.arpc1,
    "emv_arpc2": emv.arpc2,
    "emv_script_mac": emv.script_mac,
    "emv_pin_change": emv.pin_change,
    "scp_channel": scp.channel,
    "gp_card_key": gp_card_key,
    "gp_diversify": gp_diversify,
}


def answer(e):
    """Hex, digits or Base64; REJECT where the entry is to be refused."""
    try:
        value = ALGORITHMS[e["alg"]](e)
    except Refused:
        return REJECT
    value = value.hex() if isinstance(value, bytes) else value
    return value if e["alg"] == "set_pin" else value.upper()


def published(e):
    """What a file says: a whole channel has it in pieces."""
    if e["alg"] == "scp_channel" and "expect" not in e:
        return e["external_authenticate"] + "".join(c["wrapped"] + c.get("clear", "") for c in e["commands"])
    return "".join(e["expect"]) if e["alg"] == "gp_diversify" else e["expect"]


def agrees(e):
    """Is what the file says what comes out here? It may be the beginning of the value."""
    expected = published(e) if e["alg"] == "set_pin" else published(e).upper()
    return answer(e)[:len(expected)] == expected
