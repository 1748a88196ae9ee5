#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who can reach what: the socket by peer credentials, the pins by mode, the state directory, the metrics; and that the agent opens no
file that a client names. In a sandbox, because it needs the groups and users of a real host (docs/security.md)."""

import contextlib
import ctypes
import grp
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import sandbox  # noqa: E402  (pylint: disable=wrong-import-position)
from agent_api import AgentConnection  # noqa: E402

_SOCKET = "/run/portmatrix/control.sock"
_PINS = pathlib.Path("/sys/fs/bpf/portmatrix/v1")
_STATE = pathlib.Path("/var/lib/portmatrix")
_METRICS = ("127.0.0.1", 9640)
_SECRET_FILE, _SECRET = pathlib.Path("/root/secret.yaml"), "pass-4711-word"
_POLICY = ("node: web1\nsets: {{me: 203.0.113.80{more}}}\nfailsafe: none\n"
           "interfaces:\n  public: {{device: eth0, local: me, matrices: []}}\n")

# bpf(2), as uapi/linux/bpf.h numbers it; the system call's number is that of x86-64.
_BPF = 321
_UPDATE, _OBJ_GET, _LINK_DETACH, _FREEZE = 2, 7, 34, 22
_RDONLY, _WRONLY = 1 << 3, 1 << 4
_libc = ctypes.CDLL(None, use_errno=True)

_build = pathlib.Path(sys.argv[sys.argv.index("--build") + 1] if "--build" in sys.argv else ROOT / "build").resolve()


def bpf(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    done = _libc.syscall(_BPF, command, buffer, len(attributes))
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done


def open_pin(path: pathlib.Path, flags: int) -> int:
    name = ctypes.create_string_buffer(str(path).encode())
    return bpf(_OBJ_GET, struct.pack("<QII", ctypes.addressof(name), 0, flags))


def ask(method: str, path: str, body: str | None = None) -> tuple[int, str]:
    with contextlib.closing(AgentConnection(_SOCKET, 20)) as api:
        api.request(method, path, body)
        answer = api.getresponse()
        return answer.status, answer.read().decode()


def as_user(user: int, group: int, groups: list[int], act):
    """What `act` returns (or which errno it ends with), done by that user in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(groups)
            os.setresgid(group, group, group)
            os.setresuid(user, user, user)
            try:
                outcome = act()
            except OSError as error:
                outcome = {"errno": error.errno}
            os.write(writing, json.dumps(outcome).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        outcome = json.loads(said.read())
    os.waitpid(child, 0)
    return outcome


def body_of(documents: dict[str, str], lists: dict[str, str] | None = None, **more) -> str:
    def files(texts):
        return [{"path": path, "root": path, "text": text} for path, text in texts.items()]
    return json.dumps({"files": {"documents": files(documents), "lists": files(lists or {})}, **more})


class Access(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        for group in ("portmatrix", "portmatrix-admin", "others"):
            subprocess.run(["groupadd", "--force", group], check=True)
        cls.readers, cls.admins, cls.others = (grp.getgrnam(name).gr_gid for name in ("portmatrix", "portmatrix-admin", "others"))
        cls.reader = (4711, cls.others, [cls.readers])  # by a supplementary group, as is usual
        cls.callers = {"root": (0, 0, []), "reader": cls.reader, "reader by primary group": (4712, cls.readers, []),
                       "admin": (4713, cls.others, [cls.admins]), "admin by primary group": (4714, cls.admins, []),
                       "both": (4715, cls.others, [cls.readers, cls.admins]), "stranger": (4716, cls.others, [cls.others])}
        # Pins and agent come into being with the groups, as on a host.
        sandbox.furnish(_build, "host")

    # ---- The socket ----

    def test_peer_credentials_decide_beside_the_mode(self) -> None:
        self.assertEqual(stat.S_IMODE(os.stat(_SOCKET).st_mode), 0o666)
        body = body_of({"p.yaml": _POLICY.format(more="")}, dry_run=True)
        table = {  # may read, may change
            "root": (True, True), "admin": (True, True), "admin by primary group": (True, True), "both": (True, True),
            "reader": (True, False), "reader by primary group": (True, False), "stranger": (False, False)}
        for name, (may_read, may_change) in table.items():
            for method, path, text, allowed in (
                    ("GET", "/v1/status", None, may_read), ("GET", "/v1/history", None, may_read),
                    ("GET", "/v1/counters", None, may_read), ("GET", "/v1/hits", None, may_read),
                    ("POST", "/v1/apply", body, may_change), ("POST", "/v1/confirm", "{}", may_change),
                    ("POST", "/v1/rollback", '{"number":999}', may_change)):
                status, _ = as_user(*self.callers[name], lambda m=method, p=path, t=text: ask(m, p, t))
                self.assertEqual(status != 403, allowed, f"{name}: {method} {path}: {status}")
            if not may_change:
                self.assertEqual(as_user(*self.callers[name], lambda: ask("POST", "/v1/detach", "{}"))[0], 403, name)

    def test_the_command_says_so(self) -> None:
        for caller, words, code in (("stranger", ["apply", "/etc/portmatrix/policy"], 4), ("reader", ["confirm"], 4),
                                    ("reader", ["detach", "--yes"], 4), ("stranger", ["counters"], 4), ("reader", ["counters"], 0),
                                    ("reader", ["status"], 0)):
            done = as_user(*self.callers[caller], lambda w=words: subprocess.run(
                [_build / "bin/portmatrix", *w], capture_output=True, check=False).returncode)
            self.assertEqual(done, code, f"{caller}: {words}")

    # ---- No file that a client names ----

    def test_the_agent_opens_no_file_of_a_client_and_quotes_none(self) -> None:
        _SECRET_FILE.write_text(f"{_SECRET}: [\n", encoding="utf-8")
        _SECRET_FILE.chmod(0o600)
        agent = int(subprocess.run(["pidof", "portmatrixd"], capture_output=True, text=True, check=True).stdout)
        with tempfile.NamedTemporaryFile(mode="r", encoding="utf-8", errors="replace") as trace:
            tracer = subprocess.Popen(["strace", "-qq", "-f", "-e", "trace=%file", "-o", trace.name, "-p", str(agent)],
                                      stderr=subprocess.DEVNULL)
            while b"TracerPid:\t0" in pathlib.Path(f"/proc/{agent}/status").read_bytes():
                time.sleep(0.01)
            answers = []
            try:
                for documents, lists in (
                        ({str(_SECRET_FILE): "nonsense\n"}, {}),
                        ({str(_SECRET_FILE): "node: [\n"}, {}),
                        ({"p.yaml": _POLICY.format(more=f", x: {{file: {_SECRET_FILE}}}")}, {}),
                        ({"p.yaml": _POLICY.format(more=", x: {file: ../../../../root/secret.yaml}")}, {}),
                        ({"/root/p.yaml": _POLICY.format(more=", x: {file: secret.yaml}")}, {}),
                        ({"p.yaml": _POLICY.format(more="")}, {str(_SECRET_FILE): "no prefix\n"})):
                    answers.append(ask("POST", "/v1/apply", body_of(documents, lists, dry_run=True)))
                answers.append(ask("GET", f"/{_SECRET_FILE}"))
                answers.append(ask("GET", "/v1/../../../root/secret.yaml"))
            finally:
                tracer.terminate()
                tracer.wait()
            opened = trace.read()
        for status, text in answers:
            self.assertNotIn(_SECRET, text)
            self.assertIn(status, (200, 400, 404, 409, 422), text)
        self.assertIn(422, [status for status, _ in answers])
        self.assertNotIn("secret", opened)
        # What it does open are places of its own and of the system's libraries.
        for path in re.findall(r'(?:open|openat|openat2|readlink|stat|newfstatat)\([^"]*"([^"]+)"', opened):
            self.assertRegex(path, r"^(/var/lib/portmatrix|/sys/fs/bpf|/etc/(nsswitch|passwd|group|ld)|/run/|/etc/portmatrix|/proc|/sys|/lib|/usr)", path)

    def test_the_command_sends_files_and_the_session_and_nothing_else(self) -> None:
        fake, heard = "/run/fake.sock", []
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(fake)
            listener.listen(1)

            def hear() -> None:
                talk = listener.accept()[0]
                text = b""
                while b"\r\n\r\n" not in text or len(text.split(b"\r\n\r\n", 1)[1]) < int(re.search(rb"Content-Length: (\d+)", text)[1]):
                    text += talk.recv(65536)
                heard.append(text)
                talk.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                talk.close()

            thread = threading.Thread(target=hear)
            thread.start()
            subprocess.run([_build / "bin/portmatrix", "--socket", fake, "apply", "/etc/portmatrix/policy"], capture_output=True, check=False,
                           env={**os.environ, "TOKEN": _SECRET, "SSH_CONNECTION": "192.0.2.7 5000 203.0.113.80 22"})
            thread.join()
        head, body = heard[0].split(b"\r\n\r\n", 1)
        self.assertNotIn(_SECRET.encode(), heard[0])
        self.assertLessEqual(set(json.loads(body)), {"files", "confirm_seconds", "dry_run", "force", "session"})
        self.assertNotIn(b"Authorization", head)

    # ---- Pins ----

    def test_a_reader_can_read_pins_and_nothing_more(self) -> None:
        readable, refused = [], []
        for folder, _, names in os.walk(_PINS):
            status = os.stat(folder)
            self.assertEqual(stat.S_IMODE(status.st_mode) & 0o027, 0, folder)  # nobody but the owner makes or removes names
            for name in names:
                pin = pathlib.Path(folder, name)
                mode = stat.S_IMODE(os.stat(pin).st_mode)
                self.assertIn(mode, (0o600, 0o640), pin)
                for flags, what in ((0, "read and write"), (_WRONLY, "write")):
                    self.assertEqual(as_user(*self.reader, lambda p=pin, f=flags: open_pin(p, f)), {"errno": 13}, f"{pin}: {what}")
                done = as_user(*self.reader, lambda p=pin: open_pin(p, _RDONLY))
                if mode == 0o640:
                    self.assertIsInstance(done, int, f"{pin}: {done}")
                    readable.append(pin)
                else:
                    self.assertEqual(done, {"errno": 13}, pin)
                    refused.append(pin)
                for act in (lambda p=pin: os.unlink(p), lambda p=pin: os.rename(p, f"{p}2"), lambda p=pin: os.chmod(p, 0o666)):
                    self.assertIn(as_user(*self.reader, act), ({"errno": 1}, {"errno": 13}), pin)
        self.assertGreater(len(readable), 5)
        self.assertTrue(all("maps" in pin.parts for pin in readable), readable)
        # Links and programs are among what nobody but the owner opens at all.
        kinds = {pin.relative_to(_PINS).parts[0] for pin in refused}
        self.assertLessEqual({"links", "programs"}, kinds)

    def test_what_a_reader_opened_cannot_be_written(self) -> None:
        key, value = ctypes.create_string_buffer(64), ctypes.create_string_buffer(4096)
        for pin in sorted((_PINS / "maps").iterdir()):
            if stat.S_IMODE(os.stat(pin).st_mode) != 0o640:
                continue

            def write(p=pin) -> int:
                fd = open_pin(p, _RDONLY)
                return bpf(_UPDATE, struct.pack("<I4xQQQ", fd, ctypes.addressof(key), ctypes.addressof(value), 0))

            def freeze(p=pin) -> int:
                return bpf(_FREEZE, struct.pack("<I", open_pin(p, _RDONLY)))
            self.assertEqual(as_user(*self.reader, write), {"errno": 1}, pin)
            self.assertEqual(as_user(*self.reader, freeze), {"errno": 1}, pin)

    def test_a_stranger_sees_no_pin(self) -> None:
        stranger = self.callers["stranger"]
        self.assertEqual(as_user(*stranger, lambda: os.listdir(_PINS)), {"errno": 13})
        self.assertEqual(as_user(*stranger, lambda: open_pin(_PINS / "maps" / "control", _RDONLY)), {"errno": 13})

    # ---- State, metrics ----

    def test_the_state_directory_is_the_owners(self) -> None:
        for folder, _, names in os.walk(_STATE):
            for name in [".", *names]:
                self.assertEqual(stat.S_IMODE(os.stat(pathlib.Path(folder, name)).st_mode) & 0o077, 0, name)
        for caller in ("reader", "admin", "stranger"):
            self.assertEqual(as_user(*self.callers[caller], lambda: os.listdir(_STATE)), {"errno": 13}, caller)

    def test_metrics_are_read_and_nothing_else(self) -> None:
        def status(method: str, path: str, body: str | None = None) -> int:
            with contextlib.closing(http.client.HTTPConnection(*_METRICS, timeout=20)) as web:
                web.request(method, path, body)
                return web.getresponse().status
        self.assertEqual(status("GET", "/metrics"), 200)
        for method, path in (("POST", "/metrics"), ("PUT", "/metrics"), ("GET", "/"), ("GET", "/v1/status"), ("POST", "/v1/apply"),
                             ("POST", "/v1/detach"), ("GET", "/metrics/../v1/status")):
            self.assertIn(status(method, path, "{}" if method != "GET" else None), (403, 404, 405), f"{method} {path}")

    # ---- Input is capped ----

    def test_oversized_requests_end_and_the_agent_lives(self) -> None:
        def raw(text: bytes) -> bytes:
            with socket.socket(socket.AF_UNIX) as talk:
                talk.settimeout(20)
                talk.connect(_SOCKET)
                try:
                    talk.sendall(text)
                    return talk.recv(65536)
                except (BrokenPipeError, ConnectionResetError):
                    return b""
        for name, text in (
                ("an endless line", b"GET /" + b"a" * (4 << 20)),
                ("an endless header", b"GET /v1/status HTTP/1.1\r\nX: " + b"a" * (4 << 20)),
                ("endless headers", b"GET /v1/status HTTP/1.1\r\n" + b"X: a\r\n" * (1 << 18)),
                ("endless arguments", b"GET /v1/counters/stream?" + b"a=b&" * (1 << 18) + b" HTTP/1.1\r\n\r\n"),
                ("no HTTP", os.urandom(1 << 16)),
                ("zeros", bytes(1 << 20))):
            answer = raw(text)
            self.assertFalse(answer.startswith(b"HTTP/1.1 200"), f"{name}: {answer[:200]}")
        deep = '{"files":' + "[" * 200_000
        self.assertEqual(ask("POST", "/v1/apply", deep)[0], 400)
        agent = subprocess.run(["pidof", "portmatrixd"], capture_output=True, text=True, check=True).stdout.strip()
        self.assertEqual(ask("GET", "/v1/status")[0], 200)
        peak = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{agent}/status").read_text())[1])
        self.assertLess(peak, 600 << 10, "KiB of memory at its peak")


if __name__ == "__main__":
    for reason, missing in (("needs root", os.geteuid() != 0), ("no strace", shutil.which("strace") is None),
                            (f"no {_build}/bin/portmatrixd", not (_build / "bin/portmatrixd").exists())):
        if missing:
            print(reason)
            sys.exit(77)
    sandbox.enter()
    sandbox.prepare()
    unittest.main(argv=[sys.argv[0]], verbosity=2)
