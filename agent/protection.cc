// SPDX-License-Identifier: Apache-2.0
#include "agent/protection.h"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

namespace portmatrix {
namespace {

std::string Subject(const std::string& device) { return "device " + device; }

}  // namespace

void Protection::Keep(const std::map<std::string, XdpMode>& wanted, Datapath& datapath) {
  std::vector<std::string> left;
  for (const auto& [device, time] : last_good_)
    if (!wanted.contains(device)) left.push_back(device);
  for (const std::string& device : left) ForgetDevice(device);

  Result<std::vector<Attachment>> attachments = datapath.Attachments();
  if (!attachments) {
    alarms_.Raise("attachments", attachments.error().Text());
    return;
  }
  alarms_.Clear("attachments");
  std::map<std::string, Attachment> hooked;
  for (Attachment& attachment : *attachments) hooked[attachment.device] = std::move(attachment);

  std::optional<Numbering> numbering;
  for (const auto& [device, mode] : wanted) {
    const auto found = hooked.find(device);
    const bool was_hooked = found != hooked.end();
    if (was_hooked) {
      const Result<void> verified = datapath.Verify(found->second);
      if (verified) {
        Good(found->second, mode);
        continue;
      }
      // It has another name now, and its hooks are in place (datapath.h): an alarm, no gap.
      if (verified.error().code == ESTALE) {
        Renamed(device, verified.error());
        continue;
      }
      Bad(device, verified.error());
    }
    if (!numbering) {
      Result<Numbering> read = datapath.ReadNumbering();
      if (!read) return Bad(device, read.error());
      numbering = std::move(*read);
    }
    const auto number = numbering->devices.find(device);
    if (number == numbering->devices.end()) {
      Bad(device, {"find the number of", device, 0, "no generation in the kernel names it"});
      continue;
    }
    const Result<Attachment> attached = datapath.Attach(device, number->second, mode);
    if (attached)
      Good(*attached, mode);
    else if (!was_hooked)
      Bad(device, attached.error());
  }
}

Result<void> Protection::Release(const std::set<std::string>& wanted, Datapath& datapath) {
  Result<std::vector<Attachment>> attachments = datapath.Attachments();
  if (!attachments) return attachments.error();
  std::optional<Error> failed;
  for (const Attachment& attachment : *attachments) {
    if (wanted.contains(attachment.device)) continue;
    const Result<void> detached = datapath.Detach(attachment.device);
    if (!detached) failed = detached.error();
    ForgetDevice(attachment.device);
  }
  if (failed) return *failed;
  return {};
}

std::set<std::string> Protection::unprotected() const {
  std::set<std::string> devices;
  for (const Gap& gap : gaps_)
    if (!gap.until) devices.insert(gap.device);
  return devices;
}

void Protection::Forget() {
  while (!last_good_.empty()) ForgetDevice(std::string(last_good_.begin()->first));
  alarms_.Clear("attachments");
}

void Protection::EndGap(const std::string& device) {
  const int64_t now = clock_.Now();
  last_good_[device] = now;
  for (Gap& gap : gaps_) {
    if (gap.device != device || gap.until) continue;
    gap.until = now;
    alarms_.Note(fmt::format("device {}: protected again after {:.3f} s", gap.device,
                             static_cast<double>(now - gap.from) / 1e9));
  }
}

void Protection::Renamed(const std::string& device, const Error& error) {
  EndGap(device);
  alarms_.Raise(Subject(device), error.Text());
}

void Protection::Good(const Attachment& attachment, XdpMode mode) {
  EndGap(attachment.device);
  alarms_.Clear(Subject(attachment.device));
  const std::string mode_subject = Subject(attachment.device) + " mode";
  if (attachment.xdp == PM_XDP_GENERIC && mode == XdpMode::kNative)
    alarms_.Raise(mode_subject,
                  "hooked in generic mode, though its policy says native; counts are inexact");
  else
    alarms_.Clear(mode_subject);
}

void Protection::Bad(const std::string& device, const Error& error) {
  alarms_.Raise(Subject(device), "not protected: " + error.Text());
  for (const Gap& gap : gaps_)
    if (gap.device == device && !gap.until) return;
  const auto good = last_good_.try_emplace(device, began_).first;
  gaps_.push_back({device, good->second, std::nullopt});
  if (gaps_.size() > kKeptGaps) gaps_.pop_front();
}

void Protection::ForgetDevice(const std::string& device) {
  for (Gap& gap : gaps_)
    if (gap.device == device && !gap.until) gap.until = clock_.Now();
  alarms_.Clear(Subject(device));
  alarms_.Clear(Subject(device) + " mode");
  last_good_.erase(device);
}

}  // namespace portmatrix
