// SPDX-License-Identifier: Apache-2.0
// Who is at the other end of a Unix socket, and what they may ask: root and group portmatrix-admin
// change, group portmatrix reads. Judged by the kernel's word on the peer as it was when it
// connected, with all its groups.
#ifndef PORTMATRIX_AGENT_PEER_H_
#define PORTMATRIX_AGENT_PEER_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "agent/stored_generation.h"

namespace portmatrix {

inline constexpr char kReadGroup[] = "portmatrix";
inline constexpr char kChangeGroup[] = "portmatrix-admin";

struct Peer {
  uint32_t uid = 0;
  std::set<uint32_t> groups;  // primary and supplementary
};

enum class Permission { kNone, kRead, kChange };

// Nothing if `fd` is no connected Unix socket.
std::optional<Peer> PeerOf(int fd);

// The groups are looked up by name each time: they may come into being while the agent runs.
Permission PermissionOf(const Peer& peer);
Permission PermissionOf(const Peer& peer, std::optional<uint32_t> read_group,
                        std::optional<uint32_t> change_group);

// Their name, or the uid in digits.
Author AuthorOf(const Peer& peer);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_PEER_H_
