# SPDX-License-Identifier: Apache-2.0
"""HTTP over an agent's Unix socket, for tests that ask it without the command."""

import http.client
import socket


class AgentConnection(http.client.HTTPConnection):
    """As its base class; `path` is the socket's."""

    def __init__(self, path, timeout: float = 30.0):
        super().__init__("localhost", timeout=timeout)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
