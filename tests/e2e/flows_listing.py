#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What `portmatrix flows` says of conversations with real sockets, one in each state: who opened it and to whom, by which rule,
its state, its age, and how much of its timeout is left."""

import re
import socket
import struct
import subprocess
import sys
import time

from edge_lab import NODE, EdgeLab, conversation_of, main
from matrix import ANYONE, FAMILIES, networks
from talks import PingTalk, TcpTalk, UdpTalk

_SILENT = {4: "100.64.0.9", 6: "2001:db8:bad::9"}
_PAUSE_SECONDS = 1.1
_RULE = "external/external/external-"


def _open(edge: EdgeLab, family: int) -> tuple[dict, list]:
    """Conversations in each state: what is to be said of them (state, timeout, rule), by opener, and what is to be closed."""
    peer, access, av = (ANYONE["external"][family], *(NODE.services[name][family] for name in ("access", "av")))
    wanted, talks = {}, []

    def tcp(state: str, timeout: int) -> TcpTalk:
        talk = TcpTalk(edge.lab, NODE.name, access, "external", peer, 5061)
        talk.ask()
        wanted[f"{_bracketed(access)}:{talk.opener_port}"] = (state, timeout, _RULE + "07-sip-mtls-out")
        talks.append(talk)
        return talk

    tcp("established", 7200)
    tcp("closing", 7200).opener.shutdown(socket.SHUT_WR)
    closed = tcp("closed", 30)
    closed.opener.shutdown(socket.SHUT_WR)
    closed.answerer.shutdown(socket.SHUT_WR)
    reset = tcp("reset", 10)
    reset.answerer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    reset.answerer.close()

    answered = UdpTalk(edge.lab, NODE.name, av, "external", peer, 3478)
    answered.ask()
    wanted[f"{_bracketed(av)}:{answered.opener_port}"] = ("answered", 180, _RULE + "13-stun-udp-out")
    ping = PingTalk(edge.lab, NODE.name, access, peer)
    ping.ask()
    wanted[f"{access} id {ping.identifier}"] = ("answered", 30, f"external/ping/ping{'6' if family == 6 else ''}-out")
    talks += [answered, ping]

    for kind, port, said in ((socket.SOCK_STREAM, 80, ("syn-sent", 60, _RULE + "02-crl-out")),
                             (socket.SOCK_DGRAM, 53, ("unanswered", 30, _RULE + "04-dns-udp-out"))):
        with edge.lab.inside(NODE.name):
            opener = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, kind)
        opener.bind((access, 0))
        opener.setblocking(False)
        opener.connect_ex((_SILENT[family], port))
        if kind == socket.SOCK_DGRAM:
            opener.send(b"anyone?")
        wanted[f"{_bracketed(access)}:{opener.getsockname()[1]}"] = said
        talks.append(opener)
    return wanted, talks


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _compare(edge: EdgeLab, wanted: dict, seconds: float) -> None:
    """The list for programs. Nothing is older than `seconds`."""
    said = edge.firewall.flows()
    found = {flow["opened_by"]: flow for flow in said["flows"]}
    edge.expect(set(found) == set(wanted), f"listed but not opened, or the reverse: {set(found) ^ set(wanted)}")
    edge.expect(said["live"] == len(wanted), f"{said['live']} live, not {len(wanted)}")
    for opener, (state, timeout, rule) in wanted.items():
        flow = found.get(opener)
        if flow is None:
            continue
        words = (flow["state"], flow["timeout_seconds"], flow["rule"], flow["interface"], flow["stale"], flow["generation"])
        edge.expect(words == (state, timeout, rule, rule.split("/")[0], False, said["generation"]), f"{opener}: {words}")
        edge.expect(_PAUSE_SECONDS <= flow["age_seconds"] <= seconds, f"{opener}: age {flow['age_seconds']} of {seconds}")
        edge.expect(flow["idle_seconds"] <= flow["age_seconds"], f"{opener}: idle {flow['idle_seconds']} s, but younger")
        left, least = flow["expires_in_seconds"], timeout - seconds
        edge.expect(least <= left <= timeout, f"{opener}: {left} of {timeout} s left after {seconds:.1f} s")


def _read(edge: EdgeLab, wanted: dict) -> None:
    """The table for people, a line a conversation."""
    done = _command(edge)
    lines = [re.split(r"  +", line) for line in done.stdout.splitlines()]
    edge.expect(lines[0] == ["interface", "protocol", "opened by", "to", "state", "age", "idle", "timeout", "left", "rule"],
                f"heading {lines[0]}")
    said = {cells[2]: (cells[4], cells[7], cells[9]) for cells in lines[1:] if len(cells) == 10}
    edge.expect(said == {opener: (state, f"{timeout} s", rule) for opener, (state, timeout, rule) in wanted.items()},
                f"the table says {said}")
    edge.expect(done.stdout.endswith(f"\n{len(wanted)} conversations, 0 expired; room for 262144\n"), done.stdout[-80:])


def _command(edge: EdgeLab, *flags: str) -> subprocess.CompletedProcess:
    return subprocess.run([str(edge.build / "bin" / "portmatrix"), "--pin_root", str(edge.firewall.pin_root), "flows", *flags],
                          capture_output=True, text=True, check=False)


def _one_interface(edge: EdgeLab, wanted: dict) -> None:
    inside = TcpTalk(edge.lab, NODE.name, NODE.services["internal"][4], "internal",
                     str(networks("internal", "director", 4)[0][0]), 5061)
    try:
        inside.ask()
        of = {name: edge.firewall.flows("--interface", name)["flows"] for name in ("external", "internal")}
        edge.expect([flow["local_port"] for flow in of["internal"]] == [inside.opener_port], f"internal: {of['internal']}")
        edge.expect(len(of["external"]) == len(wanted), f"external: {len(of['external'])} lines, not {len(wanted)}")
        refused = _command(edge, "--interface", "externel")
        edge.expect(refused.returncode == 2 and "has no interface `externel`" in refused.stderr, f"a wrong name: {refused}")
    finally:
        inside.close()


def _after_a_change(edge: EdgeLab) -> None:
    """Until its next packet an entry is of the generation before, and says so."""
    before = {conversation_of(flow) for flow in edge.firewall.flows()["flows"]}
    edge.apply(edge.policy(without="external-02-crl-out"))
    flows = edge.firewall.flows("--interface", "external")["flows"]
    edge.expect({conversation_of(flow) for flow in flows} <= before, "a change made conversations")
    edge.expect(any(flow["stale"] for flow in flows), "no conversation is of the generation before")


def _run(edge: EdgeLab) -> None:
    edge.make()
    for prefix in (f"{_SILENT[4]}/32", f"{_SILENT[6]}/128"):
        subprocess.run(edge.lab.command("external", "ip", "route", "add", "blackhole", prefix), check=True)
    edge.firewall.start(edge.policy())
    edge.firewall.wait()
    wanted, talks = {}, []
    try:
        begun = time.monotonic()
        for family in FAMILIES:
            more, opened = _open(edge, family)
            wanted |= more
            talks += opened
        time.sleep(_PAUSE_SECONDS)
        _compare(edge, wanted, time.monotonic() - begun + 1)
        _read(edge, wanted)
        _one_interface(edge, wanted)
        _after_a_change(edge)
    finally:
        for talk in talks:
            talk.close()


if __name__ == "__main__":
    sys.exit(main(_run))
