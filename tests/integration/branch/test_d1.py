#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Thales D1 beside a branch: card data sealed to us, orders of many, and what D1 reads in what we seal. The other side's
key work is done by Debian's jose, which shares nothing with hsmd."""
import json
import os
import shutil
import socket
import subprocess
import tempfile

from scenario import HERE, Scenario, main
from cardmath import cvv

CENTRAL = {"central": "d1", "d1_channel": "CENTRAL", "d1_product": "CLASSIC_CENTRAL", "d1_emv_config": "VISA_01",
           "d1_cv_key_index": 2, "d1_pv_key_index": 3, "d1_derivation_key_index": 4, "d1_oda_key_index": 5}
PLAIN = {**CENTRAL, "d1_tracks": "verbatim"}
MODEL_2 = {**CENTRAL, "d1_tracks": "pattern", "d1_track_pattern": "000|pvv|00|cvv|0", "d1_emv_data": "model2.txt"}
EMV = "82 02 3900\n94 04 08010100\n9F07 02 FF80 8C 03 9F0206\n"


def jose(*argv, text=""):
    done = subprocess.run(["jose", *argv], input=text, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, f"jose {argv}: {done.stderr}"
    return done.stdout


def luhn(digits):
    total = sum(sum(divmod(int(c) * (2 - i % 2), 10)) for i, c in enumerate(reversed(digits)))
    return digits + str(-total % 10)


def tlv(data):
    """{tag: value} of hex BER-TLV with short lengths."""
    found = {}
    while data:
        n = 4 if int(data[:2], 16) & 0x1f == 0x1f else 2
        length = 2 * int(data[n:n + 2], 16)
        found[data[:n]] = data[n + 2:n + 2 + length]
        data = data[n + 2 + length:]
    return found


class D1Cards(Scenario):
    stock = {"CLASSIC": 7}
    profiles = tempfile.mkdtemp(prefix="cw-d1-")
    options = {"d1": True, "config": {"profile_dir": profiles, "d1": {"poll_min_ms": 300, "poll_max_ms": 900, "batch_max": 4, "batch_wait_ms": 8000},
                                      "products": {"71": PLAIN, "72": MODEL_2}}}

    @classmethod
    def setUpClass(cls):
        shutil.copytree(os.path.join(HERE, "../../../config/profiles"), cls.profiles, dirs_exist_ok=True)
        with open(os.path.join(cls.profiles, "model2.txt"), "w") as out:
            out.write(EMV)
        super().setUpClass()
        cls.branch.d1.sim("POST", "/config", {"keep_sent": True})

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.profiles)

    def setUp(self):
        self.branch.d1.faults()
        self.branch.d1.sim("POST", "/config", {"dedup": True, "echo_request_id": True})

    def tearDown(self):
        super().tearDown()
        self.assertEqual(self.branch.d1.state()["double_orders"], 0)

    # ---- what the issuer does ----

    def sealed(self, name, **clear):
        """A file with this, sealed to us by jose."""
        clear = {"pan": luhn("608040777%06d" % int(name[-2:])), "exp": "3012", "name": "ANNE EXAMPLE", **clear}
        template = json.dumps({"protected": {"alg": "ECDH-ES", "enc": "A256GCM", "kid": "own-1"}})
        plain = self.branch._write(f"jwe/{name}.json", json.dumps(clear))
        text = jose("jwe", "enc", "-i", template, "-I", plain, "-k", self.branch.d1.own_jwk, "-c", "-o", "-")
        return self.branch._write(f"jwe/{name}.jwe", text.strip() + "\n"), clear

    def rows_file(self, name, rows):
        return self.branch._write(f"jwe/{name}.rows", json.dumps({"cards": rows}))

    def row(self, card, **more):
        path, clear = self.sealed(card)
        with open(path) as f:
            return {"card": card, "plastic_code": "71", "jwe": f.read().strip(), **more}, clear

    def ordered(self, card):
        """Orders of the card as D1 got them, opened by jose: [(order, clear)]."""
        found = []
        for o in self.branch.d1.state()["orders"]:
            if o["cardId"] == card:
                sent = json.loads(o["sent"])
                jwe = self.branch._write("jwe/sent.jwe", sent["encryptedData"])
                found.append((sent, json.loads(jose("jwe", "dec", "-i", jwe, "-k", self.branch.d1.card_jwk))))
        return found

    # ---- the tests ----

    def test_1_sealed_to_us(self):
        """Masked fields are all anybody sees; what is not for our key or no card is refused in a sentence."""
        path, clear = self.sealed("open-01")
        told = self.branch.cli("d1", "open", path)
        self.assertEqual(told, {"masked_pan": "608040XXXXXX" + clear["pan"][-4:], "expiry": "3012", "name": "ANNE EXAMPLE",
                                "tracks": False, "emv_data": False})
        self.assertNotIn(clear["pan"], self.operator("d1", "open", path).stdout)
        bad, _ = self.sealed("open-02", pan="6080407770000029")
        said = self.operator("d1", "open", bad, code=2)
        self.assertNotIn("6080407770000029", said.stdout + said.stderr)
        self.operator("d1", "open", self.branch._write("jwe/cut.jwe", "a.b.c"), code=2)
        self.operator("d1", "open", self.branch.path("jwe/none.jwe"), code=1)

    def test_2_model_2_as_d1_reads_it(self):
        """Tracks by pattern, key indexes, and a prepared EMV data set: sealed by us, opened by jose."""
        path, clear = self.sealed("m2-03", pvv="4711")
        self.operator("d1", "order", "--from-jwe", path, "m2-03", "72")
        (sent, card), = self.ordered("m2-03")
        self.assertEqual(sent["paymentApplication"], {"config": "VISA_01", "odaKeyIndex": 5, "derivationKeyIndex": 4,
                                                      "cvKeyIndex": 2, "pvKeyIndex": 3})
        self.assertEqual((sent["distributionChannel"], sent["cardProductId"], sent["services"]["issuance"]),
                         ("CENTRAL", "CLASSIC_CENTRAL", "CREATION"))
        pan = clear["pan"]
        value = cvv(self.branch.keys["debit-cvk"].value, pan, "3012", "220")
        data = f"000471100{value}0"
        self.assertEqual(card["trackData"]["track2"], f"{pan}=3012220{data}")
        self.assertEqual(card["trackData"]["track1"].split("^")[0], "B" + pan)
        self.assertEqual(card["trackData"]["track1"].split("^")[2], f"3012220{data}")
        self.assertEqual((card["pan"], card["exp"], card["cvv1"], card["pvv"]), (pan, "3012", value, "4711"))
        emv = tlv(card["emvData"])
        self.assertEqual((emv["82"], emv["94"], emv["9F07"], emv["8C"]), ("3900", "08010100", "FF80", "9F0206"))
        self.assertEqual((emv["5A"], emv["5F24"], emv["5F34"]), (pan, "301231", "00"))
        self.assertEqual(bytes.fromhex(emv["5F20"]).decode(), card["encodedName"])
        without, _ = self.sealed("m2-04")  # the pattern wants a PVV
        self.assertIn("pvv", self.operator("d1", "order", "--from-jwe", without, "m2-04", "72", code=2).stderr)
        self.assertEqual(self.ordered("m2-04"), [])

    def test_3_tracks_verbatim(self):
        """The issuer's own tracks are loaded as they are, without a data set or a value of ours."""
        pan = luhn("608040777000005")
        tracks = {"track1": f"B{pan}^EXAMPLE/ANNE^30122011234567", "track2": f"{pan}=30122011234567"}
        path, _ = self.sealed("vb-05", pan=pan, trackData=tracks)
        self.operator("d1", "order", "--from-jwe", path, "vb-05", "71")
        (_, card), = self.ordered("vb-05")
        self.assertEqual({k: card["trackData"][k] for k in tracks}, tracks)
        self.assertNotIn("emvData", card)
        self.operator("d1", "order", "--from-jwe", path, "vb-05", "71")  # the same again: there already
        self.assertEqual(len(self.ordered("vb-05")), 1)

    def batch(self, first, count, **more):
        rows = [self.row(f"b-{first + i}", plastic_code="71", **more)[0] for i in range(count)]
        return rows, [r["card"] for r in rows]

    def test_4_a_file_of_orders(self):
        """Checked in whole before anything is sent; one D1 refuses does not hold up the others."""
        rows, cards = self.batch(10, 4)
        wrong = [dict(r) for r in rows]
        wrong[2]["plastic_code"] = "99"
        self.assertIn("card 3", self.operator("d1", "order", "--file", self.rows_file("w", wrong), code=2).stderr)
        wrong = [dict(r) for r in rows]
        wrong[3]["jwe"] = wrong[3]["jwe"][:-5] + "AAAAA"
        self.assertIn("card 4", self.operator("d1", "order", "--file", self.rows_file("w", wrong), code=2).stderr)
        for bad in (rows + [rows[0]], [{**rows[0], "issuance": "RENEWAL"}]):
            self.operator("d1", "order", "--file", self.rows_file("w", bad), code=2)
        for bad in ([], rows + [{"kit": "1"}], [{**rows[0], "pan": "1"}], [{"card": 1}]):
            self.operator("d1", "order", "--file", self.rows_file("w", bad), code=2)
        same, _ = self.row("x-10")
        self.assertIn("same card number", self.operator("d1", "order", "--file", self.rows_file("w", rows + [same]), code=1).stderr)
        self.assertEqual([self.ordered(c) for c in cards + ["x-10"]], [[]] * 5)
        self.branch.d1.sim("POST", "/config", {"refuse_cards": [cards[1]]})
        done = json.loads(self.operator("--json", "d1", "order", "--file", self.rows_file("p", rows), code=1).stdout)
        self.assertEqual([c["outcome"] for c in done["cards"]], ["ordered", "refused", "ordered", "ordered"])
        self.assertEqual([len(self.ordered(c)) for c in cards], [1, 0, 1, 1])
        self.branch.d1.sim("POST", "/config", {"refuse_cards": []})
        done = self.branch.cli("d1", "order", "--file", self.rows_file("p", rows))
        self.assertEqual([c["confirmed"] for c in done["cards"]], [True, False, True, True])
        self.assertEqual([len(self.ordered(c)) for c in cards], [1] * 4)
        self.assertEqual({o["batch"] for o in self.branch.d1.state()["orders"] if o["cardId"] in cards[:1]}, {1})

    def post(self, body):
        """The status of POST /v1/d1/orders."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.branch.path("run/control.sock"))
            text = json.dumps(body).encode()
            s.sendall(b"POST /v1/d1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                      b"Content-Length: %d\r\n\r\n%s" % (len(text), text))
            return int(s.makefile("rb").readline().split()[1])

    def test_4b_pieces_follow_each_other(self):
        """What was begun and not ended joins no other order, and nothing of an order is left out unseen."""
        rows, cards = self.batch(40, 3)
        piece = {"batch": "left", "offset": 0, "cards": rows[:1], "more": True}
        self.assertEqual(self.post({**piece, "offset": 1}), 409)
        self.assertEqual(self.post({k: v for k, v in piece.items() if k != "offset"}), 400)
        self.assertEqual(self.post(piece), 200)
        self.assertEqual(self.post({**piece, "offset": 2, "cards": rows[2:], "more": False}), 409)
        self.assertEqual(self.post({**piece, "batch": "other", "offset": 1, "cards": rows[1:2], "more": False}), 409)
        self.assertEqual(self.post({**piece, "cards": rows[1:2], "more": False}), 200)
        self.assertEqual([len(self.ordered(c)) for c in cards], [0, 1, 0])

    def test_5_the_answer_of_a_file_is_lost(self):
        """Each order once, with neither idempotency nor an echo of the request id to lean on."""
        self.branch.d1.sim("POST", "/config", {"dedup": False, "echo_request_id": False})
        self.branch.d1.faults({"call": "batch", "drop": "after"})
        rows, cards = self.batch(20, 3)
        done = self.branch.cli("d1", "order", "--file", self.rows_file("l", rows))
        self.assertEqual([(c["outcome"], c["confirmed"]) for c in done["cards"]], [("ordered", True)] * 3)
        self.assertEqual([len(self.ordered(c)) for c in cards], [1] * 3)
        self.branch.d1.faults({"call": "batch", "drop": "before"})
        rows, cards = self.batch(30, 3)
        done = self.branch.cli("d1", "order", "--file", self.rows_file("l", rows))
        self.assertEqual([c["outcome"] for c in done["cards"]], ["ordered"] * 3)
        self.assertEqual([len(self.ordered(c)) for c in cards], [1] * 3)

    def test_6_jobs_diverted_at_one_time_go_together(self):
        """A station is away, four jobs are given away at once: one batch, whose answer is lost, and one refusal."""
        self.branch.d1.sim("POST", "/config", {"dedup": False, "echo_request_id": False})
        for desk in self.branch.desks:
            desk.station.stop()
        kits = [self.kit("CLASSIC") for _ in range(4)]
        for kit in kits:
            self.wait_job(kit, wait="station")
        self.branch.d1.faults({"call": "batch", "drop": "after"})
        self.branch.d1.sim("POST", "/config", {"refuse_cards": kits[3:]})
        self.operator("d1", "order", "--file", self.branch._write("jwe/kits", json.dumps([{"kit": k} for k in kits])))
        for kit in kits[:3]:
            self.wait_job(kit, 60, wait="production")
        self.wait_job(kits[3], wait="station", code="FIELD_INVALID_VALUE")
        self.assertEqual([len(self.ordered(k)) for k in kits], [1, 1, 1, 0])
        together = [e["evidence"]["together"] for k in kits[:3] for e in self.history(k) if e["type"] == "central_ordered"]
        self.assertGreater(max(together), 1)
        self.assertEqual(sum(o["batch"] for o in self.branch.d1.state()["orders"] if o["cardId"] in kits), 3)
        self.operator("job", "cancel", kits[3])
        self.check_made_already(kits[0])
        self.check_a_batch_refused_as_such()
        for desk in self.branch.desks:
            self.branch.start_station(desk)
        self.branch.wait_ready()

    def check_made_already(self, kit):
        """A card D1 made for a job of ours is not ordered as a new one, with the same number or the same name."""
        self.branch.d1.sim("POST", "/end", {"cardId": kit, "detail": "CARD_PROD_DONE"})
        self.wait_job(kit, state="DIVERTED", wait="nothing")
        (_, card), = self.ordered(kit)
        for name in (kit, "stranger-50"):
            path, _ = self.sealed("again-50", pan=card["pan"])
            said = self.operator("d1", "order", "--from-jwe", path, name, "71", code=1)
            self.assertIn("made already", said.stderr)
        self.assertEqual(self.ordered("stranger-50"), [])

    def check_a_batch_refused_as_such(self):
        """It says nothing about its cards: each is ordered alone."""
        kits = [self.kit("CLASSIC") for _ in range(2)]
        for kit in kits:
            self.wait_job(kit, wait="station")
        self.branch.d1.faults({"call": "batch", "status": 400})
        self.operator("d1", "order", "--file", self.branch._write("jwe/kits", json.dumps([{"kit": k} for k in kits])))
        for kit in kits:
            self.wait_job(kit, 60, wait="production")
        self.assertEqual([len(self.ordered(k)) for k in kits], [1, 1])
        self.assertNotIn("central_refused", [e["type"] for k in kits for e in self.history(k)])

    def test_7_the_signing_key_is_rotated(self):
        """The next version signs from its rotation on, without a restart; its number is in the kid."""
        d1 = self.branch.d1
        done = self.branch.import_sign_key("sign-next", "d1-sign#2", {**os.environ, **self.branch.softhsm})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.operator("hsm", "adopt", "d1-sign", "--kcv", d1.sign_kcv("sign-next"))
        path, _ = self.sealed("rot-11")
        d1.knows("sign-1", "sign")
        d1.faults({"call": "order", "expire_token": True}, {"call": "batch", "expire_token": True})
        self.operator("d1", "order", "--from-jwe", path, "rot-11", "71")
        self.operator("hsm", "rotate", "d1-sign")
        d1.knows("sign-2", "sign-next")
        d1.faults({"call": "order", "expire_token": True}, {"call": "batch", "expire_token": True})
        path, _ = self.sealed("rot-12")
        self.operator("d1", "order", "--from-jwe", path, "rot-12", "71")
        self.assertEqual([len(self.ordered("rot-11")), len(self.ordered("rot-12"))], [1, 1])
        states = {k["version"]: k["state"] for k in json.loads(self.operator("--json", "hsm", "keys").stdout)
                  if k["label"] == "d1-sign"}
        self.assertEqual(states, {1: "kept", 2: "in use"})


if __name__ == "__main__":
    main()
