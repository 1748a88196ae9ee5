# SPDX-License-Identifier: Apache-2.0
"""What stands on a device's hooks, asked of the kernel itself; and programs of somebody else to stand there. The bpf system call
by hand: no tool of Debian 12 knows TCX."""

import ctypes
import json
import os
import struct
import subprocess

_SYS_BPF = 321
_PROG_LOAD, _OBJ_GET, _OBJ_INFO, _PROG_QUERY, _LINK_CREATE, _LINK_DETACH = 5, 7, 15, 16, 28, 34
_SCHED_CLS, _XDP = 3, 6
_ATTACH_XDP, _ATTACH_TCX_EGRESS = 37, 47
_BEFORE = 1 << 3
_MOST_PROGRAMS = 64

PASS_XDP, PASS_TCX, NEXT_TCX = 2, 0, -1

_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command: int, attributes: bytes) -> tuple[int, bytes]:
    buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    result = _libc.syscall(_SYS_BPF, command, buffer, 128)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"bpf command {command}: {os.strerror(number)}")
    return result, buffer.raw


def _text(text: str):
    return ctypes.create_string_buffer(os.fsencode(text))


def open_pin(path) -> int:
    name = _text(str(path))
    return _bpf(_OBJ_GET, struct.pack("<Q", ctypes.addressof(name)))[0]


def program_id(fd: int) -> int:
    info = ctypes.create_string_buffer(256)
    _bpf(_OBJ_INFO, struct.pack("<IIQ", fd, 256, ctypes.addressof(info)))
    return struct.unpack_from("<II", info.raw)[1]


def pinned_program(path) -> int:
    """The id of the program that is pinned there."""
    fd = open_pin(path)
    try:
        return program_id(fd)
    finally:
        os.close(fd)


def foreign_program(hook: str, verdict: int) -> int:
    """A program that says one thing of every packet."""
    kind, attach = {"xdp": (_XDP, _ATTACH_XDP), "tc": (_SCHED_CLS, _ATTACH_TCX_EGRESS)}[hook]
    code = struct.pack("<BBhi", 0xb7, 0, 0, verdict) + struct.pack("<BBhi", 0x95, 0, 0, 0)
    instructions, license_text = ctypes.create_string_buffer(code, len(code)), _text("GPL")
    return _bpf(_PROG_LOAD, struct.pack(
        "<IIQQIIQII16sII", kind, 2, ctypes.addressof(instructions), ctypes.addressof(license_text),
        0, 0, 0, 0, 0, b"foreign", 0, attach))[0]


def put_first(program: int, ifindex: int) -> int:
    """Puts a program before all others on the send hook. In the device's namespace; closing the link takes it away."""
    return _bpf(_LINK_CREATE, struct.pack("<IIIIIIQ", program, ifindex, _ATTACH_TCX_EGRESS, _BEFORE, 0, 0, 0))[0]


def put_on_receive(program: int, ifindex: int) -> int:
    return _bpf(_LINK_CREATE, struct.pack("<IIII", program, ifindex, _ATTACH_XDP, 0))[0]


def detach_by_force(pin) -> None:
    """Takes the link's hook off, as `bpftool link detach` does; the pin stays."""
    fd = open_pin(pin)
    try:
        _bpf(_LINK_DETACH, struct.pack("<I", fd))
    finally:
        os.close(fd)


def send_programs(ifindex: int) -> list[int]:
    """Ids of what stands on TCX on send, first things first. In the device's namespace."""
    ids = (ctypes.c_uint32 * _MOST_PROGRAMS)()
    try:
        _, raw = _bpf(_PROG_QUERY, struct.pack("<IIIIQI", ifindex, _ATTACH_TCX_EGRESS, 0, 0, ctypes.addressof(ids), len(ids)))
    except OSError:
        return []
    return list(ids)[:struct.unpack_from("<I", raw, 24)[0]]


def receive_program(namespace: str, device: str) -> int:
    """The id of what stands on XDP; zero for nothing."""
    said = subprocess.run(["ip", "-n", namespace, "-j", "link", "show", "dev", device], capture_output=True, check=False)
    if said.returncode:
        return 0
    return json.loads(said.stdout)[0].get("xdp", {}).get("prog", {}).get("id", 0)
