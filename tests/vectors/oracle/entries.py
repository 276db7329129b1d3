# SPDX-License-Identifier: Apache-2.0
"""Entries of every algorithm of tests/vectors/README.md, inputs alone: each function gives some of them."""
import modes
import pins


def pin_block_encode(d):
    for length in range(4, 13):
        for form in range(4):
            e = {"format": form, "pin": d.pin(length)}
            if form in (0, 3):
                e["pan"] = d.pan(12 + length % 8)
            if form in (1, 3):
                digits = "ABCDEF" if form == 3 else "0123456789ABCDEF"
                e["fill"] = "".join(d.one(*digits) for _ in range(14 - length))
            yield e
    yield {"format": 0, "pin": d.pin(), "kit": d.digits(d.number(1, 16))}
    yield {"format": d.one(0, 2), "pin": d.one("123", "1234567890123", "12A4", ""), "pan": d.pan()}
    yield {"format": 3, "pin": "1234", "pan": d.pan(), "fill": "AAAAA9AAAAAA"}


def clear_block(d, form):
    pin, pan = d.pin(), d.pan()
    filler = {0: "F", 1: "0123456789ABCDEF", 2: "F", 3: "ABCDEF", 4: "A"}[form]
    block = pins.field(form, pin, "".join(d.one(*filler) for _ in range(14)))
    return pin, pan, block


def pin_block_decode(d):
    """Good ones, and each of them with one nibble changed."""
    for form in (0, 1, 2, 3, 4) * 3:
        pin, pan, block = clear_block(d, form)
        e = {"format": form, "pan": pan}
        if form in (0, 3):
            block = modes.xor(block, pins.account(e))
        text = block.hex().upper() + (d.hex(8) if form == 4 else "")
        yield dict(e, block=text)
        for at in d.rng.sample(range(16), 3):
            yield dict(e, block=text[:at] + d.one(*"0123456789ABCDEF") + text[at + 1:])
    yield {"format": 2, "block": d.hex(7)}


def iso4_encipher(d):
    for length in range(4, 13):
        yield {"key": d.aes(), "pin": d.pin(length), "pan": d.pan(7 + length), "random": d.hex(8)}
    yield {"key": d.hex(16), "pin": "1234", "pan": d.digits(d.number(1, 11)), "random": d.hex(8)}


def iso4_decipher(d):
    for e in iso4_encipher(d):
        block = pins.iso4(bytes.fromhex(e["key"]), e["pin"], e["pan"], bytes.fromhex(e["random"])).hex()
        yield {"key": e["key"], "pan": e["pan"], "block": block}
        yield {"key": e["key"], "pan": d.pan(), "block": block}


def set_pin(d):
    for form in ("v2-ascii-hex", "v2-raw8", "v1-ecb-hex16", "v1-cbc-iv16-raw8", "v1-cbc0-hex16"):
        yield {"form": form, "key": d.hex(d.one(16, 32)), "iv": d.hex(16), "block": d.hex(8)}


def pvv(d):
    for length in range(12, 20):
        yield {"pvk": d.tdes2(), "pan": d.pan(length), "pvki": d.digits(1), "pin": d.pin()}


def few_digits(e):
    """Fewer than four in the cryptogram, one in 2 200: the PVV takes the second pass."""
    tsp = bytes.fromhex(e["pan"][-12:-1] + e["pvki"] + e["pin"])
    return sum(h.isdigit() for h in modes.ecb("tdes", bytes.fromhex(e["pvk"]), tsp).hex()) < 4


def pvv_second_pass(d):
    e = dict(next(pvv(d)), alg="pvv")
    while True:
        e.update(pan=d.pan(16), pin=d.pin(4))
        if few_digits(e):
            return (yield e)


def table(d):
    return d.one("0123456789012345", "1234567890123456", d.digits(16), d.digits(1) * 16, "9876543210987654")


def ibm3624_offset(d):
    for length in range(4, 13):
        yield {"pvk": d.tdes2(), "table": table(d), "vdata": d.hex(8), "pin": d.pin(length)}
    yield {"pvk": d.tdes2(), "table": "012345678901234", "vdata": d.hex(8), "pin": "1234"}


def ibm3624_pin(d):
    for length in range(4, 13):
        yield {"pvk": d.tdes2(), "table": table(d), "vdata": d.hex(8), "offset": d.digits(length)}
    yield {"pvk": d.tdes2(), "table": "012345678901234A", "vdata": d.hex(8), "offset": "1234"}


def cvv(d):
    for length in range(12, 20):
        yield {"cvk": d.tdes2(), "pan": d.pan(length), "expiry": d.one(d.digits(4), "9912", "0001"),
               "service": d.one("000", "999", "101", "201", d.digits(3))}


def cavv(d):
    for length in range(12, 20):
        yield {"key": d.tdes2(), "pan": d.pan(length), "upn": d.digits(4), "auth_result": d.digits(1),
               "second_factor": d.digits(2)}


def card_key(d):
    if d.rng.random() < 0.15:
        return {"mk": d.tdes2()}
    return {"imk": d.tdes2(), "pan": d.pan(), "psn": d.one("00", "01", "99", d.digits(2)), "option": d.one("A", "B")}


def dcvv(d):
    for length in range(12, 20):
        yield {"imk": d.tdes2(), "pan": d.pan(length), "psn": d.digits(2), "option": d.one("A", "B"),
               "expiry": d.digits(4), "service": d.digits(3), "atc": d.one("0000", "9999", d.digits(4))}


def cvc3(d):
    for digits in (1, 2, 3, 4, 5, 5):
        e = dict(card_key(d), un=d.hex(4), atc=d.hex(2), digits=digits)
        e.update({"iv": d.hex(2)} if digits == 2 else {"track": d.hex(d.number(1, 80))})
        yield e


def retail_mac(d):
    for padding in (1, 2, 3) * 3 + (1, 0):
        yield {"key": d.tdes2(), "msg": d.message(300), "padding": padding}
    yield {"key": d.tdes2(), "msg": "", "padding": 1}
    yield {"key": d.tdes2(), "msg": "", "padding": 3}
    yield {"key": d.tdes2(), "msg": d.hex(d.number(513, 4096)), "padding": d.one(1, 2, 3)}


def cbc_mac(d):
    for padding in (1, 2, 3) * 3 + (4,):
        yield {"key": d.tdes(), "msg": d.message(300), "padding": padding}


def cmac(d):
    for _ in range(8):
        yield {"cipher": "aes", "key": d.aes(), "msg": d.message(300)}
        yield {"cipher": "tdes", "key": d.tdes(), "msg": d.message(300)}
    yield {"cipher": "tdes", "key": d.tdes(), "msg": d.hex(d.number(513, 4096))}


def kcv(d):
    for method in ("legacy", "cmac", "gp"):
        yield {"method": method, "cipher": "aes", "key": d.aes()}
        yield {"method": method, "cipher": "tdes", "key": d.tdes()}
    yield {"method": "legacy", "key": d.one(d.hex(8), d.hex(16), d.hex(24))}
    yield {"method": d.one("cmac", "gp"), "key": d.aes()}


def tdes_pad(d):
    ksn = int(d.hex(10), 16) >> 21 << 21 | d.counter(21, 10)
    return {"bdk": d.tdes2(), "ksn": f"{ksn:020X}"}


def dukpt_tdes_transaction_key(d):
    yield from (tdes_pad(d) for _ in range(4))


def dukpt_tdes_pin(d):
    yield from (dict(tdes_pad(d), clear_block=d.hex(8)) for _ in range(6))
    yield {"bdk": d.tdes2(), "ksn": "FFFF9876543210FFFFFF", "clear_block": d.hex(8)}


def dukpt_tdes_mac(d):
    for direction in ("request", "response") * 3:
        yield dict(tdes_pad(d), direction=direction, msg=d.message(100))


def dukpt_tdes_data(d):
    yield from (dict(tdes_pad(d), msg=d.hex(d.number(1, 64))) for _ in range(4))
    yield from (dict(tdes_pad(d), msg=d.hex(d.number(1, 64)), direction=w) for w in ("request", "response", "response"))


def aes_pad(d):
    e = {"bdk": d.aes(), "ikid": d.hex(8), "counter": d.counter(32, 16)}
    return d.one(e, dict(e, bits=d.one(128, 192, 256)))


def dukpt_aes_pin(d):
    for length in range(4, 13):
        yield dict(aes_pad(d), pin=d.pin(length), pan=d.pan(7 + length), random=d.hex(8))
    yield dict(aes_pad(d), counter=0xffffffff, pin="1234", pan=d.pan(), random=d.hex(8))


def dukpt_aes_mac(d):
    yield from (dict(aes_pad(d), msg=d.message(100)) for _ in range(5))


def dukpt_aes_data(d):
    for way in ({}, {"direction": "request"}, {"direction": "response"}):
        yield dict(aes_pad(d), msg=d.hex(16 * d.number(1, 32)), **way)


def emv_icc_mk(d):
    for length in range(12, 20):
        yield {"imk": d.tdes2(), "pan": d.pan(length), "psn": d.digits(2), "option": d.one("A", "B")}
        yield dict(aes_card_key(d), pan=d.pan(length))


def emv_icc_mk_kcv(d):
    yield from emv_icc_mk(d)
    yield {"imk": d.tdes2(), "pan": d.pan(), "option": "B"}
    yield {"imk": d.tdes2(), "pan": d.pan(), "psn": "00", "option": "D"}
    yield aes_card_key(d)


def aes_card_key(d):
    """Option C."""
    return {"imk": d.aes(), "pan": d.pan(), "psn": d.digits(2), "option": "C"}


def aes_session(d):
    return dict(aes_card_key(d), r=d.hex(8))


def session(d):
    kind = d.one("common", "mchip", "visa", "none", "")
    e = card_key(d)
    if kind:
        e["session"] = kind
    if kind in ("common", ""):
        e["r"] = d.one(d.hex(8), d.hex(2) + "000000000000")
    if kind in ("mchip", "visa"):
        e.update(atc=d.hex(2), un=d.hex(4))
    return e


def emv_csk_kcv(d):
    yield from (dict(card_key(d), r=d.hex(8)) for _ in range(6))


def emv_sk_kcv(d):
    yield from (session(d) for _ in range(10))
    yield from (aes_session(d) for _ in range(3))


def emv_arqc(d):
    for _ in range(10):
        e = dict(session(d), data=d.message(120))
        yield d.one(e, dict(e, padding=1), dict(e, padding=2))
    yield from (dict(aes_session(d), data=d.message(120)) for _ in range(4))


def emv_arpc1(d):
    for e in [session(d) for _ in range(6)] + [aes_session(d) for _ in range(2)]:
        yield dict(e, arqc=d.hex(8), arc=d.one("3030", d.hex(2)))


def emv_arpc2(d):
    for length in range(9):
        e = dict(aes_session(d) if length % 3 == 0 else session(d), arqc=d.hex(8), csu=d.hex(4))
        yield dict(e, prop=d.hex(length)) if length else e


def emv_script_mac(d):
    for _ in range(8):
        data = d.hex(d.one(0, 16, 247, d.rng.randint(0, 100)))
        yield dict(session(d), header="84" + d.hex(3) + f"{len(data) // 2 + 8:02X}", context=d.one("", d.hex(10)),
                   data=data)


def emv_pin_change(d):
    for length in range(4, 13):
        for scheme in ("visa", "visa22", "mchip", "ccd"):
            e = {"scheme": scheme, "session": "common", "r": d.hex(8), "imk": d.tdes2(), "pan": d.pan(), "psn": "00",
                 "option": "A", "pin": d.pin(length)}
            if scheme.startswith("visa"):
                e["imk_ac"] = d.tdes2()
                e.update(d.one({}, {"current": d.pin()}))
            yield e
