# SPDX-License-Identifier: Apache-2.0
"""Answers that were lost, stations that were restarted, steps in doubt: nothing physical is ever done twice."""
import unittest

from fake_station import ORDER, Step
from rig import Rig, wait_for
from wire import fault


class DoubtTest(unittest.TestCase):
    def setUp(self):
        self.rig = Rig().start()
        self.addCleanup(self.rig.stop)
        self.s1 = self.rig.stations["s1"]

    def steps(self):
        return [step for _, step, _ in self.s1.steps]

    def test_result_lost_is_asked_for(self):
        """The connection breaks instead of an answer, at every step: the station's last result counts."""
        for step in ORDER:
            self.s1.script[step] = [Step(then="hang_up")]
        self.rig.make(self.rig.order()[0], 30)
        self.assertEqual(self.steps(), ORDER)
        wait_for("the last acknowledgement", lambda: len(self.s1.acked) >= len(ORDER), 15)  # behind the job's state
        self.assertEqual([a[1] for a in self.s1.acked], ORDER)
        self.assertNotIn("reconcile", [c for c, _ in self.s1.calls])

    def test_no_result_is_reconciled(self):
        """Done, but nobody remembers: the counters say so, and the job goes on behind it."""
        for step in ORDER:
            self.s1.script[step] = [Step(then="forget")]
        self.rig.make(self.rig.order()[0], 30)
        self.assertEqual(self.steps(), ORDER)
        self.assertEqual([c for c, _ in self.s1.calls].count("reconcile"), 6)

    def test_station_restarts_in_every_step(self):
        for step in ORDER:
            self.s1.script[step] = [Step(then="die")]
        self.rig.make(self.rig.order()[0], 30)
        self.assertEqual(self.steps(), ORDER)

    def test_not_done_is_done_again_with_a_new_number(self):
        self.s1.script["stripe"] = [Step(effect=False, then="die")]
        self.rig.make(self.rig.order()[0])
        self.assertEqual(self.steps(), ["feed", "stripe"] + ORDER[1:])

    def test_feed_not_done(self):
        """No card was drawn: the job looks at its supplies and feeds once more."""
        self.s1.script["feed"] = [Step(effect=False, then="die")]
        self.rig.make(self.rig.order()[0])
        self.assertEqual(self.s1.fed, 1)
        self.assertEqual(self.steps(), ["feed"] + ORDER)

    def test_feed_not_done_behind_an_earlier_card(self):
        """The last card still lies in the output: that is not this job's."""
        self.rig.make(self.rig.order()[0])
        self.assertEqual(self.s1.where, "output")
        self.s1.script["feed"] = [Step(effect=False, then="die")]
        self.rig.make(self.rig.order(order_id="ORD-2")[0])
        self.assertEqual(self.s1.fed, 2)

    def test_unknown_goes_to_a_person(self):
        self.s1.script["print"] = [Step(answer="in_doubt", where="unknown")]
        self.s1.verdicts = [{"verdict": "unknown", "where": "unknown", "evidence": {}, "text": ""}]
        kit = self.rig.order()[0]
        job = self.rig.wait_state(kit, "decision")
        self.assertEqual(job["state"], "IN_DOUBT")
        self.rig.settle(2)
        self.assertEqual(self.steps(), ORDER[:5])
        self.s1.where = "print"
        self.rig.cli("job", "decide", kit, "done")
        self.rig.make(kit)
        self.assertEqual(self.steps(), ORDER)

    def test_decision_after_a_restart(self):
        """The person decides after cardwrightd, or the station, was started anew: the job still finds its card."""
        self.s1.script["print"] = [Step(answer="in_doubt")]
        self.s1.verdicts = [{"verdict": "unknown", "where": "unknown", "evidence": {}, "text": ""}]
        kit = self.rig.order()[0]
        self.rig.wait_state(kit, "decision")
        self.rig.kill_agent()
        self.rig.start_agent()
        self.s1.restart()
        self.rig.settle(1)
        self.assertEqual(self.rig.job(kit)["wait"], "decision")
        self.assertEqual(self.rig.cli_raw("test-card", "s1").returncode, 1)
        self.rig.cli("job", "decide", kit, "done")
        self.rig.make(kit)
        self.assertEqual(self.steps(), ORDER)

    def test_decision_while_the_station_is_away(self):
        self.s1.script["print"] = [Step(answer="in_doubt")]
        self.s1.verdicts = [{"verdict": "unknown", "where": "print", "evidence": {}, "text": ""}]
        kit = self.rig.order()[0]
        self.rig.wait_state(kit, "decision")
        self.s1.stop()
        self.rig.settle(1)
        job = self.rig.cli("job", "decide", kit, "spoiled")
        self.assertEqual((job["state"], job["wait"]), ("SPOILED", "station"))
        self.s1.restart()
        self.rig.wait_state(kit, "destroyed")
        self.assertEqual(self.steps(), ORDER[:5] + ["reject"])
        self.rig.cli("job", "confirm-destroyed", kit, "--no-remake")
        self.assertEqual(self.rig.job(kit)["state"], "FAILED")

    def test_others_go_on_while_a_card_waits_for_a_person(self):
        """The station with the doubtful card takes no other job; its card is the one thing in it."""
        self.s1.script["print"] = [Step(answer="in_doubt")]
        self.s1.verdicts = [{"verdict": "unknown", "where": "unknown", "evidence": {}, "text": ""}]
        first, second = self.rig.order(2)
        self.rig.wait_job(first, "the doubt", lambda j: "decision" in (self.rig.job(first).get("wait"), self.rig.job(second).get("wait")))
        doubtful, other = (first, second) if self.rig.job(first).get("wait") == "decision" else (second, first)
        self.rig.settle(1.5)
        self.rig.wait_job(other, "the other to wait for a station", lambda j: j["wait"] == "station")
        self.assertEqual(self.s1.fed, 1)
        self.s1.person_takes_card()
        self.rig.cli("job", "decide", doubtful, "spoiled")
        self.rig.wait_state(doubtful, "destroyed")
        self.rig.cli("job", "confirm-destroyed", doubtful, "--no-remake")
        self.rig.make(other)

    def test_error_replies(self):
        """An error instead of a result says nothing about the card, whatever its class."""
        for cls in ("REJECT", "RECONNECT", "RETRY", "OPERATOR", "FATAL", "IN_DOUBT"):
            with self.subTest(cls=cls):
                before = len(self.s1.steps)
                self.s1.script["verify"] = [Step(answer="error", cls=cls)]
                kit = self.rig.order(order_id="ORD-" + cls)[0]
                self.rig.make(kit)
                self.assertEqual(self.steps()[before:], ORDER)

    def test_malformed_results(self):
        for reply in ({}, {"outcome": "perhaps"}, {"outcome": "done", "where": 7}, {"outcome": "failed"},
                      {"result": {"outcome": []}}):
            with self.subTest(reply=reply):
                before = len(self.s1.steps)
                self.s1.script["verify"] = [Step(reply=reply)]
                kit = self.rig.order(order_id=f"ORD-{before}")[0]
                self.rig.make(kit)
                self.assertEqual(self.steps()[before:], ORDER)

    def test_reconcile_that_is_refused_is_no_knowledge(self):
        self.s1.script["print"] = [Step(then="forget")]
        self.s1.refuse["reconcile"] = [fault("REJECT", "the station does not know this call")]
        kit = self.rig.order()[0]
        self.rig.wait_state(kit, "decision")

    def test_result_last_that_is_refused_is_no_result(self):
        self.s1.script["print"] = [Step(then="forget")]
        self.s1.refuse["result.last"] = [fault("RETRY", "busy"), fault("REJECT", "the station does not know this call")]
        self.rig.make(self.rig.order()[0])
        self.assertEqual(self.steps(), ORDER)

    def test_result_of_another_step_is_not_taken(self):
        """What the station still has of an earlier job proves nothing about this one."""
        self.s1.script["stripe"] = [Step(effect=False, then="die")]
        original = self.s1.do_result_last

        def stale(connection, message):
            self.s1.last = {"job": "J000777", "step": "stripe", "seq": 2, "outcome": "done", "where": "mag"}
            original(connection, message)
        self.s1.do_result_last = stale
        self.rig.make(self.rig.order()[0])
        self.assertEqual(self.steps(), ["feed", "stripe"] + ORDER[1:])

    def test_station_falls_silent(self):
        """It holds the connection but answers nothing: the connection is given up, the step settled on the next."""
        self.s1.script["stripe"] = [Step(answer="silent", seconds=0.5)]
        kit = self.rig.order()[0]
        self.rig.wait_job(kit, "the stripe", lambda j: j["step"] == "stripe" and j["wait"] == "result")
        self.s1.silent = {"status"}
        self.rig.wait_job(kit, "the loss to be seen", lambda j: j["state"] == "IN_DOUBT", 15)
        self.s1.silent = set()
        self.rig.make(kit)
        self.assertEqual(self.steps(), ORDER)

    def test_connection_lost_while_the_step_runs(self):
        """The station works on; cardwrightd comes back, waits until it is no longer busy, and takes the result."""
        self.s1.script["print"] = [Step(seconds=2.0)]
        kit = self.rig.order()[0]
        self.rig.wait_job(kit, "the print", lambda j: j["step"] == "print" and j["wait"] == "result")
        self.s1.hang_up()
        self.rig.make(kit)
        self.assertEqual(self.steps(), ORDER)
        self.assertNotIn("reconcile", [c for c, _ in self.s1.calls])

    def test_attempt_lost_on_the_way(self):
        """The connection breaks before the try is acknowledged: no key is tried, the step is repeated."""
        original = self.s1.tell

        def lose_first_attempt(body):
            if body.get("event") == "attempt" and len(self.s1.attempts) == 1:
                self.s1.hang_up()
            else:
                original(body)
        self.s1.tell = lose_first_attempt
        self.rig.make(self.rig.order()[0])
        self.assertEqual(self.steps(), ["feed", "stripe", "chip"] + ORDER[2:])
        self.assertFalse(self.s1.acks.get(self.s1.attempts[0]))

    def test_card_gone_from_the_machine(self):
        """Somebody took it out between two steps: the last look before the next one sees it."""
        self.s1.script["stripe"] = [Step(where="none")]
        kit = self.rig.order()[0]
        job = self.rig.wait_state(kit, "destroyed")
        self.assertEqual(job["code"], "PRD_CARD_NOT_IN_MACHINE")
        self.assertEqual(self.steps(), ["feed", "stripe"])
        wait_for("the station to be free", lambda: self.s1.job is None, 5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
