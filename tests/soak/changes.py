# SPDX-License-Identifier: Apache-2.0
"""Who changes the policy, and what happens to the agent meanwhile. One after the other, so that it is known at any moment which kind of
policy must judge: even or odd, as change_under_traffic has them."""

import collections
import http.client
import threading
import time

import change_under_traffic
from tap_node import Refused, files

FLAP = "flap0"
_FLAP_ADDRESS = "203.0.113.1"
_POLICIES = 14  # seven names, two kinds
_SETTLE_SECONDS = 20
_ROUNDS = 100  # packets: several rounds of the traffic, each of which asks for both kinds


def policy(number: int) -> dict:
    """That of change_under_traffic, and a third interface on the device that comes and goes."""
    of_two = change_under_traffic.policy(number)
    texts = {document["path"].rpartition("/")[2].removesuffix(".yaml"): document["text"] for document in of_two["documents"]}
    texts["node"] += f"  third: {{device: {FLAP}, local: {_FLAP_ADDRESS}, matrices: [first]}}\n"
    return files(**texts)


class Changes:
    """`flips`: how often the kind that judges changed, which the traffic must have seen just as often; but for those that were over
    before the traffic was given the processor, two each of `unseen`."""

    limits = {"generations kept": 40}

    def __init__(self, node, flags, chance):
        self._node, self._flags, self._chance = node, flags, chance
        self._number = 0
        self._kinds = {}  # fingerprint: even or odd
        self._even = True
        self.agent_is_away = threading.Event()
        self.flips = self.unseen = 0
        self.wrong = []
        self._done = collections.Counter()
        self._away = []  # seconds

    def learn(self) -> None:
        """The fingerprints of all policies, by which it is seen later which kind judges."""
        for number in range(_POLICIES):
            said = self._node.ask("POST", "/v1/apply", {"files": policy(number), "dry_run": True})
            self._kinds[said["fingerprint"]] = number % 2 == 0

    def run_until(self, end: float, kills: bool) -> None:
        acts = [(6, self._apply), (2, self._confirmed), (2, self._rolled_back), (1, self._lapsed), (1, self._broken), (1, self._reload)]
        if kills:
            acts += [(2, self._kill), (2, self._kill_in_a_change), (1, self._hang), (1, self._restart)]
        first = [self._kill_in_a_change, self._kill, self._hang, self._restart] if kills else []
        while time.monotonic() < end:
            act = first.pop() if first else self._chance.choices([act for _, act in acts], [weight for weight, _ in acts])[0]
            try:
                act()
                self._done[act.__name__.lstrip("_").replace("_", " ")] += 1
            except (OSError, Refused, http.client.HTTPException) as error:
                self.wrong.append(f"{act.__name__}: {error!r}")
                if len(self.wrong) > 20:
                    return
            time.sleep(self._chance.uniform(0, 0.2))

    def settle(self) -> None:
        if self.agent_is_away.is_set():
            self._start()
        self._look()

    def report(self) -> None:
        from watch import figure
        figure("changes and misfortunes: " + ", ".join(f"{count} x {what}" for what, count in self._done.most_common()))
        if self._away:
            away = sorted(self._away)
            figure(f"the agent was away {len(away)} times, for {1000 * away[0]:.0f} to {1000 * away[-1]:.0f} ms "
                   f"(median {1000 * away[len(away) // 2]:.0f})")

    # ---- Which kind judges ----

    def _next(self) -> dict:
        self._number += self._chance.choice((1, 1, 1, 2))
        return policy(self._number)

    def _judges(self, even: bool) -> None:
        self.flips += even != self._even
        self._even = even

    def _look(self) -> None:
        """What judges, after something that may or may not have changed it."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while (status := self._node.status())["pending"] is not None:
            if time.monotonic() > deadline:
                self.wrong.append("a trial does not end")
                break
            time.sleep(0.05)
        self._judges(self._kinds[status["generation"]["fingerprint"]])

    def _packets(self) -> int:
        return sum(entry["packets"] for entry in self._node.ask("GET", "/v1/counters")["interfaces"] if entry["interface"] != "third")

    def _is_met(self, seconds: float) -> bool:
        """Does the traffic meet what judges now, within the time?"""
        deadline, enough = time.monotonic() + seconds, self._packets() + _ROUNDS
        while time.monotonic() < deadline:
            if self._packets() >= enough:
                return True
            time.sleep(0.01)
        return False

    def _of_next(self) -> bool:
        return self._number % 2 == 0

    # ---- Changes ----

    def _apply(self) -> None:
        self._node.apply(self._next())
        self._judges(self._of_next())

    def _confirmed(self) -> None:
        result = self._node.apply(self._next(), confirm_seconds=30)["result"]
        self._judges(self._of_next())
        if result == "pending":
            self._node.confirm()

    def _rolled_back(self) -> None:
        before = self._even
        result = self._node.apply(self._next(), confirm_seconds=30)["result"]
        self._judges(self._of_next())
        if result == "pending":
            self.unseen += self._even != before and not self._is_met(10)
            time.sleep(self._chance.uniform(0, 0.05))
            self._node.ask("POST", "/v1/rollback", {})
            self._judges(before)

    def _lapsed(self) -> None:
        before = self._even
        begun = time.monotonic()
        result = self._node.apply(self._next(), confirm_seconds=1)["result"]
        self._judges(self._of_next())
        if result == "pending":
            self.unseen += self._even != before and not self._is_met(0.9 - (time.monotonic() - begun))
            time.sleep(1.2)
            self._judges(before)

    def _broken(self) -> None:
        broken = policy(self._number)
        broken["documents"][0]["text"] += "nonsense: 1\n"
        try:
            self._node.apply(broken)
            self.wrong.append("a broken policy was taken")
        except Refused:
            pass

    def _reload(self) -> None:
        self._node.reload()

    # ---- Misfortunes ----

    def _start(self) -> None:
        self._node.start(*self._flags)
        self.agent_is_away.clear()

    def _gone(self, end) -> float:
        self.agent_is_away.set()
        begun = time.monotonic()
        end()
        return begun

    def _back(self, begun: float) -> None:
        self._start()
        self._away.append(time.monotonic() - begun)
        self._look()

    def _kill(self) -> None:
        begun = self._gone(self._node.kill)
        time.sleep(self._chance.uniform(0, 0.3))
        self._back(begun)

    def _restart(self) -> None:
        self._back(self._gone(self._node.stop))

    def _kill_in_a_change(self) -> None:
        wanted, trial = self._next(), self._chance.choice((None, 1))

        def apply() -> None:
            try:
                self._node.apply(wanted, confirm_seconds=trial)
            except (OSError, Refused, http.client.HTTPException, ValueError):
                pass  # it was cut off

        changing = threading.Thread(target=apply)
        even = self._even
        changing.start()
        time.sleep(self._chance.uniform(0, 0.08))
        begun = self._gone(self._node.kill)
        changing.join()
        self._start()
        self._away.append(time.monotonic() - begun)
        # A trial that was made has judged and has ended, unseen: both ways count.
        status = self._node.status()
        on_trial = status["pending"] is not None
        if trial and on_trial:
            self._judges(self._kinds[status["generation"]["fingerprint"]])
            self.unseen += self._even != even  # nobody knows for how long it judged
        self._look()
        if trial and not on_trial and self._even == even:
            self._account_for_a_trial(wanted, even)

    def _account_for_a_trial(self, wanted: dict, even: bool) -> None:
        """A trial whose whole life was over before anyone could look: the history tells whether there was one."""
        fingerprint = self._node.ask("POST", "/v1/apply", {"files": wanted, "dry_run": True})["fingerprint"]
        newest = max(self._node.history().values(), key=lambda entry: entry["number"])
        if newest["fingerprint"] == fingerprint and newest["outcome"] == "rolled-back" and self._kinds[fingerprint] != even:
            self.flips += 2
            self.unseen += 1

    def _hang(self) -> None:
        self.agent_is_away.set()
        self._node.hang()
        time.sleep(self._chance.uniform(0.1, 0.5))
        self._node.go_on()
        self.agent_is_away.clear()


__all__ = ["Changes", "FLAP", "policy"]
