#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is counted, as others see it: readers of the API's stream and of `counters --follow` while packets come, and a real
Prometheus that scrapes the node, loads the alert rules and answers every query of the dashboard."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request

from case import NODE4, ROOT, NodeTest, figure, policy_of, run, scale

from agent_api import AgentConnection  # noqa: E402  (case makes its folder known)

_METRICS = "127.0.0.1:9469"
_PROMETHEUS = "127.0.0.1:9490"
_FOLDER = ROOT / "tools" / "prometheus"
_OPEN, _CLOSED = 7000, 7999
_READERS = 12
_RULES = scale("PORTMATRIX_RULES", 2000)


def _seconds_of(pid: int) -> float:
    """Processor time that a process has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Watching(NodeTest):
    def send(self, count: int, port: int = _OPEN) -> None:
        with self.wire.inside("peer"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(count):
                sender.sendto(b"x" * 10, (NODE4, port))

    def stream(self, interval: str):
        """An open stream of the API: the connection, and the lines that come."""
        api = AgentConnection(self.agent.socket, 20)
        self.addCleanup(api.close)
        api.request("GET", f"/v1/counters/stream?interval={interval}")
        answer = api.getresponse()
        self.assertEqual(answer.status, 200)
        return answer


class Streams(Watching):
    def test_every_reader_gets_every_packet_once(self) -> None:
        self.start(policy_of([_OPEN]))
        sums = [{"deltas": 0, "total": None, "lines": 0, "stamps": []} for _ in range(_READERS)]
        enough = threading.Event()

        def follow(answer, reader) -> None:
            while not (enough.is_set() and reader["deltas"] >= 300):
                line = json.loads(answer.readline())
                row = next(rule for rule in line["rules"] if rule["rule"] == f"wan/m/p{_OPEN}")
                reader["deltas"] += row["delta_packets"]
                reader["first"] = reader.get("first", row["packets"])
                reader["total"] = row["packets"]
                reader["stamps"].append((line["monotonic_ns"], line["interval_ns"], line["generation"]))

        slow = self.stream("0.1")  # never reads a line
        dead = self.stream("0.1")
        threads = [threading.Thread(target=follow, args=(self.stream("0.1" if i % 2 else "0.3"), sums[i]), daemon=True)
                   for i in range(_READERS)]
        for thread in threads:
            thread.start()
        dead.close()
        for _ in range(3):
            self.send(100)
            time.sleep(0.15)
        enough.set()
        for thread in threads:
            thread.join(10)
            self.assertFalse(thread.is_alive())
        for reader in sums:
            self.assertEqual((reader["deltas"], reader["total"] - reader["first"]), (300, 300))
            for (before, _, _), (stamp, interval, generation) in zip(reader["stamps"], reader["stamps"][1:]):
                self.assertEqual((stamp - before, generation), (interval, 1))
        del slow
        self.assertTrue(self.agent.status()["agent"]["reachable"])

    def test_wrong_intervals_are_refused(self) -> None:
        self.start(policy_of([_OPEN]))
        for query in ("interval=0.05", "interval=x", "interval=1e9", "every=1"):
            api = AgentConnection(self.agent.socket, 20)
            api.request("GET", f"/v1/counters/stream?{query}")
            with contextlib.closing(api):
                self.assertEqual(api.getresponse().status, 400, query)

    def test_follow_prints_a_line_an_interval(self) -> None:
        self.start(policy_of([_OPEN]))
        line = self.wire.command("node", str(self.agent._command), "--pin_root", str(self.agent.pin_root), "counters",
                                 "--follow", "--interval", "0.1")
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as follower:
            self.addCleanup(follower.kill)
            first = json.loads(follower.stdout.readline())
            self.send(50, _CLOSED)
            dropped = 0
            while dropped < 50:
                each = json.loads(follower.stdout.readline())
                self.assertGreaterEqual(each["interval_ns"], 90_000_000)
                self.assertGreater(each["monotonic_ns"], first["monotonic_ns"])
                dropped += next(row["delta_dropped_packets"] for row in each["reasons"]
                                if (row["direction"], row["reason"]) == ("in", "default"))
            self.assertEqual(dropped, 50)
            follower.kill()

    def test_many_rules_cost_little_and_no_call_a_rule(self) -> None:
        self.start(policy_of(range(1, _RULES + 1)))
        begun, used = time.monotonic(), _seconds_of(self.agent.pid)
        time.sleep(2)
        idle = (_seconds_of(self.agent.pid) - used) / (time.monotonic() - begun)
        answer = self.stream("1")
        answer.readline()
        begun, used = time.monotonic(), _seconds_of(self.agent.pid)
        for _ in range(3):
            line = json.loads(answer.readline())
        self.assertEqual(len(line["rules"]), _RULES + 1)
        share = (_seconds_of(self.agent.pid) - used) / (time.monotonic() - begun)
        figure(f"{_RULES} rules at 1 s: the agent takes {100 * share:.1f} % of one core, "
               f"{100 * idle:.1f} % while nobody reads")
        command = self.wire.command("node", "strace", "-f", "-c", "-e", "trace=bpf", str(self.agent._command),
                                    "--pin_root", str(self.agent.pin_root), "--json", "counters")
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        calls = next(int(row.split()[3]) for row in said.splitlines() if row.endswith(" bpf"))
        figure(f"{_RULES} rules: {calls} calls of bpf a reading, opening the pins included")
        self.assertLess(calls, 60)


class Unused(Watching):
    def unused(self, since: str) -> dict[str, dict]:
        rules = json.loads(self.command("--json", "counters", "--unused-since", since).stdout)["rules"]
        return {rule["rule"]: rule for rule in rules}

    def test_last_hits_survive_the_agent_and_a_boot(self) -> None:
        self.start(policy_of([_OPEN, 7001]))
        self.send(3)
        used, idle = f"wan/m/p{_OPEN}", "wan/m/p7001"
        self.assertEqual(self.unused("1h").keys(), {idle, "wan/m/ping"})
        self.assertEqual(self.unused("1h")[idle]["last_hit"], None)
        self.assertFalse(self.unused("1h")[idle]["known_long_enough"])
        time.sleep(1.1)
        before = self.unused("1s")[used]
        self.assertTrue(before["known_long_enough"])
        self.agent.stop()
        shutil.rmtree(self.agent.pin_root)  # a boot: the kernel forgets
        self.start()
        self.assertEqual(self.unused("1s")[used], before)
        self.assertEqual(self.unused("1h").keys(), {idle, "wan/m/ping"})
        self.send(1)
        self.assertNotIn(used, self.unused("1s"))


class Prometheus(Watching):
    def get(self, url: str) -> str:
        with self.wire.inside("node"), urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()

    def query(self, expression: str) -> dict:
        return json.loads(self.get(f"http://{_PROMETHEUS}/api/v1/query?" + urllib.parse.urlencode({"query": expression})))

    def begin_prometheus(self) -> None:
        config = self.folder / "prometheus.yaml"
        config.write_text(f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{_FOLDER / 'alerts.yaml'}]\n"
                          f"scrape_configs:\n  - {{job_name: portmatrix, static_configs: [{{targets: ['{_METRICS}']}}]}}\n",
                          encoding="utf-8")
        log = open(self.folder / "prometheus.log", "wb")
        self.addCleanup(log.close)
        process = subprocess.Popen(
            self.wire.command("node", "prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.folder / 'tsdb'}",
                              f"--web.listen-address={_PROMETHEUS}"), stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)

        def scraped() -> bool:
            try:
                targets = json.loads(self.get(f"http://{_PROMETHEUS}/api/v1/targets"))["data"]["activeTargets"]
            except OSError:
                return False
            return bool(targets) and targets[0]["health"] == "up"
        self.until(scraped, 30, 0.1)

    def test_metrics_pass_promtool(self) -> None:
        self.start(policy_of(range(1, _RULES + 1)), ["--metrics_listen", _METRICS])
        begun = time.monotonic()
        text = self.get(f"http://{_METRICS}/metrics")
        figure(f"{_RULES} rules: scraped in {1e3 * (time.monotonic() - begun):.0f} ms, {len(text) / 1e6:.1f} MB")
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))

    def test_shipped_rules_pass_their_tests(self) -> None:
        for line in (["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]):
            done = subprocess.run(["promtool", *line], cwd=_FOLDER, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_scrapes_and_answers_every_query_of_the_dashboard(self) -> None:
        self.start(policy_of([_OPEN]), ["--metrics_listen", _METRICS])
        self.begin_prometheus()
        self.send(40)
        self.send(60, _CLOSED)
        rule = f'portmatrix_rule_packets_total{{rule="wan/m/p{_OPEN}",direction="in",way="forward"}}'

        def value(expression: str) -> float | None:
            result = self.query(expression)["data"]["result"]
            return float(result[0]["value"][1]) if result else None
        self.until(lambda: value(rule) == 40, 10, 0.1)
        for expression, wanted in (
                ('portmatrix_dropped_packets_total{interface="wan",direction="in",reason="default"}', 60),
                ('portmatrix_interface_protected{device="wan0"}', 1),
                ('portmatrix_attachment_info{device="wan0",xdp="native"}', 1),
                ("portmatrix_policy_generation", 1), ("portmatrix_policy_on_trial", 0),
                ("portmatrix_alarms", 0), ("portmatrix_flow_entries", 0),
                ('count(portmatrix_build_info{version!=""})', 1)):
            self.assertEqual(value(expression), wanted, expression)
        rules = json.loads(self.get(f"http://{_PROMETHEUS}/api/v1/rules"))["data"]["groups"]
        self.assertEqual([each["health"] for each in rules[0]["rules"]], ["ok"] * 4)
        self.refuse_a_change(value)
        self.ask_the_dashboard()

    def refuse_a_change(self, value) -> None:
        broken = self.other_policy("broken", "node: [\n")
        self.write_policy("node: [\n")
        self.assertEqual(self.command("apply", str(broken)).returncode, 3)
        self.assertEqual(self.command("apply", str(self.other_policy("good", policy_of([_OPEN, 7001])))).returncode, 0)
        os.kill(self.agent.pid, 1)  # SIGHUP: reads what is broken now
        self.until(lambda: value("portmatrix_policy_last_change_success") == 0, 10, 0.1)
        self.until(lambda: value('portmatrix_alarm{subject="policy files"}') == 1, 10, 0.1)

    def ask_the_dashboard(self) -> None:
        dashboard = json.loads((_FOLDER / "dashboard.json").read_text(encoding="utf-8"))
        expressions = [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel["targets"]]
        self.assertGreater(len(expressions), 10)
        quiet = {"Seconds without protection"}  # nothing to show where nothing went wrong
        time.sleep(1.5)  # rates need two scrapes
        for title, expression in expressions:
            asked = expression.replace("$instance", ".*").replace("$__rate_interval", "10s")
            answer = self.query(asked)
            self.assertEqual(answer["status"], "success", expression)
            if title not in quiet:
                self.assertTrue(answer["data"]["result"], f"{title}: nothing for {asked}")


if __name__ == "__main__":
    run("prometheus", "promtool", "strace")
