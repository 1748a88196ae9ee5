# SPDX-License-Identifier: Apache-2.0
"""Numbered datagrams from the peer to the node, at any time and on every port, so that no packet can be misjudged unseen.

Two policies take turns: both have the same rules, and disagree about two ports, so that every packet counts for the same rule or
reason whichever of them judges, and the counters can be held against what was sent.

   port      allowed by     counts for
   ALWAYS    both           rule always
   FIRST     the first      rule first  (the second denies it)
   SECOND    the second     rule second (the first denies it)
   NEVER     neither        the default
"""

import collections
import select
import socket
import threading
import time

from case import DEVICE, NODE4, NODE6

ALWAYS, FIRST, SECOND, NEVER = PORTS = 7000, 7001, 7002, 7009
_ROUND_SECONDS = 0.002
_SO_RCVBUFFORCE = 33


def policy(which: str, description: str = "") -> str:
    """The first or the second; the description makes it another policy that judges alike."""
    deny = {"first": SECOND, "second": FIRST}[which]
    rules = "".join(
        f"  - {{id: {name}, from: any, to: me, protocol: udp, ports: {port}{', action: deny' if port == deny else ''}}}\n"
        for name, port in (("always", ALWAYS), ("first", FIRST), ("second", SECOND)))
    return (f"matrix: m\ndescription: the {which} {description}\nrules:\n{rules}---\n"
            f"node: node\nsets: {{me: [{NODE4}, '{NODE6}']}}\nfailsafe: none\n"
            f"interfaces:\n  wan: {{device: {DEVICE}, local: me, matrices: [m]}}\n")


class Traffic:
    """Runs from `with` to the end of it; then `wrong` says what was misjudged."""

    def __init__(self, wire):
        self._wire = wire
        self._stop = threading.Event()
        self.sent = collections.Counter()
        self._rounds = 0
        self._arrived = {port: set() for port in PORTS}

    def __enter__(self):
        with self._wire.inside("node"):
            self._receivers = {self._bound(port): port for port in PORTS}
        with self._wire.inside("peer"):
            self._sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._send, self._receive)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for opened in (self._sender, *self._receivers):
            opened.close()

    @property
    def packets(self) -> int:
        return sum(self.sent.values())

    def came(self, port: int) -> bool:
        """Whether any packet of that port came through."""
        return bool(self._arrived[port])

    def wrong(self, changes: int) -> list[str]:
        """After at most so many changes from one policy to the other: what came through that should not, and the reverse."""
        found = []
        if lost := self._rounds - len(self._arrived[ALWAYS]):
            found.append(f"{lost} of {self._rounds} packets were lost that both policies allow")
        if self._arrived[NEVER]:
            found.append(f"{len(self._arrived[NEVER])} packets came through that neither policy allows")
        # A change between the two packets of a round lets both through, or none.
        odd = [number for number in range(self._rounds)
               if (number in self._arrived[FIRST]) == (number in self._arrived[SECOND])]
        if len(odd) > changes:
            found.append(f"{len(odd)} rounds were judged by neither policy wholly, after {changes} changes; first {odd[:5]}")
        return found

    def miscounted(self, before, after) -> list[str]:
        """Where the counters did not grow by exactly what was sent."""
        expected = {("rule", name): self.sent[port] for name, port in (("always", ALWAYS), ("first", FIRST), ("second", SECOND))}
        expected["default", "dropped"] = self.sent[NEVER]
        found = []
        for (kind, name), sent in expected.items():
            if kind == "rule":
                key = f"wan/m/{name}", "in"
                grown = after.rules[key].packets - before.rules[key].packets
            else:
                key = "wan", "in", "default", "dropped"
                grown = after.reasons[key] - before.reasons[key]
            if grown != sent:
                found.append(f"{kind} {name}: grew by {grown}, {sent} were sent")
        return found + after.unaccounted()

    @staticmethod
    def _bound(port: int) -> socket.socket:
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 23)
        receiver.bind((NODE4, port))
        receiver.setblocking(False)
        return receiver

    def _send(self) -> None:
        while not self._stop.is_set():
            number = self._rounds.to_bytes(8, "big")
            for port in PORTS:
                self._sender.sendto(number, (NODE4, port))
                self.sent[port] += 1
            self._rounds += 1
            time.sleep(_ROUND_SECONDS)

    def _receive(self) -> None:
        while True:
            ready, _, _ = select.select(list(self._receivers), [], [], 0.2)
            for receiver in ready:
                try:
                    while True:
                        self._arrived[self._receivers[receiver]].add(int.from_bytes(receiver.recv(64), "big"))
                except BlockingIOError:
                    pass
            if not ready and self._stop.is_set():
                return


__all__ = ["Traffic", "policy"]
