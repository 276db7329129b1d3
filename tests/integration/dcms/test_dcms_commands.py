# SPDX-License-Identifier: Apache-2.0
"""cardwright dcms, order and kit, as operators use them; what counts is what the bank's server has afterwards."""
import grp
import json
import os
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "control"))

from rig import BRANCH, BUILD, Rig, wait_for  # noqa: E402

OTHER = "BRANCH002"
SECOND_UID = 65534
BRANCHES = [{"branchId": b, "branchCode": b[-3:], "branchName": b.title(), "city": "Chennai"} for b in (BRANCH, OTHER)]

# What a delivery brings: two kits, one whose card expired on the way, one that expires this month.
SEEDED = [{"kitNo": f"70000000{n}", "productId": "CLASSIC", "branchId": BRANCH, "expiry": expiry}
          for n, expiry in enumerate(("2029-07", "2029-08", "2025-01", time.strftime("%Y-%m", time.gmtime())))]
# Not on their way to the branch: one whose card may be made already, one that a customer has, one of another branch.
ELSEWHERE = [{"kitNo": f"71000000{n}", "productId": "CLASSIC", "branchId": branch, "deliveryStatus": status}
             for n, (branch, status) in enumerate(((BRANCH, "BANK"), (BRANCH, "DELIVERED"), (OTHER, "IN_TRANSIT")))]


class DcmsCommands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = Rig(branches=BRANCHES, kits=SEEDED + ELSEWHERE)
        cls._let_a_second_operator_in()
        cls.rig.start()

    @classmethod
    def tearDownClass(cls):
        cls.rig.stop()

    @classmethod
    def _let_a_second_operator_in(cls):
        cls.group = grp.getgrgid(SECOND_UID) if os.getuid() == 0 else None
        path = cls.rig.path("cardwright.json")
        with open(path) as f:
            config = json.load(f)
        if cls.group:
            config["agent"]["operate_group"] = cls.group.gr_name
        config["agent"].update(make_delivery_status="", stock_look_s=1)
        with open(path, "w") as f:
            json.dump(config, f)
        os.chmod(cls.rig.folder, 0o711)

    def setUp(self):
        self.rig.bank.sim("POST", "/faults", {"faults": []})

    def fault(self, *faults):
        self.rig.bank.sim("POST", "/faults", {"faults": list(faults)})

    def as_second(self, *words):
        """The same command by somebody else of the operators' group."""
        if not self.group:
            self.skipTest("a second user id needs root")
        argv = [os.path.join(BUILD, "agent/cardwright"), "--json", "--socket", self.rig.path("run/control.sock"), *words]
        reader = os.open(argv[0], os.O_RDONLY)
        try:
            return subprocess.run([f"/proc/self/fd/{reader}", *argv[1:]], capture_output=True, text=True, check=False,
                                  timeout=60, user=SECOND_UID, group=self.group.gr_gid, extra_groups=[],
                                  pass_fds=[reader])
        finally:
            os.close(reader)

    def calls(self, path):
        return self.rig.bank.state()["calls"].get(path, 0)

    def audit(self):
        return [row["what"] for row in self.rig.cli("audit")["tail"]]

    def refused(self, *words, exits=(1, 2), says=""):
        done = self.rig.cli_raw(*words)
        self.assertIn(done.returncode, exits, done.stdout + done.stderr)
        self.assertIn(says, done.stderr)
        return done.stderr

    # ---- kits that arrive, and that expire ----

    def delivery_of(self, kit):
        return self.rig.kit_at_bank(kit)["deliveryStatus"]

    def test_received_kits_are_told_through_an_outage(self):
        first, second = (k["kitNo"] for k in SEEDED[:2])
        self.fault({"endpoint": "/inventory/update/deliveryStatus", "nth": 1, "count": 4, "status": 503})
        self.rig.cli("kit", "receive", first, second, "99999999")
        self.rig.kill_agent()
        self.rig.start_agent()
        wait_for("the arrival to be told", lambda: [self.delivery_of(k) for k in (first, second)] == ["BANK", "BANK"], 30)
        refused = wait_for("the refusal", lambda: self.rig.cli("status")["kit_stock"]["refused"])
        self.assertEqual(refused, 1)
        check = [c for c in self.rig.cli("doctor")["checks"] if c["what"] == "kits received"][0]
        self.assertEqual(check["verdict"], "warn")
        self.assertIn("kit.receive", self.audit())
        self.rig.bank.assign(first, "ASHA NAIR")
        elsewhere = [k["kitNo"] for k in ELSEWHERE]
        self.rig.cli("kit", "receive", *elsewhere)
        wait_for("their refusal", lambda: self.rig.cli("status")["kit_stock"]["refused"] == 4, 20)
        self.assertEqual([self.delivery_of(k) for k in elsewhere], [k["deliveryStatus"] for k in ELSEWHERE])
        self.rig.bank.assign(elsewhere[0], "RAVI KUMAR")
        wait_for("the received kit's job", lambda: [j for j in self.rig.cli("jobs", "--all")["jobs"] if j["kit"] == first], 20)
        wait_for("the log", lambda: [x for x in self.rig.log(400).splitlines() if elsewhere[0] in x and "made already" in x], 20)
        self.assertFalse([j for j in self.rig.cli("jobs", "--all")["jobs"] if j["kit"] == elsewhere[0]])

    def test_kits_that_expire(self):
        gone, soon = (k["kitNo"] for k in SEEDED[2:])
        stock = wait_for("the look at the stock", lambda: self.rig.cli("status")["kit_stock"]["looked_ms"] and
                         self.rig.cli("status")["kit_stock"], 20)
        self.assertIn(gone, stock["expired"])
        self.assertIn(soon, stock["expiring"])
        check = [c for c in self.rig.cli("doctor")["checks"] if c["what"] == "kits in stock"][0]
        self.assertEqual(check["verdict"], "warn")
        self.assertIn(gone, check["text"])

    def test_kits_that_expired_are_not_made(self):
        gone = SEEDED[2]["kitNo"]
        self.rig.bank.assign(gone, "RAVI KUMAR")
        wait_for("the log", lambda: [x for x in self.rig.log(400).splitlines() if gone in x and "has expired" in x], 20)
        self.assertFalse([j for j in self.rig.cli("jobs", "--all")["jobs"] if j["kit"] == gone])

    # ---- the catalogue ----

    def test_endpoints(self):
        rows = self.rig.cli("dcms", "endpoints")["endpoints"]
        self.assertEqual(len(rows), 61)
        self.assertEqual(len({(r["method"], r["path"]) for r in rows}), 61)
        for row in rows:
            self.assertIs(row["implemented"], True)
            self.assertIn(row["name"], row["test"])
        with open(os.path.join(BUILD, "agent/upstream/CTestTestfile.cmake")) as f:
            listed = f.read()  # what ctest reads; ctest itself would write over the log of the run we are part of
        for program in {row["test"].split(":")[0] for row in rows}:
            self.assertRegex(listed, rf"(?m)^add_test\(\[=\[{program}\]=\]")
        self.assertIn("kit-manager.getCvv", self.rig.cli_raw("dcms", "endpoints").stdout)

    def test_call_masks_and_is_audited(self):
        kit = self.rig.order(1, "ORD-CVV")[0]
        before = self.audit().count("dcms.call.end")
        answer = self.rig.cli("dcms", "call", "kit-manager.getCvv", f"kitNo={kit}")
        self.assertEqual(answer["result"]["cvv"], "XXX")
        entity = self.rig.kit_at_bank(kit)["entityId"]
        rows = self.rig.cli("dcms", "call", "inventory.fetchKitSummary", f"branchId={BRANCH}", "pageNo=0", "pageSize=50")
        for row in rows["result"]["result"] if isinstance(rows["result"], dict) else rows["result"]:
            self.assertRegex(row["cardNumber"], "^[0-9]{6}X+[0-9]{4}$")
        answer = self.rig.cli("dcms", "call", "preference.set", f"entityId={entity}", f"kitNo={kit}",
                              'domestic:={"isEnabled":true}', 'international:={"isEnabled":false}')
        self.assertTrue(answer["result"]["domestic"]["isEnabled"])
        answer = self.rig.cli("dcms", "call", "inventory.fetchKitDetailsFromInventory", "refType=DC_KIT", f"kitRefNo={kit},1",
                              "pageNo=1", "pageSize=5")
        self.assertEqual([r["kitNo"] for r in answer["result"]], [kit])
        self.assertEqual(self.audit().count("dcms.call.end") - before, 4)
        self.assertTrue(self.rig.cli("audit")["intact"])

    def test_what_cannot_be_called(self):
        before = self.calls("/kit-manager/v2/setPin")
        for name in ("kit-manager.v2.setPin", "kit-manager.setPin", "kit-manager.validatePin",
                     "kit-manager.v2.validateCardEnding"):
            self.refused("dcms", "call", name, "kitNo=1", says="kiosk")
        self.refused("dcms", "call", "account.fetchAccountsByCardNo", "cardNumber=1", says="card data")
        self.refused("dcms", "call", "authenticate", says="no call of this name")
        self.refused("dcms", "call", "kit-manager.kitActivation", "entityId=a", says="kitNo is missing")
        self.refused("dcms", "call", "kit-manager.kitActivation", "zz=1", says="zz is no member")
        self.refused("dcms", "call", "kit-manager.kitActivation", "kitNo", says="member=value")
        self.refused("dcms", "call", "kit-manager.kitActivation", "kitNo=1", "kitNo=2", says="twice")
        self.assertEqual(self.calls("/kit-manager/v2/setPin"), before)

    def test_only_an_administrator_calls_by_hand(self):
        done = self.as_second("dcms", "call", "kit-manager.kitTracking", "kitNo=1")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.calls("/kit-manager/kitTracking"), 0)
        self.assertEqual(self.as_second("dcms", "endpoints").returncode, 0)

    # ---- orders ----

    def stays_received(self):
        self.fault({"endpoint": "/card-order/process", "status": 503, "count": 0})

    def test_order_is_created_and_cancelled(self):
        self.stays_received()
        self.rig.cli("order", "create", "ORD-C1", "CLASSIC:2", "TRAVEL:1", "address=1 Main St~Chennai", "pinCode=600001",
                     "validity=30")
        answer = self.rig.cli("order", "status", "ORD-C1")
        self.assertEqual(answer["result"]["status"], "RECEIVED")
        self.assertEqual([p["noOfCard"] for p in answer["result"]["productDetails"]], [2, 1])
        self.refused("order", "create", "ORD-C1", "CLASSIC:2", says="ORD001")
        self.rig.cli("order", "cancel", "ORD-C1")
        self.assertEqual(self.rig.cli("order", "status", "ORD-C1")["result"]["status"], "CANCELLED")
        self.refused("order", "cancel", "ORD-C1", says="ORD003")
        self.refused("order", "create", "ORD-C2", "CLASSIC", says="PRODUCT:COUNT")
        self.refused("order", "status", "../x", says="not an order")

    def test_order_is_processed(self):
        self.stays_received()
        self.rig.cli("order", "create", "ORD-P1", "CLASSIC:2")
        self.fault()
        # The branch's own intake may be faster; either way it is processed once.
        self.rig.cli_raw("order", "process", "ORD-P1")
        self.rig.cli("order", "sync", "ORD-P1")
        self.rig.cli("order", "sync")
        self.rig.cli("order", "retry")
        wait_for("the kits", lambda: len(self.rig.bank.kits("ORD-P1")) == 2)
        self.assertNotEqual(self.rig.cli("order", "status", "ORD-P1")["result"]["status"], "RECEIVED")

    def test_a_lost_answer_places_one_order(self):
        before = self.calls("/card-order")
        self.fault({"endpoint": "/card-order", "drop": "after_commit"})
        answer = self.rig.cli("order", "create", "ORD-L1", "CLASSIC:1")
        self.assertIs(answer["confirmed"], True)
        self.assertEqual(self.calls("/card-order") - before, 1)
        self.assertEqual(len([o for o in self.rig.bank.state()["orders"] if o["orderId"] == "ORD-L1"]), 1)

    def _file(self, name, data):
        path = self.rig.path(name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def test_order_with_file(self):
        lines = b"".join(b"D|%06d|CLASSIC\r\n" % n for n in range(5000))
        path = self._file("Insta_PGK.txt", b"H|PGK\r\n" + lines)
        self.rig.cli("order", "create-with-file", "ORD-F1", path, "CLASSIC:5")
        self.assertEqual(self.calls("/card-order/uploadFile"), 1)
        self.assertIn(self.rig.cli("order", "status", "ORD-F1")["result"]["status"],
                      ("RECEIVED", "PENDING", "PROCESSED", "SUCCESS"))

    def test_a_wrong_file_is_not_uploaded(self):
        before = self.calls("/card-order/uploadFile")
        self.refused("order", "create-with-file", "ORD-F2", self._file("bytes.txt", b"ab\x01c\n"), "CLASSIC:1",
                     says="printable")
        self.refused("order", "create-with-file", "ORD-F2", self._file("empty.txt", b""), "CLASSIC:1", says="empty")
        self.refused("order", "create-with-file", "ORD-F2", self._file("big.txt", b"A" * 1000001), "CLASSIC:1",
                     says="larger")
        self.refused("order", "create-with-file", "ORD-F2", self._file("order.csv", b"D|1\n"), "CLASSIC:1", says=".txt")
        self.refused("order", "create-with-file", "ORD-F2", self.rig.path("missing.txt"), "CLASSIC:1", says="No such file")
        self.assertEqual(self.calls("/card-order/uploadFile"), before)

    # ---- two operators ----

    def stock(self, order, count):
        self.rig.bank.order(order, {"CLASSIC": count})
        wait_for("the kits", lambda: len(self.rig.bank.kits(order)) == count)
        return [k["kitNo"] for k in self.rig.bank.kits(order)]

    def test_transfer_needs_two_operators(self):
        kits = self.stock("ORD-T1", 2)
        before = self.calls("/inventory/kitsTransfer")
        request = self.rig.cli("kit", "transfer", OTHER, *kits)
        self.refused("kit", "approve", request["id"], says="another operator")
        self.assertEqual(self.calls("/inventory/kitsTransfer"), before)
        self.refused("kit", "expire", kits[0], says="another one")
        done = self.as_second("kit", "approve", request["id"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({k["branchId"] for k in self.rig.bank.kits("ORD-T1")}, {OTHER})
        self.assertEqual(self.calls("/inventory/kitsTransfer") - before, 1)
        self.assertNotEqual(self.as_second("kit", "approve", request["id"]).returncode, 0)
        self.assertEqual(self.rig.cli("kit", "requests")["requests"], [])
        log = self.audit()
        self.assertIn("kit.request", log)
        self.assertIn("kit.approve.end", log)

    def test_expiry_needs_two_operators(self):
        kit = self.stock("ORD-T2", 1)[0]
        done = self.as_second("kit", "expire", kit)
        self.assertEqual(done.returncode, 0, done.stderr)
        request = json.loads(done.stdout)
        self.assertEqual(request["maker"], f"uid:{SECOND_UID}")
        self.assertNotEqual(self.as_second("kit", "approve", request["id"]).returncode, 0)
        self.assertEqual(self.rig.bank.kits("ORD-T2")[0]["status"], "UNALLOCATED")
        self.rig.cli("kit", "approve", request["id"])
        self.assertEqual(self.rig.bank.kits("ORD-T2")[0]["status"], "EXPIRED_CARD")

    def test_a_refused_transfer_names_the_kits(self):
        done = self.as_second("kit", "transfer", OTHER, "99999999")
        request = json.loads(done.stdout)
        self.refused("kit", "approve", request["id"], says="not moved: 99999999")
        self.refused("kit", "approve", request["id"], says="no request")

    def test_requests_can_be_dropped(self):
        request = self.rig.cli("kit", "expire-pack", "5902018001")
        self.assertIn(request["id"], [r["id"] for r in self.rig.cli("kit", "requests")["requests"]])
        self.rig.cli("kit", "drop", request["id"])
        self.refused("kit", "drop", request["id"], says="no request")
        self.refused("kit", "transfer", BRANCH, "1", says="at that branch already")


if __name__ == "__main__":
    unittest.main()
