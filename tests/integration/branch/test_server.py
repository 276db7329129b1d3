#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A server that is away, slow, broken or talks nonsense: cards go on, reports arrive once, nothing is lost."""
from scenario import Scenario, main, wait_until

DELIVERY = "/inventory/update/deliveryStatus"
ACTIVATE = "/kit-manager/kitActivation"


class Server(Scenario):
    stock = {"CLASSIC": 3, "TRAVEL": 3}
    options = {"config": {"server": {"connect_timeout_ms": 1000, "timeout_ms": 1500, "cbs_timeout_ms": 2500}}}

    def server(self):
        return self.branch.cli("status")["server"]

    def online(self):
        wait_until("the server to be online", lambda: self.server()["state"] == "online")

    def calls(self, path):
        return self.branch.bank.state()["calls"].get(path, 0)

    def test_1_jobs_go_on_while_the_server_is_away_and_their_reports_arrive_once(self):
        for desk in self.branch.desks:
            desk.printer.ask(cmd="ribbon", kind="ymcko", remaining=0)
        kits = [self.kit("CLASSIC"), self.kit("TRAVEL")]
        for kit in kits:
            self.wait_job(kit, wait="supplies", code="PRT_RIBBON_ENDED", plastics=0)
        before = self.calls(DELIVERY)
        self.branch.bank.stop()
        for desk in self.branch.desks:
            desk.printer.ask(cmd="ribbon", kind="ymcko", remaining=100)
        for kit in kits:
            self.made(kit)
        wait_until("the server to be missed", lambda: self.server()["state"] == "offline")
        self.assertTrue(self.server()["text"])
        self.assertEqual({r["kit"] for r in self.branch.cli("outbox")["reports"]}, set(kits))
        self.branch.bank.start()
        wait_until("the reports", lambda: not self.branch.cli("outbox")["reports"], 30)
        self.online()
        self.assertEqual(self.calls(DELIVERY) - before, len(kits))
        self.assertEqual(self.branch.bank.state()["duplicate_deliveries"], 0)

    def test_2_whatever_the_server_answers_the_kit_is_made(self):
        """The polling itself meets one fault after the other, and then the calls for the kit."""
        answers = [{"status": 429, "retry_after_s": 1}, {"status": 500}, {"status": 503}, {"malformed_json": True},
                   {"truncate_at": 20}, {"content_type": "text/html"}, {"drop": "before_commit"}, {"drop": "after_commit"},
                   {"reset_after_bytes": 5}, {"expire_token": True}]
        kit = self.kit("CLASSIC")
        for n, answer in enumerate(answers):
            self.fault("*", nth=n + 1, **answer)
        wait_until("every fault", lambda: all(f["fired"] >= 1 for f in self.branch.bank.state()["faults"]), 30)
        self.branch.bank.token = None
        self.made(kit, 40)
        self.online()

    def test_3_lost_answers_of_reports(self):
        """The effect happened, the answer was lost: the same request again, the same effect once."""
        kit = self.kit("TRAVEL")
        self.fault(DELIVERY, drop="after_commit")
        self.made(kit)
        wait_until("the report", lambda: not self.branch.cli("outbox")["reports"])
        self.assertEqual(self.bank_kit(kit)["deliveryStatus"], "BANK")
        self.fault(ACTIVATE, drop="after_commit")
        self.fault(DELIVERY, nth=1, status=500, after_commit=True)
        self.customer("4826", "4826")
        self.operator("release", kit, "kiosk-1")
        self.insert_card(self.hand_out(kit))
        self.kiosk_ended("PIN SET")
        self.branch.kiosk_card.ask(cmd="remove")
        self.wait_job(kit, state="DELIVERED")
        bank = self.bank_kit(kit)
        self.assertEqual((bank["activationCount"], bank["deliveryStatus"]), (1, "DELIVERED"))
        replays = [r["replays"] for r in self.branch.bank.state()["replayed"] if r["endpoint"] == ACTIVATE]
        self.assertEqual(replays, [1])

    def test_4_a_refused_report_is_parked_and_a_person_sends_it_again(self):
        self.fault(DELIVERY, status=400, exception="invalid.input.request")
        kit = self.kit("CLASSIC")
        self.made(kit)
        wait_until("the refusal", lambda: [r for r in self.branch.cli("outbox")["reports"] if r["parked"]])
        report = self.branch.cli("outbox")["reports"][0]
        self.assertEqual((report["kit"], report["last_error"]), (kit, "invalid.input.request"))
        self.assertEqual(self.branch.cli_raw("outbox").returncode, 4)
        self.assertEqual(self.branch.cli_raw("status").returncode, 4)
        self.operator("outbox", "retry", str(report["id"]))
        wait_until("the report", lambda: not self.branch.cli("outbox")["reports"])
        self.operator("status")

    def test_5_a_server_that_does_not_answer_and_one_that_drips(self):
        self.fault("*", delay_ms=4000, count=1)
        self.fault("/kit-manager/v2/fetchKitsByEntityId", drip={"bytes": 64, "interval_ms": 20})
        self.made(self.kit("TRAVEL"))
        self.online()


if __name__ == "__main__":
    main()
