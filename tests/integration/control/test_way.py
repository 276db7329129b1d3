# SPDX-License-Identifier: Apache-2.0
"""One kit's way to hand-over, and what the agent does with the classes of failure."""
import unittest

from fake_station import ORDER, Step
from rig import Rig, wait_for
from wire import fault


class WayTest(unittest.TestCase):
    def setUp(self):
        self.rig = Rig().start()
        self.addCleanup(self.rig.stop)
        self.s1 = self.rig.stations["s1"]

    def steps(self):
        return [step for _, step, _ in self.s1.steps]

    def test_one_card(self):
        kit = self.rig.order()[0]
        job = self.rig.make(kit)
        self.assertEqual(job["state"], "OPERATOR_OK")
        self.assertEqual(self.steps(), ORDER)
        self.assertEqual([s for _, _, s in self.s1.steps], [1, 2, 3, 4, 5, 6])
        wait_for("the last acknowledgement", lambda: len(self.s1.acked) >= len(ORDER), 15)  # behind the job's state
        self.assertEqual([a[1] for a in self.s1.acked], ORDER)
        self.assertEqual(self.s1.where, "output")
        self.assertIsNone(self.s1.job)
        self.assertIsNone(self.s1.last)
        wait_for("PRODUCED at the server", lambda: self.rig.kit_at_bank(kit)["deliveryStatus"] == "BANK", 10)
        wait_for("the session to end", lambda: not self.rig.hsmd.reap(), 5)
        kinds = [h["kind"] for h in job["history"]]
        self.assertEqual(kinds.count("INTENT"), 6)
        self.assertEqual(kinds.count("OUTCOME"), 6)
        self.assertEqual(kinds.count("ATTEMPT"), 1)
        stock = self.rig.cli("stock")
        self.assertEqual((stock["drawn"], stock["unaccounted"], stock["balanced"]), (1, 0, True))

    def test_failures_before_the_key_are_remade(self):
        """A repeatable failure is repeated twice, then the card is rejected and remade once."""
        self.s1.script["stripe"] = [Step(False, "failed", "RETRY", "PRD_MAGSTRIPE") for _ in range(3)]
        kit = self.rig.order()[0]
        job = self.rig.make(kit)
        self.assertEqual(self.steps(), ["feed", "stripe", "stripe", "stripe", "reject"] + ORDER)
        self.assertEqual(job["remakes"], 1)
        self.assertEqual(self.rig.cli("stock")["spoiled"], 1)

    def test_failure_after_the_key_waits_for_a_person(self):
        self.s1.script["chip"] = [Step(True, "failed", "REJECT", "PRD_SMARTCARD")]
        kit = self.rig.order()[0]
        job = self.rig.wait_state(kit, "destroyed")
        self.assertEqual(self.steps(), ["feed", "stripe", "chip", "reject"])
        self.assertTrue(job["needs_person"])
        self.assertEqual(self.rig.cli_raw("jobs").returncode, 4)
        self.assertEqual(self.rig.cli_raw("--json", "jobs").returncode, 4)
        self.rig.cli("job", "confirm-destroyed", kit)
        self.rig.make(kit)
        self.assertEqual(self.steps(), ["feed", "stripe", "chip", "reject"] + ORDER)

    def test_supplies_before_the_feed(self):
        """Out of ribbon: the job waits, and goes on by itself when the printer is ready again, also with a dead session."""
        self.s1.script["preflight"] = [Step(False, "failed", "OPERATOR", "PRT_RIBBON_ENDED")]
        self.s1.state, self.s1.code = "operator", "PRT_RIBBON_ENDED"
        kit = self.rig.order()[0]
        job = self.rig.wait_state(kit, "supplies")
        self.assertEqual(job["code"], "PRT_RIBBON_ENDED")
        wait_for("hsmd to close the session", lambda: self.rig.hsmd.close_session_of(job["job"]), 5)
        self.rig.settle(1)
        self.assertEqual(self.steps(), [])
        self.s1.state = "ready"
        self.rig.make(kit, 8)
        self.assertEqual(self.steps(), ORDER)

    def test_reconnect_class_in_preflight(self):
        """The printer was unplugged: class RECONNECT costs the session, each look needs a new one, the third asks for help."""
        self.s1.script["preflight"] = [Step(False, "failed", "RECONNECT", "PRT_NOT_REACHABLE")] * 3
        self.s1.state = "offline"
        kit = self.rig.order()[0]
        self.rig.wait_state(kit, "supplies")
        self.s1.state = "ready"
        self.rig.make(kit, 12)
        self.assertEqual(self.steps(), ORDER)

    def test_station_refuses_the_job(self):
        """A station that cannot take this job needs a person; the kit is not failed for it."""
        self.s1.refuse["job.begin"] = [fault("REJECT", "the product profile is broken", "PRT_SETUP_ERROR")]
        kit = self.rig.order()[0]
        job = self.rig.wait_state(kit, "supplies")
        self.assertEqual(job["code"], "PRT_SETUP_ERROR")
        self.rig.make(kit, 12)

    def test_stale_job_at_the_station(self):
        """A job that ended while its station was away is not kept there: others would be refused for ever."""
        self.rig.kill_agent()
        self.s1.job = "J999999"
        self.rig.start_agent()
        wait_for("the stale job to be ended", lambda: self.s1.job is None, 5)
        self.rig.make(self.rig.order()[0])

    def test_data_refused(self):
        self.rig.hsmd.refuse["session.open"] = [fault("REJECT", "not a card number", "HSM_CARD_NUMBER", layer=15)]
        kit = self.rig.order()[0]
        job = self.rig.wait_job(kit, "the job to end", lambda j: j["ended"])
        self.assertEqual((job["state"], job["code"]), ("DATA_ERROR", "HSM_CARD_NUMBER"))
        wait_for("RETURNED at the server", lambda: self.rig.kit_at_bank(kit)["deliveryStatus"] == "RETURNED", 10)

    def test_data_refused_when_the_station_is_there(self):
        """The first look at the data was fine, the second is refused: the job ends, the station is free."""
        opens = []
        original = self.rig.hsmd.do_session_open

        def second_is_refused(connection, message):
            opens.append(message)
            if len(opens) == 2:
                self.rig.hsmd.reply(connection, message, fault("REJECT", "not a card number", "HSM_CARD_NUMBER", layer=15))
            else:
                original(connection, message)
        self.rig.hsmd.do_session_open = second_is_refused
        first, second = self.rig.order(2)
        self.rig.wait_job(first, "one job to end", lambda j: self.rig.job(first).get("ended") or self.rig.job(second).get("ended"))
        alive = second if self.rig.job(first).get("ended") else first
        self.rig.make(alive)

    def test_hsmd_comes_and_goes(self):
        """Without hsmd nothing fails and nothing is lost; session numbers of an old hsmd are never used again."""
        self.rig.hsmd.stop()
        kit = self.rig.order()[0]
        self.rig.wait_state(kit, "data")
        self.rig.hsmd.restart()
        self.s1.script["stripe"] = [Step(seconds=1.5)]
        self.rig.wait_job(kit, "the stripe", lambda j: j["step"] == "stripe" and j["wait"] == "result")
        self.rig.hsmd.restart()
        self.rig.make(kit)
        wait_for("no session to be left", lambda: not self.rig.hsmd.reap(), 5)

    def test_session_dies_between_steps(self):
        """hsmd says that the session is over: the next step gets a new one instead of failing."""
        self.s1.script["stripe"] = [Step(seconds=1.0)]
        kit = self.rig.order()[0]
        job = self.rig.wait_job(kit, "the stripe", lambda j: j["step"] == "stripe" and j["wait"] == "result")
        before = self.rig.hsmd.opened
        self.rig.hsmd.close_session_of(job["job"])
        self.rig.make(kit)
        self.assertEqual(self.rig.hsmd.opened, before + 1)
        self.assertEqual(self.steps(), ORDER)

    def test_attempt_refused_after_too_many(self):
        """The same chip refused its key three times: the fourth try is not acknowledged, so it is not made."""
        self.s1.card_prefix = "4790"
        self.s1.fed = 0
        cards = self.s1.tell

        def same_card(body):
            if body.get("event") == "attempt":
                body = {**body, "card": "47" * 21}
            cards(body)
        self.s1.tell = same_card
        self.s1.script["chip"] = [Step(True, "failed", "REJECT", "PRD_SMARTCARD", attempts=3),
                                  Step(True, "failed", "REJECT", "PRD_SMARTCARD", attempts=1)]
        kit = self.rig.order()[0]
        self.rig.wait_state(kit, "destroyed")
        self.assertEqual(len(self.s1.attempts), 3)
        self.s1.ack_patience_s = 1.5  # none will come
        self.rig.cli("job", "confirm-destroyed", kit)
        self.rig.wait_job(kit, "the second plastic to be given up", lambda j: j["plastics"] >= 2 and "reject" in self.steps()[4:],
                          30)
        acked = [a for a in self.s1.attempts if self.s1.acks.get(a)]
        self.assertEqual(len({a for a in acked}), 1)
        tries = [h for h in self.rig.history(kit) if h["kind"] == "ATTEMPT"]
        self.assertEqual(len(tries), 3)

    def test_cancel_before_the_feed(self):
        self.s1.script["preflight"] = [Step(False, "failed", "OPERATOR", "PRD_FEEDER_EMPTY")]
        self.s1.state = "operator"
        kit = self.rig.order()[0]
        self.rig.wait_state(kit, "supplies")
        self.assertTrue(self.rig.cli("job", "cancel", kit)["ended"])
        wait_for("the station to be free", lambda: self.s1.job is None, 5)
        self.assertEqual(self.rig.cli_raw("job", "cancel", kit).returncode, 1)
        self.assertEqual(self.steps(), [])

    def test_status_that_fails_is_no_reason_to_hang_up(self):
        """A station that cannot say how it is goes on with its step; nothing becomes doubtful."""
        self.s1.script["print"] = [Step(seconds=2.0)]
        kit = self.rig.order()[0]
        self.rig.wait_job(kit, "the print", lambda j: j["step"] == "print" and j["wait"] == "result")
        self.s1.refuse["status"] = [fault("RETRY", "out of memory") for _ in range(2)]
        self.rig.make(kit)
        self.assertEqual(self.steps(), ORDER)
        self.assertEqual([c for c, _ in self.s1.calls].count("hello"), 1)


class TwoStationsTest(unittest.TestCase):
    def setUp(self):
        self.rig = Rig(stations=("s1", "s2"))
        self.addCleanup(self.rig.stop)

    def test_waits_for_the_ready_one(self):
        """Rather than for the ribbon of the other."""
        s1, s2 = self.rig.stations.values()
        s2.state = "operator"
        s1.seconds = 0.1
        self.rig.start()
        kits = self.rig.order(3)
        for kit in kits:
            self.rig.make(kit, 30)
        self.assertEqual(s2.steps, [])
        self.assertEqual(len([s for s in s1.steps if s[1] == "feed"]), 3)

    def test_both_work(self):
        s1, s2 = self.rig.stations.values()
        s1.seconds = s2.seconds = 0.15
        self.rig.start()
        for kit in self.rig.order(6):
            self.rig.make(kit, 40)
        self.assertEqual(len([s for s in s1.steps + s2.steps if s[1] == "feed"]), 6)
        self.assertTrue(s1.steps and s2.steps)
        wait_for("no session to be left", lambda: not self.rig.hsmd.reap(), 5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
