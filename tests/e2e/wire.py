# SPDX-License-Identifier: Apache-2.0
"""One protected node and one peer, two network namespaces and a wire.

   NAME-peer                                          NAME-node
   192.0.2.2    2001:db8::2    peer0 ═════════ wan0   192.0.2.1   2001:db8::1
"""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools" / "lab"), str(ROOT / "tests" / "support")]

from namespaces import Lab  # noqa: E402  (the lab's folder must be known first)

DEVICE = "wan0"
NODE4, NODE6, PEER4, PEER6 = "192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2"


class Wire(Lab):
    """Both namespaces; `inside` and `command` are the lab's."""

    def namespace(self, place: str) -> str:
        return self._prefix + place

    def places(self) -> tuple[str, ...]:
        return ("node", "peer")

    def build(self) -> None:
        for place in self.places():
            ip("netns", "add", self.namespace(place))
            with self.inside(place):
                for setting in ("all/accept_dad", "default/accept_dad", "all/accept_ra", "default/accept_ra"):
                    pathlib.Path("/proc/sys/net/ipv6/conf", setting).write_text("0", encoding="ascii")
            ip("-n", self.namespace(place), "link", "set", "lo", "up")
        self.connect()

    def connect(self, device: str = DEVICE, number: int = 0, index: int | None = None) -> None:
        """Makes the wire; number 1 and on are further ones, of other networks."""
        node, peer = self.namespace("node"), self.namespace("peer")
        end = f"peer{number}"
        chosen = [] if index is None else ["index", str(index)]
        ip("-n", node, "link", "add", device, *chosen, "type", "veth", "peer", "name", end, "netns", peer)
        for namespace, name, last in ((node, device, 1), (peer, end, 2)):
            if number:
                ip("-n", namespace, "addr", "add", f"198.51.{number}.{last}/24", "dev", name)
            else:
                ip("-n", namespace, "addr", "add", f"192.0.2.{last}/24", "dev", name)
                ip("-n", namespace, "addr", "add", f"2001:db8::{last}/64", "dev", name, "nodad")
            ip("-n", namespace, "link", "set", name, "up")

    def node_ip(self, *arguments: str) -> None:
        ip("-n", self.namespace("node"), *arguments)

    def index(self, device: str = DEVICE) -> int:
        text = subprocess.run(["ip", "-n", self.namespace("node"), "-o", "link", "show", "dev", device],
                              capture_output=True, text=True, check=True).stdout
        return int(text.split(":")[0])


def ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def unique(name: str) -> str:
    return f"{name}{os.getpid()}"
