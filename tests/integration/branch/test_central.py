#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Cards the branch cannot make are made centrally: by D1 or by the bank, once, whatever becomes of answers and daemons."""
import os
import time

from scenario import Scenario, main, wait_until

CLASSIC = {"central": "d1", "central_after_s": 1, "d1_product": "CLASSIC_CENTRAL", "d1_emv_config": "VISA_01",
           "d1_cv_key_index": 2, "d1_tracks": "pattern"}
REGISTER = "/registerCard"


class Central(Scenario):
    stock = {"CLASSIC": 7, "TRAVEL": 9}
    options = {"d1": True, "config": {"d1": {"poll_min_ms": 200, "poll_max_ms": 800}, "products": {"71": CLASSIC, "72": {"central": "dcms"}},
                                      "server": {"connect_timeout_ms": 5000, "timeout_ms": 5000, "cbs_timeout_ms": 15000}}}

    def expected_delivery(self, job):
        """D1 makes the card of this kit; the bank makes another kit, and this one goes back. A kit of the bank's own order is made here."""
        ours = [kit for kits in self.spare.values() for kit in kits] + self.kit_numbers
        if job["kit"] not in ours:
            return super().expected_delivery(job)
        return "RETURNED" if job["kit"] in self.spare_travel else "IN_TRANSIT"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.spare_travel = list(cls.spare["TRAVEL"])

    def close_desks(self):
        for desk in self.branch.desks:
            desk.station.stop()
        wait_until("the stations to be missed", lambda: not any(
            s["up"] for s in self.branch.cli("status")["stations"] if s["kind"] != "kiosk"))

    def setUp(self):
        self.close_desks()
        self.branch.d1.faults()

    def tearDown(self):
        for desk in self.branch.desks:
            self.branch.start_station(desk)
        self.branch.wait_ready()
        self.branch.wait_jobs("a card of the bank's own order to be made here", lambda jobs: all(
            j["ended"] or j["wait"] in ("handover", "production", "central", "central_decision") for j in jobs))
        super().tearDown()
        self.assertEqual(self.branch.d1.state()["double_orders"], 0)

    def orders(self, kit):
        return [o for o in self.branch.d1.state()["orders"] if o["cardId"] == kit]

    def order_id(self, kit):
        """What the job tells of its newest order."""
        told = [e["evidence"] for e in self.history(kit) if e["type"] in ("central_ordered", "diverted")
                and (e["evidence"] or {}).get("target")]
        self.assertTrue(told, self.history(kit))
        return told[-1]

    def ends(self, kit, detail, reason=""):
        self.branch.d1.sim("POST", "/end", {"cardId": kit, "detail": detail, "reason": reason})

    def followed(self, kit):
        return [o for o in self.branch.cli("status", check=False)["central"]["orders"] if o["kit"] == kit]

    def test_1_policy_diverts_to_d1_and_says_so(self):
        kit = self.kit("CLASSIC")
        job = self.wait_job(kit, state="DIVERTED")
        self.assertEqual((job["wait"], job["plastics"], job["ended"]), ("production", 0, False))
        order = self.orders(kit)
        self.assertEqual(len(order), 1)
        told = self.order_id(kit)
        self.assertEqual((told["target"], told["operation"]), ("d1", order[0]["operationId"]))
        self.assertEqual(order[0]["issuerRequestId"], told["request"])
        self.assertRegex(order[0]["masked_pan"], r"^608040X{6}\d{4}$")
        self.assertEqual([e["actor"] for e in self.history(kit) if e["type"] == "divert"], ["policy"])
        status = self.branch.cli("d1", "status", kit)["operations"]
        self.assertEqual([(o["detail"], o["request"]) for o in status], [("CARD_PROD_REQUESTED", told["request"])])
        self.assertIn("online", self.operator("d1", "status").stdout)
        self.operator("d1", "status", "0000", code=1)
        audit = self.branch.cli("audit")
        self.assertTrue([row for row in audit.get("tail", audit.get("rows", [])) if "divert" in row["what"]], audit)

    def test_1b_production_is_followed_until_the_card_is_made(self):
        """Each word of D1 once in the history, through a server that is busy and a daemon that is restarted."""
        kit = self.kit("CLASSIC")
        self.wait_job(kit, wait="production", code="CARD_PROD_REQUESTED")
        self.branch.d1.faults({"call": "status", "status": 503, "retry_after_s": 1, "count": 3}, {"call": "status", "unknown": True})
        self.ends(kit, "CARD_PROD_ONGOING")
        self.wait_job(kit, wait="production", code="CARD_PROD_ONGOING")
        self.assertEqual([o["detail"] for o in self.followed(kit)], ["CARD_PROD_ONGOING"])
        self.assertIn("being made centrally", self.branch.cli_raw("status").stdout)
        self.branch.agent.stop()
        self.branch.start_agent()
        self.ends(kit, "CARD_PROD_DONE")
        self.assertTrue(self.wait_job(kit, state="DIVERTED", wait="nothing", code="CARD_PROD_DONE")["ended"])
        words = [e["evidence"]["detail"] for e in self.history(kit) if e["type"] == "production"]
        self.assertEqual(words, ["CARD_PROD_REQUESTED", "CARD_PROD_ONGOING", "CARD_PROD_DONE"])
        self.assertEqual(self.followed(kit), [])

    def test_1c_failed_production_goes_to_a_person(self):
        kit = self.kit("CLASSIC")
        self.wait_job(kit, wait="production")
        self.ends(kit, "CARD_PROD_CANCELED", "ISSUER_WISH")
        job = self.wait_job(kit, wait="central_decision", code="CARD_PROD_CANCELED")
        self.assertTrue(job["needs_person"])
        self.operator("status", code=4)
        self.operator("job", "cancel", kit, code=1)
        self.assertEqual([e["evidence"]["reason"] for e in self.history(kit) if e["type"] == "production_failed"],
                         ["ISSUER_WISH"])
        self.check_decisions(kit)

    def check_decisions(self, kit):
        """Ordered anew, and that one fails too: the branch has it again. Of another order a person says that it comes."""
        self.operator("job", "central", kit, "maybe", code=2)
        self.operator("job", "central", kit, "retry")
        self.wait_job(kit, wait="production", code="CARD_PROD_REQUESTED")
        self.assertEqual([o["issuance"] for o in self.orders(kit)], ["CREATION", "REPLACEMENT"])
        self.assertEqual(len({o["issuerRequestId"] for o in self.orders(kit)}), 2)
        self.operator("job", "central", kit, "not-ordered", code=1)
        self.ends(kit, "DATA_EXCEPTION")
        self.wait_job(kit, wait="central_decision", code="DATA_EXCEPTION")
        self.branch.agent.stop()
        self.branch.start_agent()
        self.wait_job(kit, wait="central_decision", code="DATA_EXCEPTION")
        self.operator("job", "central", kit, "not-ordered")
        self.wait_job(kit, wait="station", code="DECIDED_BY_PERSON")
        time.sleep(3)  # policy would divert it after one second
        job = self.wait_job(kit, wait="station", code="DECIDED_BY_PERSON")
        self.assertEqual(job["state"], "DATA_OK")
        refused = [e for e in self.history(kit) if e["type"] == "central_refused"]
        self.assertEqual([e["actor"] for e in refused], [f"uid:{os.getuid()}"])
        self.operator("job", "central", kit, "ordered", code=1)
        self.operator("job", "divert", kit)
        self.wait_job(kit, wait="production")
        self.operator("job", "central", kit, "ordered")
        self.wait_job(kit, state="DIVERTED", wait="nothing")

    def test_2_lost_answer_and_a_daemon_that_dies(self):
        """The order is at D1, its answer is lost, and the daemon is killed before it could read back."""
        self.branch.d1.sim("POST", "/config", {"dedup": False, "echo_request_id": False})
        self.branch.d1.faults({"call": "order", "drop": "after"})
        lost = self.kit("CLASSIC")
        wait_until("the order", lambda: self.orders(lost))
        self.branch.agent.kill()
        self.branch.start_agent()
        self.wait_job(lost, state="DIVERTED")
        self.assertEqual(len(self.orders(lost)), 1)
        self.branch.d1.faults({"call": "order", "delay_ms": 10000})
        killed = self.kit("CLASSIC")
        wait_until("the order", lambda: self.orders(killed))
        self.branch.agent.kill()
        self.branch.start_agent()
        self.wait_job(killed, state="DIVERTED")
        self.assertEqual(len(self.orders(killed)), 1)
        self.assertTrue(self.order_id(killed)["confirmed"])

    def test_3_dcms_register_card_once(self):
        """By a person's word; the bank's answer is lost and the daemon killed."""
        kit = self.kit("TRAVEL")
        self.wait_job(kit, wait="station")
        self.fault(REGISTER, drop="after_commit")
        self.operator("job", "divert", kit)
        wait_until("the new kit", lambda: len(self.kits_beside(kit)) == 1)
        self.branch.agent.kill()
        self.branch.start_agent()
        self.check_ordered_at_bank(kit)

    def kits_beside(self, kit):
        entity = self.bank_kit(kit)["entityId"]
        return [k["kitNo"] for k in self.branch.bank.state()["kits"] if k["entityId"] == entity and k["kitNo"] != kit]

    def check_ordered_at_bank(self, kit):
        """One new kit, the one the job tells, and the branch does not make its card."""
        self.wait_job(kit, state="DIVERTED")
        told = self.order_id(kit)
        self.assertEqual((told["target"], [told["kit"]]), ("dcms", self.kits_beside(kit)))
        wait_until("the old kit to go back", lambda: self.bank_kit(kit)["deliveryStatus"] == "RETURNED")
        self.assertNotIn(told["kit"], [j["kit"] for j in self.branch.jobs()])
        return told

    def test_4_dcms_answers(self):
        """Answered; the answer lost and read back; and the daemon stopped in good order meanwhile."""
        kits = [self.kit("TRAVEL") for _ in range(3)]
        for kit in kits:
            self.wait_job(kit, wait="station")
        self.operator("job", "divert", kits[0])
        self.assertFalse(self.check_ordered_at_bank(kits[0])["confirmed"])
        self.fault(REGISTER, drop="after_commit")
        self.operator("job", "divert", kits[1])
        self.assertTrue(self.check_ordered_at_bank(kits[1])["confirmed"])
        self.fault(REGISTER, drop="after_commit")
        self.operator("job", "divert", kits[2])
        wait_until("the new kit", lambda: len(self.kits_beside(kits[2])) == 1)
        self.branch.agent.stop()
        self.branch.start_agent()
        self.assertTrue(self.check_ordered_at_bank(kits[2])["confirmed"])

    def test_5_refused_order_comes_back(self):
        kit = self.kit("TRAVEL")
        self.wait_job(kit, wait="station")
        self.fault(REGISTER, status=400, exception="CUS001")
        self.operator("job", "divert", kit)
        job = self.wait_job(kit, wait="station", code="CUS001")
        self.assertEqual((job["state"], self.kits_beside(kit)), ("DATA_OK", []))
        self.assertIn("central_refused", [e["type"] for e in self.history(kit)])
        self.operator("job", "cancel", kit)
        self.wait_job(kit, state="CANCELLED")

    def same_customer(self):
        """Two kits of one customer, both waiting for a station."""
        entity = next(self.branch.bank.customers)
        kits = [self.spare["TRAVEL"].pop(0) for _ in range(2)]
        for kit in kits:
            self.branch.bank.assign(kit, next(self.names), entity)
            self.kit_numbers.append(kit)
        for kit in kits:
            self.wait_job(kit, wait="station")
        return entity, kits

    def new_kits(self, entity, kits):
        return {k["kitNo"] for k in self.branch.bank.state()["kits"] if k["entityId"] == entity} - set(kits)

    def test_6_two_orders_of_one_customer_at_once(self):
        """The answers of both are lost; each is told from the other, since one is sent when the other is settled."""
        entity, kits = self.same_customer()
        self.fault(REGISTER, drop="after_commit", count=2)
        for kit in kits:
            self.operator("job", "divert", kit)
        for kit in kits:
            self.wait_job(kit, 60, state="DIVERTED")
        told = [self.order_id(kit) for kit in kits]
        self.assertEqual({t["kit"] for t in told}, self.new_kits(entity, kits))
        self.assertEqual([t["confirmed"] for t in told], [True, True])
        self.assertEqual(len({t["kit"] for t in told}), 2)

    def test_7_unclear_order_is_a_persons_word(self):
        """The answer is lost and the bank makes another kit meanwhile: nobody can tell which one is the order's."""
        entity, kits = self.same_customer()
        self.fault(REGISTER, drop="after_commit", delay_after_ms=12000)
        self.operator("job", "divert", kits[0])
        wait_until("the new kit", lambda: len(self.new_kits(entity, kits)) == 1)
        self.branch.agent.kill()
        ours = self.new_kits(entity, kits)
        self.branch.bank.call(REGISTER, {"entityId": entity, "deliveryAddress": "PERMANENT", "kitInfo": [
            {"accountNo": 8642000 + int(entity[3:]), "cardType": "PHYSICAL", "plasticCode": "72", "aliasName": "SOME BODY"}]})
        self.branch.start_agent()
        def parked():
            told = self.branch.cli("outbox", check=False) or {"reports": []}
            return [r for r in told["reports"] if r["parked"] and r["kit"] == kits[0]]
        wait_until("the unclear order", parked)
        self.assertEqual(parked()[0]["last_error"], "PRD_CENTRAL_UNCLEAR")
        self.operator("job", "divert", kits[1])
        self.operator("job", "central", kits[0], "ordered", code=2)
        self.operator("job", "central", kits[0], "ordered", kits[0], code=2)
        self.operator("job", "central", kits[0], "retry")
        wait_until("the unclear order", parked)
        self.assertEqual(self.wait_job(kits[1], wait="central")["state"], "DATA_OK")
        self.assertEqual(len(self.new_kits(entity, kits)), 2)
        self.operator("job", "central", kits[0], "ordered", *ours)
        self.wait_job(kits[0], state="DIVERTED")
        self.assertEqual({self.order_id(kits[0])["kit"]}, ours)
        self.wait_job(kits[1], 60, state="DIVERTED")
        self.assertEqual(len(self.new_kits(entity, kits)), 3)


if __name__ == "__main__":
    main()
