# SPDX-License-Identifier: Apache-2.0
"""The machine on which a page is tried: namespaces of its own for mounts, processes, network and host name, so that the page may use
the default places (/etc/portmatrix, /run/netns, /sys/fs/bpf) and nothing of the real host is seen or changed. It ends with its first
process.

Scene `host` is what the guides speak of: web1 of policies/examples/web-server, its policy in /etc/portmatrix/policy, its eth0 on a wire
to the namespace `internet`, and the agent running."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
_FLAGS = ("--mount", "--propagation=private", "--net", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc")
_INSIDE = "PORTMATRIX_DOCS_SANDBOX"
_WAIT_SECONDS = 60


def enter() -> None:
    """Goes on in the sandbox: returns in it only."""
    if os.environ.get(_INSIDE):
        return
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SSH_")}
    done = subprocess.run(["unshare", *_FLAGS, sys.executable, "-B", *sys.argv], env={**environment, _INSIDE: "1"}, check=False)
    sys.exit(done.returncode)


def prepare() -> None:
    """Mounts, once in the sandbox: what is written to /etc, /root, /run, /var/lib and /sys/fs/bpf stays in it."""
    _run("hostname", "web1")
    _run("ip", "link", "set", "lo", "up")
    _run("mount", "-t", "tmpfs", "tmpfs", "/run")
    _run("mount", "-t", "bpf", "bpf", "/sys/fs/bpf")
    for place in ("/etc", "/var/lib", "/root"):
        layer = pathlib.Path("/run/layers") / place.strip("/").replace("/", "-")
        for part in ("upper", "work"):
            (layer / part).mkdir(parents=True)
        _run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={place},upperdir={layer}/upper,workdir={layer}/work", place)
    for left_over in ("/etc/portmatrix", "/var/lib/portmatrix"):
        shutil.rmtree(left_over, ignore_errors=True)


def furnish(build: pathlib.Path, scene: str) -> pathlib.Path:
    """The folder in which commands run: it looks like the source tree."""
    home = pathlib.Path("/root/portmatrix")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    for name in ("policies", "tools", "docs", "tests"):
        (home / name).symlink_to(ROOT / name)
    if scene == "host":
        _host(build)
    return home


def environment(build: pathlib.Path) -> dict[str, str]:
    return {"PATH": f"{build / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb"}


class Shell:
    """One shell of the reader's, kept from command to command."""

    def __init__(self, prompt: str, folder: pathlib.Path, variables: dict[str, str]):
        namespace = prompt[:-1]
        inside = ["nsenter", f"--net=/run/netns/{namespace}"] if namespace else []
        self._scratch = pathlib.Path(tempfile.mkdtemp(prefix="docs-", dir="/run"))
        self._shell = subprocess.Popen([*inside, "bash", "--norc", "--noprofile"], cwd=folder, env=variables, text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def run(self, command: str, seconds: float = _WAIT_SECONDS) -> tuple[int, list[str]]:
        """Its exit code and what it printed. What goes on in the background prints elsewhere from then on."""
        text, said, code = (self._scratch / name for name in ("command", "said", "code"))
        text.write_text(command + "\n", encoding="utf-8")
        code.unlink(missing_ok=True)
        self._shell.stdin.write(f"source {text} </dev/null >{said} 2>&1; echo $? >{code}.beside; mv {code}.beside {code}\n")
        self._shell.stdin.flush()
        deadline = time.monotonic() + seconds
        while not code.exists():
            if time.monotonic() > deadline or self._shell.poll() is not None:
                return -1, [*said.read_text(encoding="utf-8", errors="replace").splitlines(), f"(no end within {seconds:.0f} s)"]
            time.sleep(0.01)
        return int(code.read_text(encoding="ascii")), said.read_text(encoding="utf-8", errors="replace").splitlines()


def _host(build: pathlib.Path) -> None:
    _run("ip", "netns", "add", "internet")
    _run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "web1", "netns", "internet")
    for line in ("addr add 203.0.113.80/24 dev eth0", "addr add 2001:db8:80::80/64 dev eth0 nodad", "link set eth0 up",
                 "route add default via 203.0.113.1"):
        _run("ip", *line.split())
    for line in ("addr add 203.0.113.1/24 dev web1", "addr add 2001:db8:80::1/64 dev web1 nodad", "link set web1 up", "link set lo up",
                 "route add local 198.51.100.0/24 dev lo", "route add local 192.0.2.0/24 dev lo"):
        _run("ip", "-n", "internet", *line.split())
    policy = pathlib.Path("/etc/portmatrix/policy")
    shutil.copytree(ROOT / "policies/examples/web-server", policy)
    with open("/run/portmatrixd.log", "wb") as log:
        subprocess.Popen([build / "bin/portmatrixd", "--policy", policy, "--node", "web1", "--metrics_listen", "127.0.0.1:9640"],
                         env=environment(build), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    deadline = time.monotonic() + _WAIT_SECONDS
    while subprocess.run([build / "bin/portmatrix", "status"], capture_output=True, check=False).returncode:
        if time.monotonic() > deadline:
            sys.exit("the agent of the scene does not start:\n" + pathlib.Path("/run/portmatrixd.log").read_text(errors="replace"))
        time.sleep(0.05)
    _knock(443, 25)


def _knock(*ports: int) -> None:
    """Somebody outside tries the ports of the server, which serves none but 443."""
    serve = "import socket; listener = socket.create_server(('203.0.113.80', 443)); print('ready', flush=True); listener.accept(); input()"
    with subprocess.Popen([sys.executable, "-c", serve], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        for port in ports:
            knock = f"import socket; socket.create_connection(('203.0.113.80', {port}), 0.5, ('198.51.100.7', 0))"
            subprocess.run(["nsenter", "--net=/run/netns/internet", sys.executable, "-c", knock], capture_output=True, check=False)
        server.kill()


def _run(*arguments: str) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)}: {done.stderr.strip()}")
