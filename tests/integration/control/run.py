# SPDX-License-Identifier: Apache-2.0
"""Runs every test of this folder in a process of its own, a few at a time: most of them mostly wait."""
import concurrent.futures
import os
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
AT_ONCE = int(os.environ.get("CW_AT_ONCE", "4"))


def names(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from names(item)
        else:
            yield item.id()


def run(name):
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-B", "-W", "error", "-m", "unittest", name], cwd=HERE, capture_output=True,
                          text=True, check=False)
    return name, done.returncode, time.monotonic() - start, done.stdout + done.stderr


def main():
    sys.path.insert(0, HERE)
    tests = sorted(n for n in names(unittest.defaultTestLoader.discover(HERE)) if all(a in n for a in sys.argv[1:]))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for job in concurrent.futures.as_completed([pool.submit(run, n) for n in tests]):
            name, status, seconds, output = job.result()
            print(f"{'ok  ' if status == 0 else 'FAIL'} {seconds:5.1f} s  {name}", flush=True)
            if status:
                failed += 1
                print(output, flush=True)
    print(f"{len(tests)} tests, {failed} failed")
    return 1 if failed or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
