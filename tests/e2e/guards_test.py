#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whoever brings a policy is not cut off by it. `portmatrix apply` is asked as from an SSH session, and refuses (exit 6) what would
cut that session or starve an address of its renewal, naming the rule that is missing; --dry-run says the same and changes nothing;
--force does as it is told. Whether the refusal was right is tried with a real connection."""

import contextlib
import socket

from case import DEVICE, NODE4, NODE6, NodeTest, PEER4, figure, policy_of, run
from wire import PEER6

_SSH = 22
_REFUSED = 6
_INVALID = 3


def session(source: str, target: str, port: int = _SSH) -> dict[str, str]:
    return {"SSH_CONNECTION": f"{source} 51022 {target} {port}"}


def failsafe(source: str, port: int = _SSH) -> str:
    return f"\n  - {{protocol: tcp, ports: {port}, from: '{source}'}}"


class Session(NodeTest):
    def setUp(self) -> None:
        super().setUp()
        self.start(policy_of([_SSH]))
        self.cutting = self.other_policy("cutting", policy_of([7000]))

    def asked(self, path, source: str, target: str, *flags: str, port: int = _SSH):
        return self.command("apply", path, *flags, environment=session(source, target, port))

    def generation(self) -> int:
        return self.agent.counters().generation

    def reaches(self, target: str, port: int = _SSH) -> bool:
        """A connection from the peer to a listener of the node."""
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        with self.wire.inside("node"):
            listener = socket.create_server((target, port), family=family)
        with self.wire.inside("peer"):
            caller = socket.socket(family, socket.SOCK_STREAM)
        with contextlib.closing(listener), contextlib.closing(caller):
            caller.settimeout(0.7)
            try:
                caller.connect((target, port))
            except OSError:
                return False
            return True

    def test_refusal_names_the_missing_rule_and_is_right(self) -> None:
        for source, target in ((PEER4, NODE4), (PEER6, NODE6)):
            with self.subTest(target=target):
                before = self.generation()
                done = self.asked(self.cutting, source, target)
                self.assertEqual(done.returncode, _REFUSED, done.stderr)
                self.assertIn("it would cut your own session", done.stderr)
                self.assertIn(f"{{protocol: tcp, ports: {_SSH}, from: {source}}}", done.stderr)
                self.assertIn("--force", done.stderr)
                self.assertEqual(self.generation(), before)
                self.assertTrue(self.reaches(target))
                missing = self.other_policy("with", policy_of([7000], failsafe=failsafe(source)))
                self.assertEqual(self.asked(missing, source, target).returncode, 0)
                self.assertTrue(self.reaches(target), "the rule that the refusal names is enough")
                self.apply(self.other_policy("back", policy_of([_SSH])))
        self.assertEqual(self.asked(self.cutting, PEER4, NODE4, "--force").returncode, 0)
        self.assertFalse(self.reaches(NODE4), "what --force overrode was true")
        figure("a policy that cuts the caller's session: refused over IPv4 and IPv6, its missing rule named, and that suffices; "
               "--force installs it, and it does cut")

    def test_dry_run_says_the_difference_and_the_objection_and_changes_nothing(self) -> None:
        before = self.generation()
        done = self.asked(self.cutting, PEER4, NODE4, "--dry-run")
        self.assertEqual(done.returncode, _REFUSED, done.stderr)
        self.assertIn("- wan/m/p22", done.stdout)
        self.assertIn("+ wan/m/p7000", done.stdout)
        self.assertIn("would be refused: it would cut your own session", done.stderr)
        self.assertEqual(self.generation(), before)
        innocent = self.other_policy("innocent", policy_of([_SSH, 7000]))
        done = self.asked(innocent, PEER4, NODE4, "--dry-run")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("+ wan/m/p7000", done.stdout)
        self.assertEqual(self.generation(), before)

    def test_deny_rule_before_the_one_that_allows_is_named(self) -> None:
        text = policy_of([_SSH]).replace("rules:\n", f"rules:\n  - {{id: shut, from: {PEER4}/32, to: me, protocol: tcp, action: deny}}\n")
        done = self.asked(self.other_policy("shut", text), PEER4, NODE4)
        self.assertEqual(done.returncode, _REFUSED, done.stderr)
        self.assertIn("wan/m/shut", done.stderr)

    def test_address_of_ssh_written_as_mapped_ipv4(self) -> None:
        """As a listener of both families writes it."""
        done = self.asked(self.cutting, f"::ffff:{PEER4}", f"::ffff:{NODE4}")
        self.assertEqual(done.returncode, _REFUSED, done.stderr)
        self.assertIn(f"from: {PEER4}}}", done.stderr)

    def test_session_is_found_behind_sudo(self) -> None:
        """A program between clears the environment, as sudo does."""
        line = ["env", "-i", "PATH=/usr/bin:/bin", *self.agent.line(), "apply", str(self.cutting)]
        quoted = " ".join(f"'{word}'" for word in line)
        done = self.within(["sh", "-c", f"{quoted}; exit $?"], session(PEER4, NODE4))
        self.assertEqual(done.returncode, _REFUSED, done.stderr)
        self.assertIn("it would cut your own session", done.stderr)

    def test_jump_host(self) -> None:
        """The last leg is what is known: it comes from the jump host. One behind a gateway comes through the device of its route,
        whatever interface has the address in `local`; one that names no address of this node concerns nobody."""
        self.wire.connect("lan0", number=1)
        far = "203.0.113.9"
        two = policy_of([7000]).replace(", 198.51.1.1]", "]") + "  lan: {device: lan0, local: 198.51.1.1, matrices: [l]}\n" \
            "---\nmatrix: l\nrules:\n  - {id: ssh, from: any, to: 198.51.1.1, protocol: tcp, ports: 22}\n"
        path = self.other_policy("two", two)
        self.wire.node_ip("route", "add", f"{far}/32", "via", "192.0.2.2")
        for name, source, target, code in (
                ("jump host on the wire itself", PEER4, NODE4, _REFUSED),
                ("far, its route leads through the interface that lets nobody in", far, NODE4, _REFUSED),
                ("this leg is another host's", PEER4, "192.0.2.77", 0)):
            with self.subTest(name):
                done = self.asked(path, source, target, "--dry-run")
                self.assertEqual(done.returncode, code, done.stderr)
                if code:
                    self.assertIn(f"from: {source}", done.stderr)
        figure("jump hosts: the leg that ends here is judged by the device of its route; other hosts' legs are not this host's business")

    def test_vlan_device_below_the_session(self) -> None:
        """Policies bind the device of the wire; the address stands on the VLAN device above it."""
        try:
            self.wire.node_ip("link", "add", "link", DEVICE, "name", "v10", "type", "vlan", "id", "10")
        except OSError as error:
            self.skipTest(f"no VLAN devices here: {error}")
        self.wire.node_ip("addr", "add", "198.51.9.1/24", "dev", "v10")
        self.wire.node_ip("link", "set", "v10", "up")
        done = self.asked(self.cutting, "198.51.9.2", "198.51.9.1")
        self.assertEqual(done.returncode, _REFUSED, done.stderr)
        self.assertIn(f"no interface takes the tagged 10 frames of {DEVICE}", done.stderr)

    def test_session_within_the_host_is_not_cut(self) -> None:
        self.assertEqual(self.asked(self.cutting, NODE4, NODE4).returncode, 0)

    def test_failsafe_must_be_written(self) -> None:
        without = self.other_policy("without", policy_of([_SSH]).replace("failsafe: none\n", ""))
        before = self.generation()
        done = self.asked(without, PEER4, NODE4)
        self.assertEqual(done.returncode, _INVALID, done.stderr)
        self.assertIn("failsafe", done.stderr)
        self.assertEqual(self.generation(), before)


class Lease(NodeTest):
    """Addresses with an end to their life, as a DHCP client or the kernel after a router advertisement writes them."""

    def setUp(self) -> None:
        super().setUp()
        self.start(policy_of([7000], more=", dhcp: client"))

    def leased(self, address: str, device: str = DEVICE) -> None:
        self.wire.node_ip("addr", "add", address, "dev", device, "valid_lft", "3600", "preferred_lft", "1800")

    def test_renewal_that_would_starve(self) -> None:
        for name, address, starves, renews, missing in (
                ("DHCP", "192.0.2.50/24", "", ", dhcp: client", "dhcp: client"),
                ("DHCPv6", "2001:db8::50/128", "", ", dhcp: client", "dhcp: client"),
                ("router advertisements", "2001:db8::51/64", ", router_advertisements: drop", "", "router_advertisements: accept")):
            with self.subTest(name):
                self.leased(address)
                for kind, more, code in (("starves", starves, _REFUSED), ("renews", renews, 0)):
                    path = self.other_policy(kind, policy_of([7000, 7001], more=more))
                    done = self.command("apply", path, "--dry-run")
                    self.assertEqual(done.returncode, code, f"{kind}: {done.stdout}{done.stderr}")
                starving = self.other_policy("starves", policy_of([7000, 7002], more=starves))
                done = self.command("apply", starving)
                self.assertEqual(done.returncode, _REFUSED, done.stderr)
                self.assertIn(f"{address.split('/')[0]} on {DEVICE} was leased and would expire", done.stderr)
                self.assertIn(f"no `{missing}`", done.stderr)
                self.apply(starving, "--force")
                self.wire.node_ip("addr", "del", address, "dev", DEVICE)
                self.apply(self.other_policy("again", policy_of([7000], more=", dhcp: client")))
        figure("a policy that lets a leased address expire (DHCP, DHCPv6, router advertisements): refused, the missing setting named")

    def test_files_that_nobody_stands_behind_are_refused_too(self) -> None:
        self.leased("192.0.2.50/24")
        before = self.agent.counters().generation
        self.write_policy(policy_of([7000, 7001]))
        self.agent.reload()
        self.until(lambda: "would expire" in self.alarms().get("policy files", ""))
        self.assertEqual(self.agent.counters().generation, before)
        self.write_policy(policy_of([7000, 7001], more=", dhcp: client"))
        self.agent.reload()
        self.until(lambda: self.agent.counters().generation > before)
        self.until(lambda: not self.alarms())

    def test_address_above_a_bridge(self) -> None:
        self.wire.node_ip("link", "add", "br0", "type", "bridge")
        self.wire.node_ip("link", "set", DEVICE, "master", "br0")
        self.wire.node_ip("link", "set", "br0", "up")
        self.leased("192.0.2.50/24", "br0")
        done = self.command("apply", self.other_policy("starves", policy_of([7000, 7001])))
        self.assertEqual(done.returncode, _REFUSED, done.stderr)
        self.assertIn("192.0.2.50 on br0 was leased and would expire: interface wan has no `dhcp: client`", done.stderr)


if __name__ == "__main__":
    run("ip")
