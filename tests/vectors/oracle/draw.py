# SPDX-License-Identifier: Apache-2.0
"""Random keys, numbers and texts, with a liking for the ends of their ranges."""


class Draw:
    def __init__(self, rng):
        self.rng = rng

    def hex(self, count):
        return bytes(self.rng.randrange(256) for _ in range(count)).hex().upper()

    def digits(self, count):
        return "".join(self.rng.choice("0123456789") for _ in range(count))

    def one(self, *of):
        return self.rng.choice(of)

    def number(self, low, high):
        return self.rng.choice((low, high, self.rng.randint(low, high), self.rng.randint(low, high)))

    def pin(self, length=None):
        return self.digits(length or self.rng.randint(4, 12))

    def pan(self, length=None):
        """Of a test BIN, Luhn-valid."""
        length = length or self.rng.randint(12, 19)
        body = self.one("411111", "555555", "900000") + self.digits(length - 7)
        total = sum(sum(divmod(int(d) * (2 if i % 2 == 0 else 1), 10)) for i, d in enumerate(reversed(body)))
        return body + str(-total % 10)

    def tdes2(self):
        """Parity as it falls; now and then halves that are alike."""
        return self.hex(16) if self.rng.random() < 0.9 else self.hex(8) * 2

    def tdes(self):
        return self.one(self.tdes2(), self.hex(24))

    def aes(self):
        return self.hex(self.one(16, 24, 32))

    def message(self, longest):
        return self.hex(self.one(0, 1, 7, 8, 9, 15, 16, 17, 24, 32, self.rng.randint(0, longest)))

    def counter(self, bits, ones):
        """At a roll-over: few one-bits, or as many as there may be from somewhere on."""
        top = self.rng.randrange(bits)
        many = 0
        for n in range(self.rng.randint(1, ones)):
            many |= 1 << max(top - n, 0)
        few = sum(1 << n for n in self.rng.sample(range(bits), self.rng.randint(1, ones)))
        return self.one(1, many, few, 1 << top)
