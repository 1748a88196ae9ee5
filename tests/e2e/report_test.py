#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`portmatrix report`: the page says what the policy and the counters say, is whole HTML, and asks for nothing from elsewhere.
PORTMATRIX_PAGE=FILE keeps the page."""

import html.parser
import os
import pathlib
import socket

from case import NODE4, NODE6, NodeTest, policy_of, run

_VOID = {"meta", "br"}
_RULES = """  - {id: shadowed, from: 192.0.2.0/24, to: me, protocol: udp, ports: 7000}
  - {id: odd, from: any, to: me, protocol: tcp, ports: 81, description: '<script>alert("x")</script> & more', enabled: false}
---
"""


class Page(html.parser.HTMLParser):
    """Rows as texts, and what is wrong with the page."""

    def __init__(self, text: str):
        super().__init__()
        self.rows, self.wrong, self._open = [], [], []
        self.feed(text)
        self.wrong += [f"{tag} is not closed" for tag in self._open]

    def handle_starttag(self, tag, attrs) -> None:
        if tag in ("script", "link", "img", "iframe") or any(name in ("src", "href") or name.startswith("on") for name, _ in attrs):
            self.wrong.append(f"asks for something: {tag} {attrs}")
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag) -> None:
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f"{tag} closes nothing")

    def handle_data(self, data) -> None:
        if "url(" in data or "@import" in data:
            self.wrong.append("style asks for something")
        if "td" in self._open:
            self.rows[-1][-1] += data

    def row(self, beginning: str) -> list[str]:
        return next(row for row in self.rows if row and row[0].startswith(beginning))


class Report(NodeTest):
    def test_page_says_what_policy_and_counters_say(self) -> None:
        self.start(policy_of([7000, 7001]).replace("---\n", _RULES, 1))
        with self.wire.inside("node"):
            server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(server.close)
        server.bind((NODE4, 7000))
        with self.wire.inside("peer"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for port, count in ((7000, 17), (9999, 5)):
                for _ in range(count):
                    sender.sendto(b"x", (NODE4, port))
        done = self.command("report", "--state_dir", str(self.state / "node"))
        self.assertEqual(done.returncode, 0, done.stderr)
        if keep := os.environ.get("PORTMATRIX_PAGE"):
            pathlib.Path(keep).write_text(done.stdout, encoding="utf-8")
        page = Page(done.stdout)
        self.assertEqual(page.wrong, [])
        self.assertEqual(page.row("m/p7000")[1:8], ["any", "me", "tcp, udp", "7000", "allow", "17", "0"])
        self.assertRegex(page.row("m/p7000")[8], r"^\d{4}-\d\d-\d\d \d\d:\d\d$")
        self.assertEqual(page.row("m/p7001")[6:9], ["0", "0", "never"])
        self.assertIn("shadowed: earlier rules match all of it", page.row("m/shadowed")[0])
        self.assertEqual(page.row("m/odd")[0], 'm/odd<script>alert("x")</script> & moredisabled')
        self.assertEqual(page.row("default")[:3], ["default", "in", "5"])
        self.assertEqual(page.row("me"), ["me", f"{NODE4}, 198.51.1.1, {NODE6}"])
        self.assertIn(f"protects <i>{NODE4},</i>", done.stdout)

    def test_files_that_are_not_known_are_said(self) -> None:
        self.start(policy_of([7000]))
        done = self.command("report", "--state_dir", str(self.folder))
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("the files of generation 1 are not known", done.stderr)


if __name__ == "__main__":
    run()
