# SPDX-License-Identifier: Apache-2.0
"""One node for a test: a network namespace with tap devices, the agent in it, and the ways to ask it. Everything is named after
the test and its process, and removed at the end and before the next run of the same name."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools" / "lab"), str(ROOT / "tests" / "support")]

from agent_api import AgentConnection  # noqa: E402  (pylint: disable=wrong-import-position)
from counters import Counters  # noqa: E402  (pylint: disable=wrong-import-position)

SKIPPED = 77
_WAIT_SECONDS = 60.0


class Refused(Exception):
    """What the agent answered when it would not."""


def need_machine() -> None:
    """Ends the test with a reason where the machine cannot run it."""
    for reason, missing in (("needs root", os.geteuid() != 0), ("needs /dev/net/tun", not os.path.exists("/dev/net/tun")),
                            ("needs bpffs at /sys/fs/bpf", not os.path.ismount("/sys/fs/bpf"))):
        if missing:
            print(reason)
            sys.exit(SKIPPED)


def files(**texts: str) -> dict:
    """A policy of documents as the API takes it, by names that are roots of their own: a__b is a/b.yaml."""
    return {"documents": [{"path": f"policy/{name.replace('__', '/')}.yaml", "root": "policy", "text": text}
                          for name, text in sorted(texts.items())], "lists": []}


class Node:
    """The namespace, its devices, the agent and its pins."""

    def __init__(self, name: str, build: pathlib.Path, devices: dict[str, str]):
        self.namespace = f"pm-{name}-{os.getpid()}"
        self.pin_root = pathlib.Path("/sys/fs/bpf") / f"portmatrix-{name}-{os.getpid()}"
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix=f"portmatrix-{name}-"))
        self.state = self._folder / "state"
        self.socket = str(self._folder / "socket")
        self.log = self._folder / "log"
        self._build = build
        self._devices = devices
        self._agent = None

    def __enter__(self) -> "Node":
        _run("ip", "netns", "add", self.namespace)
        self.inside("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        for device, address in self._devices.items():
            _run("ip", "-n", self.namespace, "tuntap", "add", "dev", device, "mode", "tap")
            _run("ip", "-n", self.namespace, "addr", "add", f"{address}/24", "dev", device)
            _run("ip", "-n", self.namespace, "link", "set", device, "up")
            peer = address.rpartition(".")[0] + ".2"
            _run("ip", "-n", self.namespace, "neigh", "replace", peer, "lladdr", "02:00:00:00:00:02", "dev", device)
        return self

    def __exit__(self, *_) -> None:
        self.kill()
        if self.pin_root.exists():
            self.command("detach", "--yes", check=False)
        shutil.rmtree(self.pin_root, ignore_errors=True)
        subprocess.run(["ip", "netns", "delete", self.namespace], check=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def inside(self, *arguments: str) -> str:
        return _run("nsenter", f"--net=/run/netns/{self.namespace}", *arguments)

    def spawn(self, *arguments: str, **options) -> subprocess.Popen:
        return subprocess.Popen(["nsenter", f"--net=/run/netns/{self.namespace}", *arguments], **options)

    def wait_for_carrier(self, device: str) -> None:
        """Until a tap that was just opened sends: a thread of the kernel's activates its queue, and before that it loses all."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while json.loads(_run("ip", "-n", self.namespace, "-json", "link", "show", "dev", device))[0]["operstate"] != "UP":
            if time.monotonic() > deadline:
                raise Refused(f"{device} has no carrier")
            time.sleep(0.005)

    # ---- The agent ----

    def start(self, *flags: str) -> None:
        with open(self.log, "ab") as log:
            self._agent = self.spawn(
                str(self._build / "bin" / "portmatrixd"), "--node", "n1", "--pin_root", str(self.pin_root), "--state_dir",
                str(self.state), "--socket", self.socket, *flags, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                self.status()
                return
            except OSError:
                if self._agent.poll() is not None or time.monotonic() > deadline:
                    raise Refused(f"the agent does not start:\n{self.log.read_text(errors='replace')[-2000:]}") from None
                time.sleep(0.02)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def hang(self) -> None:
        self._agent.send_signal(signal.SIGSTOP)

    def reload(self) -> None:
        self._agent.send_signal(signal.SIGHUP)

    def go_on(self) -> None:
        self._agent.send_signal(signal.SIGCONT)

    def boot(self) -> None:
        """What a boot takes: the agent, every hook, every pin. The disk stays."""
        self.kill()
        shutil.rmtree(self.pin_root)

    def _end(self, number: int) -> None:
        if self._agent is not None:
            self._agent.send_signal(number)
            self._agent.wait()
            self._agent = None

    # ---- Questions ----

    def ask(self, method: str, call: str, body: dict | None = None) -> dict:
        connection = AgentConnection(self.socket, _WAIT_SECONDS)
        try:
            connection.request(method, call, json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            said = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise Refused(said["error"]["text"] + said["error"]["diagnostics"])
        return said

    def apply(self, policy: dict, confirm_seconds: int | None = None) -> dict:
        return self.ask("POST", "/v1/apply", {"files": policy} | ({"confirm_seconds": confirm_seconds} if confirm_seconds else {}))

    def confirm(self) -> dict:
        return self.ask("POST", "/v1/confirm")

    def status(self) -> dict:
        return self.ask("GET", "/v1/status")

    def history(self) -> dict[int, dict]:
        return {entry["number"]: entry for entry in self.ask("GET", "/v1/history")["generations"]}

    def alarms(self) -> dict[str, str]:
        return {alarm["subject"]: alarm["text"] for alarm in self.status()["alarms"]}

    def command(self, *arguments: str, check: bool = True) -> str:
        line = ["nsenter", f"--net=/run/netns/{self.namespace}", str(self._build / "bin" / "portmatrix"), "--pin_root",
                str(self.pin_root), "--socket", self.socket, *arguments]
        done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=_WAIT_SECONDS,
                              env={name: value for name, value in os.environ.items() if not name.startswith("SSH_")})
        if check and done.returncode:
            raise Refused(f"portmatrix {' '.join(arguments)}: exit {done.returncode}: {done.stderr or done.stdout}")
        return done.stdout

    def said(self, *arguments: str) -> dict:
        return json.loads(self.command("--json", *arguments))

    def counters(self) -> Counters:
        return Counters(self.said("counters"))

    def state_of_pins(self) -> str:
        """What the control word says, without an agent."""
        return self.said("status")["state"]


def _run(*arguments: str) -> str:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
