# SPDX-License-Identifier: Apache-2.0
"""
Cases of the kill matrix. A lane is a process with a virtual branch of its own that takes its share of the cases one after
another, restarting only what was killed; a program runs a few lanes at once. A failed case costs its lane a new branch.
"""
import http.client
import json
import os
import signal
import socket
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../branch"))

from branch import Branch  # noqa: E402
from process import BranchError, _die_with_parent, wait_for  # noqa: E402
from oracle import Oracle  # noqa: E402
from person import Person  # noqa: E402

PRODUCTS = {"desk-1": "CLASSIC", "desk-2": "TRAVEL"}
KITS_MAX = 40  # customers of the simulated bank


class CaseFailed(Exception):
    pass


def need(true, text):
    if not true:
        raise CaseFailed(text)


class _UnixHTTP(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class World:
    """A running branch, its kits, and the questions every case asks."""

    def __init__(self, build, desks=("desk-1", "desk-2"), kits=20, **more):
        self.branch = Branch(build, hopper=60, ribbon="ymcko:200", **more)
        self.branch.desks = [d for d in self.branch.desks if d.name in desks]
        self.counts = kits if isinstance(kits, dict) else {d: kits // len(desks) for d in desks}
        self.fresh = {d: [] for d in desks}
        self.made = []
        self.acts = []  # what a person did in this case
        self.at_rest = True  # whether everything is to be at rest after each case, or only after the last
        self.person = Person(self)
        self.oracle = Oracle(self)

    def start(self):
        self.branch.start()
        names = list(self.counts)
        kits = self.branch.order("ORDER-1", {PRODUCTS[d]: self.counts[d] for d in names}, [])
        products = {k["kitNo"]: k["productId"] for k in self.branch.bank.kits("ORDER-1")}
        for d in names:
            self.fresh[d] = [k for k in kits if products[k] == PRODUCTS[d]]
        return self

    def stop(self):
        self.branch.stop()
        self.branch.remove()

    # ---- daemons ----

    def desk(self, name):
        return [d for d in self.branch.desks if d.name == name][0]

    def _plan(self, daemon, plan):
        if plan:
            self.branch.failpoints[daemon] = plan
        else:
            self.branch.failpoints.pop(daemon, None)

    def _ended(self, process):
        process.kill()
        if process in self.branch.processes:
            self.branch.processes.remove(process)

    def restart_agent(self, plan=None):
        self._ended(self.branch.agent)
        self._plan("cardwrightd", plan)
        self.branch.start_agent()

    def restart_station(self, name, plan=None):
        desk = self.desk(name)
        self._ended(desk.station)
        self._plan(name, plan)
        self.branch.start_station(desk)

    def restart_kiosk(self, plan=None):
        self._ended(self.branch.kiosk)
        self._plan("kiosk-1", plan)
        self.branch.start_kiosk()

    def restart_hsmd(self):
        self._ended(self.branch.hsmd)
        self.branch.start_hsmd()

    def wait_death(self, process, what, seconds=12):
        """The failpoint was reached: the process ended by SIGKILL."""
        try:
            wait_for("the kill " + what, lambda: not process.running(), seconds, 0.02)
        except BranchError:
            raise CaseFailed(f"{what} was never reached") from None
        code = process.child.returncode
        need(code == -signal.SIGKILL, f"{process.name} ended with {code}, not by SIGKILL")

    def wait_death_helping(self, process, what, kit):
        """As wait_death, while a person answers what the kit's job asks."""
        def look():
            job = self.job(kit) if process.running() else None
            if job and job["needs_person"]:
                self.acts += self.person.help(job)
            return not process.running()
        self.wait("the kill at " + what, look)
        need(process.child.returncode == -signal.SIGKILL, f"{process.name} ended with {process.child.returncode}")

    def wait(self, what, check, seconds=15):
        try:
            return wait_for(what, check, seconds, 0.05)
        except BranchError as e:
            raise CaseFailed(str(e)) from None

    # ---- jobs ----

    def get(self, path):
        """The control API, or None while cardwrightd is away."""
        try:
            connection = _UnixHTTP(self.branch.path("run/control.sock"))
            connection.request("GET", path)
            answer = connection.getresponse()
            data = answer.read()
            connection.close()
        except (OSError, http.client.HTTPException):
            return None
        return json.loads(data) if answer.status == 200 else None

    def job(self, kit):
        jobs = self.get("/v1/jobs?all=1")
        found = [j for j in jobs["jobs"] if j["kit"] == kit] if jobs else []
        return found[0] if found else None

    def history(self, kit):
        return (self.get("/v1/jobs/" + kit) or {}).get("history", [])

    def assign(self, desk="desk-1"):
        """A teller gives the next kit of this desk's product to a customer."""
        kit = self.fresh[desk].pop(0)
        self.branch.bank.assign(kit, "ASHA NAIR")
        return kit

    def wait_job(self, kit, what, check, seconds=25):
        def look():
            job = self.job(kit)
            return job and check(job) and job
        try:
            return wait_for(what, look, seconds, 0.05)
        except BranchError as e:
            raise CaseFailed(f"{e}; job: {self.job(kit)}") from None

    def wait_made(self, kits, seconds=30):
        """Until every kit is made; a person helps where the job asks for one. Returns what the person did, per kit."""
        done = {kit: [] for kit in kits}

        def look():
            answer = self.get("/v1/jobs?all=1")
            if not answer:
                return False
            jobs = {j["kit"]: j for j in answer["jobs"]}
            for kit in kits:
                if kit in jobs and jobs[kit]["needs_person"]:
                    done[kit] += self.person.help(jobs[kit])
            return all(kit in jobs and (jobs[kit]["wait"] == "handover" or jobs[kit]["ended"]) for kit in kits)
        try:
            wait_for("the kits to be made", look, seconds, 0.05)
        except BranchError as e:
            text = "\n".join(str(self.job(k)) for k in kits)
            raise CaseFailed(f"{e}; person did {done}\n{text}") from None
        for kit in kits:
            job = self.job(kit)
            need(job["wait"] == "handover", f"kit {kit} ended as {job['state']} {job['code']}")
            self.made.append(kit)
        return done

    def outcome(self, kit, acts=None, plastics=None):
        """The kit is made; compares what a person had to do and the plastics it took with what is expected."""
        self.acts += self.wait_made([kit])[kit]
        done, self.acts = self.acts, []
        used = self.job(kit)["plastics"]
        need(acts is None or done == list(acts), f"a person did {done}, not {list(acts or [])}")
        need(plastics is None or used == plastics, f"it took {used} plastics, not {plastics}")
        return describe(done, used)


# What a case may need: nothing but time; a confirmation that the spoiled card is in the box; or first somebody who looks.
BY_ITSELF = {"acts": [], "plastics": 1}
SPOILED = {"acts": ["destroyed"], "plastics": 2}


def in_doubt(step):
    return {"acts": [f"{step} spoiled", "destroyed"], "plastics": 2}


def describe(done, plastics):
    """What it took."""
    return f"made, {plastics} plastic{'s' if plastics > 1 else ''}" + (", person: " + ", ".join(done) if done else "")


def failure(world, error):
    print(f"    {type(error).__name__}: {error}", flush=True)
    if not isinstance(error, (CaseFailed, BranchError)):
        traceback.print_exc()
    try:
        for kit in [j["kit"] for j in (world.get("/v1/jobs") or {"jobs": []})["jobs"] if j["wait"] != "handover"]:
            print(f"    history of kit {kit}:")
            for e in world.history(kit):
                print("     ", e["n"], e["kind"], e["type"], e["step"], e["seq"], e["state"], e.get("evidence", ""))
        for name in sorted(os.listdir(world.branch.path("logs"))):
            if name.startswith(("apdu", "emu")):
                continue
            with open(world.branch.path("logs", name), errors="replace") as log:
                lines = [line.rstrip()[:240] for line in log.readlines()[-25:]]
            print(f"    --- {name}\n    " + "\n    ".join(lines))
    except Exception as e:  # pylint: disable=broad-except
        print("    no more can be told:", e)
    sys.stdout.flush()


def _run_lane(make_world, cases):
    world, failed, used = None, 0, 0
    for name, case in cases:
        start = time.monotonic()
        try:
            if world is None:
                world = make_world().start()
                start = time.monotonic()
            outcome = case(world)
            if world.at_rest or name == cases[-1][0]:
                world.oracle.check()
            print(f"ok    {name:<58} {outcome}  {time.monotonic() - start:.1f} s", flush=True)
        except Exception as e:  # pylint: disable=broad-except
            failed += 1
            print(f"FAIL  {name:<58} {time.monotonic() - start:.1f} s", flush=True)
            if world is not None:
                failure(world, e)
                world.stop()
            else:
                traceback.print_exc()
            world = None
        used += 1
    if world is not None:
        try:
            world.oracle.check_end()
        except Exception as e:  # pylint: disable=broad-except
            failed += 1
            print("FAIL  the end of the lane")
            failure(world, e)
        world.stop()
    return failed, used


def _lane_process(make_world, cases):
    _die_with_parent()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    code = 1
    try:
        failed, used = _run_lane(make_world, cases)
        code = 1 if failed or used != len(cases) else 0
        sys.stdout.flush()
    finally:
        os._exit(code)


def deal(worlds, cases):
    """The cases, one after another to each world in turn."""
    return [(world, cases[n::len(worlds)]) for n, world in enumerate(worlds)]


def one_desk(desk, **more):
    """Makes a branch with one desk and as many kits as the bank has customers."""
    return lambda: World(sys.argv[1], desks=(desk,), kits=KITS_MAX, **more)


def three_branches():
    return [one_desk("desk-1"), one_desk("desk-2"), one_desk("desk-1")]


def run(lanes):
    """Runs the lanes at once; 0 when all cases passed. With words on the command line: only cases that have one of them."""
    words = sys.argv[2:]
    lanes = [(world, [c for c in cases if not words or any(w in c[0] for w in words)]) for world, cases in lanes]
    lanes = [(world, cases) for world, cases in lanes if cases]
    chosen = [c for _, cases in lanes for c in cases]
    if not chosen:
        print("no case has that name")
        return 2
    start = time.monotonic()
    pids = []
    sys.stdout.flush()
    for make_world, cases in lanes:
        pid = os.fork()
        if pid == 0:
            _lane_process(make_world, cases)
        pids.append(pid)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    failed = 0
    try:
        for pid in pids:
            failed += os.waitpid(pid, 0)[1] != 0
    except BaseException:
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        raise
    print(f"{len(chosen)} cases in {time.monotonic() - start:.0f} s: {'FAILED' if failed else 'all passed'}", flush=True)
    return 1 if failed else 0
