# SPDX-License-Identifier: Apache-2.0
"""Functions as tests of one rig: each is timed, a failure shows its trace and what the rig has to say."""
import time
import traceback


def run_each(tests, call, failed, go_on=True):
    """call(test) runs one, failed() tells more after a failure. How many failed; without go_on the first one ends it."""
    bad = 0
    for test in tests:
        start = time.monotonic()
        try:
            call(test)
            print(f"ok   {test.__name__} {time.monotonic() - start:.1f} s", flush=True)
        except Exception:  # noqa: BLE001
            bad += 1
            print(f"FAIL {test.__name__}", flush=True)
            traceback.print_exc()
            failed()
            if not go_on:
                break
    return bad
