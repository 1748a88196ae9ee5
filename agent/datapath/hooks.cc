// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/hooks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/if_link.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "agent/datapath/clsact.h"
#include "agent/datapath/file_descriptor.h"

namespace portmatrix {
namespace {

// Attach type and flag of TCX (linux/bpf.h from Linux 6.6 on); the headers here are older, the
// system call takes them.
constexpr auto kTcxEgress = static_cast<bpf_attach_type>(47);
constexpr uint32_t kBefore = 1u << 3;  // BPF_F_BEFORE; relative to nothing: first of all

constexpr size_t kMostPrograms = 64;  // of one hook: kernel/bpf/mprog.c

using Place = FoundLink::Place;

// Who stands on the XDP hook, for a message.
std::string Holder(uint32_t ifindex) {
  LIBBPF_OPTS(bpf_xdp_query_opts, found);
  if (bpf_xdp_query(static_cast<int>(ifindex), 0, &found) != 0 || found.prog_id == 0)
    return "held by another program";
  std::string text = fmt::format("held by XDP program id {}", found.prog_id);
  const FileDescriptor program(bpf_prog_get_fd_by_id(found.prog_id));
  bpf_prog_info described{};
  uint32_t size = sizeof described;
  if (program.valid() && bpf_obj_get_info_by_fd(program.get(), &described, &size) == 0)
    text += fmt::format(" named {}", described.name);
  return text + "; detach that one first";
}

Result<FileDescriptor> AttachXdp(const std::string& device, uint32_t ifindex, uint32_t flags,
                                 int program) {
  LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
  FileDescriptor link(bpf_link_create(program, static_cast<int>(ifindex), BPF_XDP, &options));
  if (link.valid()) return link;
  const int code = errno;
  std::string detail;
  if (code == EBUSY || code == EEXIST) detail = Holder(ifindex);
  if (code == EOPNOTSUPP)
    detail = "the driver has no native XDP: the policy may allow `xdp: generic` or `any`";
  if (code == ERANGE) detail = "the MTU is too large for the driver's native XDP";
  if (code == EPERM) detail = "needs root, or CAP_NET_ADMIN and CAP_BPF";
  return Error{"attach native or generic XDP to", device, code, detail};
}

// Gives a link that is in place the program of this object; a link has one already, so no packet
// meets none.
Result<void> UpdateLink(const std::string& device, const FoundLink& link,
                        const HookProgram& program) {
  if (link.program_id != program.id && bpf_link_update(link.fd, program.fd, nullptr) != 0)
    return Error{"exchange the program on", device, errno, ""};
  return {};
}

// What the device itself says of its receive hook. A link tells only an index, which is of one
// network namespace.
struct ReceiveView {
  pm_xdp_mode mode = PM_XDP_NONE;
  uint32_t program_id = 0;
};

ReceiveView ViewOf(uint32_t ifindex) {
  LIBBPF_OPTS(bpf_xdp_query_opts, found);
  if (bpf_xdp_query(static_cast<int>(ifindex), 0, &found) != 0 ||
      found.attach_mode == XDP_ATTACHED_NONE)
    return {};
  return {found.attach_mode == XDP_ATTACHED_SKB ? PM_XDP_GENERIC : PM_XDP_NATIVE, found.prog_id};
}

enum class SendRank { kAbsent, kFirst, kBehind };

SendRank RankOf(uint32_t ifindex, uint32_t program_id) {
  std::array<uint32_t, kMostPrograms> programs{};
  uint32_t flags = 0, count = programs.size();
  if (bpf_prog_query(static_cast<int>(ifindex), kTcxEgress, 0, &flags, programs.data(), &count) !=
      0)
    return SendRank::kAbsent;
  const auto end = programs.begin() + std::min<size_t>(count, programs.size());
  const auto found = std::find(programs.begin(), end, program_id);
  if (found == end) return SendRank::kAbsent;
  return found == programs.begin() ? SendRank::kFirst : SendRank::kBehind;
}

Error PinIsGone(const char* kind, const std::string& device) {
  return {std::string("find the pin of the ") + kind + " link of", device, ESTALE,
          "somebody deleted it; the hook itself is in place"};
}

Result<SendHook> HookByFilter(const std::string& device, uint32_t ifindex,
                              const HookProgram& program) {
  const auto filter = HookClsact(device, ifindex, program.fd, program.id);
  if (!filter) return filter.error();
  return SendHook{PM_TC_CLSACT, filter->handle, filter->priority};
}

}  // namespace

Result<ReceiveHook> HookReceive(HeldLinks& links, const std::string& device, uint32_t ifindex,
                                XdpMode mode, const HookProgram& program) {
  FoundLink found = links.Find(kXdpLinks, device, ifindex);
  if (found.place != Place::kHere && links.TakeOver(kXdpLinks, device, ifindex))
    found = links.Find(kXdpLinks, device, ifindex);
  const ReceiveView view = ViewOf(ifindex);
  if (found.place == Place::kHere && view.program_id == found.program_id) {
    if (auto updated = UpdateLink(device, found, program); !updated) return updated.error();
    if (!found.pinned)
      if (auto pinned = links.PinAgain(kXdpLinks, device); !pinned) return pinned.error();
    return ReceiveHook{view.mode, false};
  }
  pm_xdp_mode got = mode == XdpMode::kGeneric ? PM_XDP_GENERIC : PM_XDP_NATIVE;
  auto attached =
      AttachXdp(device, ifindex,
                mode == XdpMode::kGeneric ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE, program.fd);
  if (!attached && mode == XdpMode::kAny && attached.error().code != EBUSY &&
      attached.error().code != EEXIST) {
    attached = AttachXdp(device, ifindex, XDP_FLAGS_SKB_MODE, program.fd);
    got = PM_XDP_GENERIC;
  }
  if (!attached) return attached.error();
  // A link that was here is on a device that is gone, or has lost the name: that one goes.
  if (auto kept = links.Keep(kXdpLinks, device, std::move(*attached)); !kept) return kept.error();
  return ReceiveHook{got, true};
}

Result<SendHook> HookSend(HeldLinks& links, const std::string& device, uint32_t ifindex,
                          pm_tc_kind before, const HookProgram& program) {
  if (before == PM_TC_CLSACT) return HookByFilter(device, ifindex, program);
  FoundLink found = links.Find(kTcLinks, device, ifindex);
  if (found.place != Place::kHere && links.TakeOver(kTcLinks, device, ifindex))
    found = links.Find(kTcLinks, device, ifindex);
  if (found.place == Place::kHere && RankOf(ifindex, found.program_id) == SendRank::kFirst) {
    if (auto updated = UpdateLink(device, found, program); !updated) return updated.error();
    if (!found.pinned)
      if (auto pinned = links.PinAgain(kTcLinks, device); !pinned) return pinned.error();
    return SendHook{PM_TC_TCX, 0, 0};
  }
  // A hook takes no program twice (kernel/bpf/mprog.c), so one that stands behind another's must go
  // before it can be first: it was not judging for certain anyway.
  if (found.place == Place::kHere) links.Drop(kTcLinks, device);
  LIBBPF_OPTS(bpf_link_create_opts, options, .flags = kBefore);
  FileDescriptor made(bpf_link_create(program.fd, static_cast<int>(ifindex), kTcxEgress, &options));
  if (!made.valid()) {
    if (errno != EINVAL) return Error{"attach TCX to", device, errno, ""};
    return HookByFilter(device, ifindex, program);
  }
  if (auto kept = links.Keep(kTcLinks, device, std::move(made)); !kept) return kept.error();
  return SendHook{PM_TC_TCX, 0, 0};
}

void UnhookReceive(HeldLinks& links, const std::string& device) { links.Drop(kXdpLinks, device); }

void UnhookSend(HeldLinks& links, const std::string& device, uint32_t ifindex, pm_tc_kind kind) {
  links.Drop(kTcLinks, device);
  if (kind == PM_TC_CLSACT) UnhookClsact(ifindex);
}

Result<void> CheckReceive(HeldLinks& links, const std::string& device, uint32_t ifindex,
                          uint32_t program_id) {
  const FoundLink found = links.Find(kXdpLinks, device, ifindex);
  const auto missing = [&](int code, const char* why) {
    return Error{"find the XDP link of", device, code, why};
  };
  if (found.place == Place::kNone) return missing(ENOENT, "its pin is gone");
  if (found.place == Place::kElsewhere)
    return missing(ENODEV, "it was detached, or its device is gone");
  if (found.program_id != program_id) return missing(EINVAL, "it runs another program");
  if (ViewOf(ifindex).program_id != program_id)
    return missing(ENODEV, "it is on a device of another network namespace");
  if (!found.pinned) return PinIsGone("XDP", device);
  return {};
}

Result<void> CheckSend(HeldLinks& links, const std::string& device, uint32_t ifindex,
                       pm_tc_kind kind, uint32_t program_id) {
  if (kind == PM_TC_CLSACT) return CheckClsact(device, ifindex, program_id);
  const FoundLink found = links.Find(kTcLinks, device, ifindex);
  const auto missing = [&](int code, const char* why) {
    return Error{"find the TCX link of", device, code, why};
  };
  if (found.place == Place::kNone) return missing(ENOENT, "its pin is gone");
  if (found.place == Place::kElsewhere)
    return missing(ENODEV, "it was detached, or its device is gone");
  if (found.program_id != program_id) return missing(EINVAL, "it runs another program");
  switch (RankOf(ifindex, program_id)) {
    case SendRank::kAbsent:
      return missing(ENODEV, "it is on a device of another network namespace");
    case SendRank::kBehind:
      return missing(EBUSY, "somebody put another program before it: packets may pass unjudged");
    case SendRank::kFirst:
      break;
  }
  if (!found.pinned) return PinIsGone("TCX", device);
  return {};
}

bool ReceiveStillHolds(const HeldLinks& links, const std::string& device, uint32_t ifindex,
                       uint32_t program_id) {
  const FoundLink held = links.Held(kXdpLinks, device, ifindex);
  return held.place == Place::kHere && held.pinned && held.program_id == program_id;
}

bool SendStillHolds(const HeldLinks& links, const std::string& device, uint32_t ifindex,
                    pm_tc_kind kind, uint32_t program_id) {
  if (kind == PM_TC_CLSACT) return true;
  const FoundLink held = links.Held(kTcLinks, device, ifindex);
  return held.place == Place::kHere && held.pinned && held.program_id == program_id &&
         RankOf(ifindex, program_id) == SendRank::kFirst;
}

}  // namespace portmatrix
