// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/hooks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/if_link.h>
#include <unistd.h>

#include <cerrno>

#include "agent/datapath/file_descriptor.h"

namespace portmatrix {
namespace {

// Attach type and flag of TCX (linux/bpf.h from Linux 6.6 on); the headers here are older, the
// system call takes them.
constexpr auto kTcxEgress = static_cast<bpf_attach_type>(47);
constexpr uint32_t kBefore = 1u << 3;  // BPF_F_BEFORE; relative to nothing: first of all

constexpr uint32_t kClsactHandle = 1;
constexpr uint32_t kClsactPriority = 1;

enum class PinnedLink { kNone, kHere, kElsewhere };

uint32_t IfindexOf(const bpf_link_info& link) {
  // struct bpf_link_info's union: both XDP and TCX begin with the ifindex; zero once the device is
  // gone.
  return link.xdp.ifindex;
}

// The link that is pinned at `path`, if it is still on `ifindex`.
PinnedLink OpenLink(const std::string& path, uint32_t ifindex, FileDescriptor* link) {
  *link = FileDescriptor(bpf_obj_get(path.c_str()));
  if (!link->valid()) return PinnedLink::kNone;
  bpf_link_info found{};
  uint32_t size = sizeof found;
  if (bpf_obj_get_info_by_fd(link->get(), &found, &size) != 0) return PinnedLink::kElsewhere;
  return IfindexOf(found) == ifindex ? PinnedLink::kHere : PinnedLink::kElsewhere;
}

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
Result<void> UpdateLink(const std::string& device, const FileDescriptor& link, int program) {
  if (bpf_link_update(link.get(), program, nullptr) != 0)
    return Error{"exchange the program on", device, errno, ""};
  return {};
}

pm_xdp_mode ModeOf(uint32_t ifindex) {
  LIBBPF_OPTS(bpf_xdp_query_opts, found);
  if (bpf_xdp_query(static_cast<int>(ifindex), 0, &found) != 0) return PM_XDP_NONE;
  return found.attach_mode == XDP_ATTACHED_SKB    ? PM_XDP_GENERIC
         : found.attach_mode == XDP_ATTACHED_NONE ? PM_XDP_NONE
                                                  : PM_XDP_NATIVE;
}

bpf_tc_hook ClsactEgress(uint32_t ifindex) {
  bpf_tc_hook hook{};
  hook.sz = sizeof hook;
  hook.ifindex = static_cast<int>(ifindex);
  hook.attach_point = BPF_TC_EGRESS;
  return hook;
}

Result<TcHook> AttachClsact(const std::string& device, uint32_t ifindex, int program) {
  bpf_tc_hook hook = ClsactEgress(ifindex);
  if (const int failed = bpf_tc_hook_create(&hook); failed != 0 && failed != -EEXIST)
    return Error{"make the clsact hook of", device, -failed, ""};
  LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program, .flags = BPF_TC_F_REPLACE,
              .handle = kClsactHandle, .priority = kClsactPriority);
  if (const int failed = bpf_tc_attach(&hook, &options); failed != 0)
    return Error{"attach the clsact filter to", device, -failed, ""};
  return TcHook{PM_TC_CLSACT, options.handle, options.priority};
}

}  // namespace

Result<pm_xdp_mode> HookReceive(const Pins& pins, const std::string& device, uint32_t ifindex,
                                XdpMode mode, const Programs& programs) {
  const std::string path = pins.Link("xdp", device);
  FileDescriptor link;
  switch (OpenLink(path, ifindex, &link)) {
    case PinnedLink::kHere:
      if (auto updated = UpdateLink(device, link, programs.xdp); !updated) return updated.error();
      return ModeOf(ifindex);
    case PinnedLink::kElsewhere:
      unlink(path.c_str());
      break;
    case PinnedLink::kNone:
      break;
  }
  pm_xdp_mode got = PM_XDP_NATIVE;
  auto attached =
      AttachXdp(device, ifindex,
                mode == XdpMode::kGeneric ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE, programs.xdp);
  if (mode == XdpMode::kGeneric) got = PM_XDP_GENERIC;
  if (!attached && mode == XdpMode::kAny && attached.error().code != EBUSY &&
      attached.error().code != EEXIST) {
    attached = AttachXdp(device, ifindex, XDP_FLAGS_SKB_MODE, programs.xdp);
    got = PM_XDP_GENERIC;
  }
  if (!attached) return attached.error();
  if (auto pinned = pins.Pin(attached->get(), path, false); !pinned) return pinned.error();
  return got;
}

Result<TcHook> HookSend(const Pins& pins, const std::string& device, uint32_t ifindex,
                        const Programs& programs) {
  const std::string path = pins.Link("tc", device);
  FileDescriptor link;
  switch (OpenLink(path, ifindex, &link)) {
    case PinnedLink::kHere:
      if (auto updated = UpdateLink(device, link, programs.tc); !updated) return updated.error();
      return TcHook{PM_TC_TCX, 0, 0};
    case PinnedLink::kElsewhere:
      unlink(path.c_str());
      break;
    case PinnedLink::kNone:
      break;
  }
  LIBBPF_OPTS(bpf_link_create_opts, options, .flags = kBefore);
  FileDescriptor made(
      bpf_link_create(programs.tc, static_cast<int>(ifindex), kTcxEgress, &options));
  if (!made.valid()) {
    if (errno != EINVAL) return Error{"attach TCX to", device, errno, ""};
    return AttachClsact(device, ifindex, programs.tc);
  }
  if (auto pinned = pins.Pin(made.get(), path, false); !pinned) return pinned.error();
  return TcHook{PM_TC_TCX, 0, 0};
}

void UnhookReceive(const Pins& pins, const std::string& device) {
  unlink(pins.Link("xdp", device).c_str());
}

void UnhookSend(const Pins& pins, const std::string& device, uint32_t ifindex, const TcHook& hook) {
  unlink(pins.Link("tc", device).c_str());
  if (hook.kind != PM_TC_CLSACT) return;
  bpf_tc_hook clsact = ClsactEgress(ifindex);
  LIBBPF_OPTS(bpf_tc_opts, options, .handle = hook.handle, .priority = hook.priority);
  bpf_tc_detach(&clsact, &options);
}

Result<void> CheckReceive(const Pins& pins, const std::string& device, uint32_t ifindex) {
  FileDescriptor link;
  switch (OpenLink(pins.Link("xdp", device), ifindex, &link)) {
    case PinnedLink::kHere:
      return {};
    case PinnedLink::kNone:
      return Error{"find the XDP link of", device, ENOENT, "its pin is gone"};
    case PinnedLink::kElsewhere:
      break;
  }
  return Error{"find the XDP link of", device, ENODEV, "it was on a device that is gone"};
}

Result<void> CheckSend(const Pins& pins, const std::string& device, uint32_t ifindex,
                       const TcHook& hook) {
  if (hook.kind == PM_TC_CLSACT) {
    bpf_tc_hook clsact = ClsactEgress(ifindex);
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = hook.handle, .priority = hook.priority);
    if (const int failed = bpf_tc_query(&clsact, &options); failed != 0)
      return Error{"find the clsact filter of", device, -failed, "somebody deleted it"};
    return {};
  }
  FileDescriptor link;
  switch (OpenLink(pins.Link("tc", device), ifindex, &link)) {
    case PinnedLink::kHere:
      return {};
    case PinnedLink::kNone:
      return Error{"find the TCX link of", device, ENOENT, "its pin is gone"};
    case PinnedLink::kElsewhere:
      break;
  }
  return Error{"find the TCX link of", device, ENODEV, "it was on a device that is gone"};
}

}  // namespace portmatrix
