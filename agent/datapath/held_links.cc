// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/held_links.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

namespace portmatrix {
namespace {

namespace fs = std::filesystem;

// linux/bpf.h, enum bpf_link_type; the headers here end before TCX (Linux 6.6).
constexpr uint32_t kXdpLink = 6, kTcxLink = 11;

struct LinkFacts {
  uint32_t ifindex = 0;  // zero: the device is gone, or the link was detached by force
  uint32_t program_id = 0;
};

LinkFacts FactsOf(int link) {
  bpf_link_info found{};
  uint32_t size = sizeof found;
  if (link < 0 || bpf_obj_get_info_by_fd(link, &found, &size) != 0) return {};
  if (found.type != kXdpLink && found.type != kTcxLink) return {};
  // Of the union's members both XDP's and TCX's begin with the index.
  return {found.xdp.ifindex, found.prog_id};
}

}  // namespace

FoundLink HeldLinks::Find(const std::string& hook, const std::string& device, uint32_t ifindex) {
  const std::string path = pins_.Link(hook, device);
  FileDescriptor opened(bpf_obj_get(path.c_str()));
  if (opened.valid()) held_.insert_or_assign(path, std::move(opened));
  return Held(hook, device, ifindex);
}

FoundLink HeldLinks::Held(const std::string& hook, const std::string& device,
                          uint32_t ifindex) const {
  const std::string path = pins_.Link(hook, device);
  FoundLink found;
  found.pinned = access(path.c_str(), F_OK) == 0;
  const auto held = held_.find(path);
  if (held == held_.end()) return found;
  const LinkFacts facts = FactsOf(held->second.get());
  found.place = facts.ifindex == ifindex && ifindex != 0 ? FoundLink::Place::kHere
                                                         : FoundLink::Place::kElsewhere;
  found.fd = held->second.get();
  found.program_id = facts.program_id;
  return found;
}

Result<void> HeldLinks::Keep(const std::string& hook, const std::string& device,
                             FileDescriptor link) {
  const std::string path = pins_.Link(hook, device);
  const FileDescriptor before(bpf_obj_get(path.c_str()));
  if (auto pinned = Pins::Pin(link.get(), path, false); !pinned) return pinned;
  if (before.valid()) bpf_link_detach(before.get());
  held_.insert_or_assign(path, std::move(link));
  return {};
}

Result<void> HeldLinks::PinAgain(const std::string& hook, const std::string& device) {
  const std::string path = pins_.Link(hook, device);
  const auto held = held_.find(path);
  if (held == held_.end()) return {};
  return Pins::Pin(held->second.get(), path, false);
}

void HeldLinks::Drop(const std::string& hook, const std::string& device) {
  const std::string path = pins_.Link(hook, device);
  FileDescriptor link(bpf_obj_get(path.c_str()));
  const auto held = held_.find(path);
  if (held != held_.end()) {
    if (!link.valid()) link = std::move(held->second);
    held_.erase(held);
  }
  // By force: an agent that holds it open must not keep it on.
  if (link.valid()) bpf_link_detach(link.get());
  unlink(path.c_str());
}

bool HeldLinks::TakeOver(const std::string& hook, const std::string& device, uint32_t ifindex) {
  const std::string from = PinOn(hook, ifindex), to = pins_.Link(hook, device);
  if (from.empty() || from == to) return false;
  const bool exchanges = access(to.c_str(), F_OK) == 0;
  const unsigned int how = exchanges ? unsigned{RENAME_EXCHANGE} : 0u;
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), how) != 0) return false;
  // Opened again by their new names.
  held_.erase(from);
  held_.erase(to);
  return true;
}

bool HeldLinks::AnyOn(const std::string& hook, uint32_t ifindex) {
  return !PinOn(hook, ifindex).empty();
}

std::string HeldLinks::PinOn(const std::string& hook, uint32_t ifindex) {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(pins_.Links(hook), failed)) {
    std::string path = entry.path().string();
    const FileDescriptor link(bpf_obj_get(path.c_str()));
    if (FactsOf(link.get()).ifindex == ifindex) return path;
  }
  return "";
}

}  // namespace portmatrix
