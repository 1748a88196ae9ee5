// SPDX-License-Identifier: Apache-2.0
#include "agent/peer.h"

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>

#include <cerrno>
#include <vector>

namespace portmatrix {
namespace {

constexpr size_t kNameServiceBytes = 16384;

std::optional<uint32_t> GroupNamed(const char* name) {
  std::vector<char> buffer(kNameServiceBytes);
  group entry{};
  group* found = nullptr;
  if (getgrnam_r(name, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  return found->gr_gid;
}

bool ReadGroups(int fd, std::set<uint32_t>* groups) {
  std::vector<gid_t> list(32);
  for (;;) {
    auto bytes = static_cast<socklen_t>(list.size() * sizeof(gid_t));
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list.data(), &bytes) == 0) {
      groups->insert(list.begin(), list.begin() + bytes / sizeof(gid_t));
      return true;
    }
    // The kernel says how many there are.
    if (errno != ERANGE || bytes / sizeof(gid_t) <= list.size()) return false;
    list.resize(bytes / sizeof(gid_t));
  }
}

}  // namespace

std::optional<Peer> PeerOf(int fd) {
  ucred credentials{};
  socklen_t bytes = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) != 0) return std::nullopt;
  // A socket without credentials answers with the overflow of -1.
  if (bytes != sizeof credentials || credentials.uid == static_cast<uid_t>(-1)) return std::nullopt;
  Peer peer;
  peer.uid = credentials.uid;
  peer.groups.insert(credentials.gid);
  if (!ReadGroups(fd, &peer.groups)) return std::nullopt;
  return peer;
}

Permission PermissionOf(const Peer& peer) {
  // Asking the name services for a group can take milliseconds.
  if (peer.uid == 0) return Permission::kChange;
  return PermissionOf(peer, GroupNamed(kReadGroup), GroupNamed(kChangeGroup));
}

Permission PermissionOf(const Peer& peer, std::optional<uint32_t> read_group,
                        std::optional<uint32_t> change_group) {
  if (peer.uid == 0) return Permission::kChange;
  if (change_group && peer.groups.contains(*change_group)) return Permission::kChange;
  if (read_group && peer.groups.contains(*read_group)) return Permission::kRead;
  return Permission::kNone;
}

Author AuthorOf(const Peer& peer) {
  std::vector<char> buffer(kNameServiceBytes);
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(peer.uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return {peer.uid, std::to_string(peer.uid)};
  return {peer.uid, found->pw_name};
}

}  // namespace portmatrix
