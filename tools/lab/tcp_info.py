# SPDX-License-Identifier: Apache-2.0
"""What the kernel's TCP says about one connection: the segments that it sent and received, each of them a packet on the wire,
whatever it retransmitted or acknowledged late. The figures that the firewall's counters are held against."""

import dataclasses
import socket
import struct

# struct tcp_info up to tcpi_segs_in: 8 bytes, 24 words to tcpi_total_retrans, 4 long words, 2 words.
_LAYOUT = struct.Struct("=8B24I4Q2I")
_CLOSED = 7


@dataclasses.dataclass(frozen=True)
class TcpInfo:
    state: int
    retransmitted: int
    segments_out: int
    segments_in: int

    @classmethod
    def of(cls, connection: socket.socket) -> "TcpInfo":
        words = _LAYOUT.unpack(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAYOUT.size))
        return cls(words[0], words[31], words[36], words[37])

    @property
    def over(self) -> bool:
        return self.state == _CLOSED
