// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/hooked_devices.h"

#include <bpf/bpf.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

#include "agent/datapath/fixed_text.h"

namespace portmatrix {
namespace {

uint64_t RealTime() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

Result<void> HookedDevices::Adopt() {
  auto attachments = All();
  if (!attachments) return attachments.error();
  for (const Attachment& attachment : *attachments) {
    const XdpMode mode = attachment.xdp == PM_XDP_GENERIC ? XdpMode::kGeneric : XdpMode::kNative;
    if (if_nametoindex(attachment.device.c_str()) == attachment.ifindex) {
      (void)Attach(attachment.device, attachment.number, mode);
      continue;
    }
    // Of a device that was renamed.
    for (const auto& [hook, program] : {std::pair{kXdpLinks, receive_}, {kTcLinks, send_}}) {
      const FoundLink link = links_.Find(hook, attachment.device, attachment.ifindex);
      if (link.place == FoundLink::Place::kHere) bpf_link_update(link.fd, program.fd, nullptr);
    }
  }
  return ForgetUnhooked();
}

Result<void> HookedDevices::ForgetUnhooked() {
  auto attachments = All();
  if (!attachments) return attachments.error();
  for (const uint32_t ifindex : maps_.devices.Indices())
    if (std::ranges::find(*attachments, ifindex, &Attachment::ifindex) == attachments->end() &&
        !links_.AnyOn(kXdpLinks, ifindex))
      maps_.devices.Remove(ifindex);
  return {};
}

Result<Attachment> HookedDevices::Attach(const std::string& device, uint32_t number, XdpMode mode) {
  const uint32_t ifindex = if_nametoindex(device.c_str());
  if (ifindex == 0)
    return Error{"attach to", device, ENODEV,
                 "no device of that name in this network namespace: see `ip link`"};
  auto before = maps_.attachments.Lookup<uint32_t, pm_attachment>(number);
  if (!before) return before.error();
  const pm_attachment old = before->value_or(pm_attachment{});
  // Written first, so that no packet meets a hook whose device has no number, and no agent that is
  // killed here leaves a hook that nobody knows of.
  if (auto written = maps_.devices.Put(ifindex, number); !written) return written.error();
  pm_attachment attachment = old.ifindex == ifindex ? old : pm_attachment{};
  CopyText(device, attachment.device);
  attachment.ifindex = ifindex;
  if (attachment.attached_at == 0) attachment.attached_at = RealTime();
  if (auto written = maps_.attachments.Update(number, attachment); !written) return written.error();

  const auto hooked = Hook(device, mode, &attachment);
  if (!hooked) {
    if (auto undone = maps_.attachments.Update(number, old); !undone) return undone.error();
    return hooked.error();
  }
  if (auto written = maps_.attachments.Update(number, attachment); !written) return written.error();
  if (old.ifindex != 0 && old.ifindex != ifindex) ForgetIndex(old.ifindex, number);
  return Attachment{device, number, ifindex, static_cast<pm_xdp_mode>(attachment.xdp_mode),
                    static_cast<pm_tc_kind>(attachment.tc_kind)};
}

Result<void> HookedDevices::Hook(const std::string& device, XdpMode mode,
                                 pm_attachment* attachment) {
  const auto before = static_cast<pm_tc_kind>(attachment->tc_kind);
  const auto receive = HookReceive(links_, device, attachment->ifindex, mode, receive_);
  if (!receive) return receive.error();
  const auto send = HookSend(links_, device, attachment->ifindex, before, send_);
  if (!send) {
    if (receive->made) UnhookReceive(links_, device);
    return send.error();
  }
  attachment->xdp_mode = static_cast<uint8_t>(receive->mode);
  attachment->tc_kind = static_cast<uint8_t>(send->kind);
  attachment->tc_handle = send->handle;
  attachment->tc_priority = send->priority;
  attachment->tc_program_id = send_.id;
  return {};
}

// An index that the device no longer has. Another device may have taken it meanwhile.
void HookedDevices::ForgetIndex(uint32_t ifindex, uint32_t number) {
  if (maps_.devices.Find(ifindex) == number && !links_.AnyOn(kXdpLinks, ifindex))
    maps_.devices.Remove(ifindex);
}

Result<void> HookedDevices::Detach(const std::string& device) {
  auto attachments = All();
  if (!attachments) return attachments.error();
  for (const Attachment& attachment : *attachments) {
    if (attachment.device != device) continue;
    auto record = maps_.attachments.Lookup<uint32_t, pm_attachment>(attachment.number);
    if (!record) return record.error();
    UnhookReceive(links_, device);
    UnhookSend(links_, device, attachment.ifindex, static_cast<pm_tc_kind>((*record)->tc_kind));
    if (auto cleared = maps_.attachments.Update(attachment.number, pm_attachment{}); !cleared)
      return cleared;
    // Its entry in `devices` goes with ForgetUnhooked: a packet may still be on its way
    // through the hook.
    return {};
  }
  return {};
}

Result<std::vector<Attachment>> HookedDevices::All() const {
  auto records = maps_.attachments.ReadArray<pm_attachment>(PM_MAX_DEVICES);
  if (!records) return records.error();
  std::vector<Attachment> attachments;
  for (uint32_t number = 0; number < PM_MAX_DEVICES; ++number) {
    const pm_attachment& record = (*records)[number];
    if (record.ifindex == 0) continue;
    attachments.push_back({TextOf(record.device), number, record.ifindex,
                           static_cast<pm_xdp_mode>(record.xdp_mode),
                           static_cast<pm_tc_kind>(record.tc_kind)});
  }
  return attachments;
}

bool HookedDevices::StillHolds(const Attachment& attachment) const {
  return ReceiveStillHolds(links_, attachment.device, attachment.ifindex, receive_.id) &&
         SendStillHolds(links_, attachment.device, attachment.ifindex, attachment.tc, send_.id);
}

Result<void> HookedDevices::Verify(const Attachment& attachment) {
  const std::string& device = attachment.device;
  const uint32_t ifindex = if_nametoindex(device.c_str());
  const auto hooked = [&]() -> Result<void> {
    if (auto held = CheckReceive(links_, device, attachment.ifindex, receive_.id); !held)
      return held;
    return CheckSend(links_, device, attachment.ifindex, attachment.tc, send_.id);
  };
  if (ifindex == attachment.ifindex) return hooked();
  if (ifindex != 0)
    return Error{"find the hooks of", device, ENXIO, "the name belongs to another device now"};
  std::array<char, IF_NAMESIZE> name{};
  if (if_indextoname(attachment.ifindex, name.data()) != nullptr && hooked())
    return Error{"find device", device, ESTALE,
                 std::string("it is called ") + name.data() + " now, and stays hooked"};
  return Error{"find device", device, ENODEV, ""};
}

}  // namespace portmatrix
