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
  for (const auto& [device, look] : looks_)
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
  for (const auto& [device, mode] : wanted) {
    const auto found = hooked.find(device);
    KeepDevice(device, mode, found == hooked.end() ? nullptr : &found->second, datapath);
  }
}

void Protection::KeepDevice(const std::string& device, XdpMode mode, const Attachment* hooked,
                            Datapath& datapath) {
  Look& look = looks_[device];
  look.attachment = hooked != nullptr ? std::optional(*hooked) : std::nullopt;
  std::optional<Error> wrong;
  if (hooked != nullptr) {
    const Result<void> verified = datapath.Verify(*hooked);
    if (verified) return Good(*hooked, mode, datapath);
    wrong = verified.error();
    // A device that was made anew is nobody who fights for the hook.
    if (wrong->code != ENXIO && !MayRepair(look)) return Wrong(device, *wrong);
  }
  const Result<uint32_t> number = NumberOf(device, hooked, datapath);
  if (!number) return Bad(device, number.error());
  const Result<Attachment> attached = datapath.Attach(device, *number, mode);
  if (attached) {
    look.attachment = *attached;
    if (wrong) {
      Wrong(device, *wrong);
      if (wrong->code != ENXIO) look.repairs.push_back(clock_.BootMilliseconds());
      if (look.repairs.size() > kMostRepairs) look.repairs.pop_front();
    }
    return Good(*attached, mode, datapath);
  }
  Wrong(device, wrong && wrong->code == ESTALE ? *wrong : attached.error());
}

void Protection::Wrong(const std::string& device, const Error& error) {
  if (error.code == ESTALE)
    Odd(device, error);
  else
    Bad(device, error);
}

bool Protection::MayRepair(const Look& look) const {
  return look.repairs.size() < kMostRepairs ||
         clock_.BootMilliseconds() - look.repairs.front() >= kRepairsMilliseconds;
}

Result<uint32_t> Protection::NumberOf(const std::string& device, const Attachment* hooked,
                                      Datapath& datapath) {
  Look& look = looks_[device];
  if (hooked != nullptr) {
    look.number = hooked->number;
    look.is_numbered = true;
  }
  if (look.is_numbered) return look.number;
  const Result<Numbering> numbering = datapath.ReadNumbering();
  if (!numbering) return numbering.error();
  const auto found = numbering->devices.find(device);
  if (found == numbering->devices.end())
    return Error{"find the number of", device, 0, "no generation in the kernel names it"};
  look.number = found->second;
  look.is_numbered = true;
  return look.number;
}

bool Protection::Holds(Datapath& datapath) {
  for (auto& [device, look] : looks_) {
    const bool somebody_holds_it = look.code == EBUSY || look.code == EEXIST;
    if (somebody_holds_it && MayRepair(look)) return false;
    // A device that is not there: rtnetlink tells when it comes.
    if (!look.attachment || somebody_holds_it) continue;
    if (look.code == 0) {
      if (!datapath.StillHolds(*look.attachment)) return false;
      last_good_[device] = Now();
      continue;
    }
    const Result<void> verified = datapath.Verify(*look.attachment);
    const int code = verified ? 0 : verified.error().code;
    const bool is_still_wrong = code != 0 && code != ESTALE;
    if (code != look.code && !is_still_wrong) return false;
  }
  return true;
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
  while (!looks_.empty()) ForgetDevice(std::string(looks_.begin()->first));
  alarms_.Clear("attachments");
}

std::map<std::string, uint64_t> Protection::UnprotectedMilliseconds() const {
  std::map<std::string, uint64_t> lengths = unprotected_milliseconds_;
  for (const auto& [device, look] : looks_) lengths.try_emplace(device, 0);
  for (const Gap& gap : gaps_)
    if (!gap.until) lengths[gap.device] += gap.LengthAt(clock_.BootMilliseconds());
  return lengths;
}

void Protection::EndGap(const std::string& device) {
  const Moment now = Now();
  last_good_[device] = now;
  for (Gap& gap : gaps_) {
    if (gap.device != device || gap.until) continue;
    gap.milliseconds = gap.LengthAt(now.boot);
    gap.until = now.wall;
    unprotected_milliseconds_[device] += gap.milliseconds;
    alarms_.Note(fmt::format("device {}: protected again after {:.3f} s", gap.device,
                             static_cast<double>(gap.milliseconds) / 1e3));
  }
}

void Protection::Odd(const std::string& device, const Error& error) {
  looks_[device].code = error.code;
  EndGap(device);
  alarms_.Raise(Subject(device), error.Text());
}

void Protection::Good(const Attachment& attachment, XdpMode mode, Datapath& datapath) {
  looks_[attachment.device].code = 0;
  EndGap(attachment.device);
  alarms_.Clear(Subject(attachment.device));
  const std::string mode_subject = Subject(attachment.device) + " mode";
  if (attachment.xdp == PM_XDP_GENERIC && mode == XdpMode::kNative)
    alarms_.Raise(mode_subject,
                  "hooked in generic mode, though its policy says native; counts are inexact");
  else
    alarms_.Clear(mode_subject);
  const std::string tags_subject = Subject(attachment.device) + " tags";
  if (const Result<void> kept = datapath.KeepTagsInFrames(attachment.device); !kept)
    alarms_.Raise(tags_subject,
                  kept.error().Text() + ": tagged frames are judged as untagged ones");
  else
    alarms_.Clear(tags_subject);
}

void Protection::Bad(const std::string& device, const Error& error) {
  // Whatever has no number is wrong all the same.
  looks_[device].code = error.code != 0 ? error.code : ENOENT;
  alarms_.Raise(Subject(device), "not protected: " + error.Text());
  for (const Gap& gap : gaps_)
    if (gap.device == device && !gap.until) return;
  const Moment good = last_good_.try_emplace(device, began_).first->second;
  gaps_.push_back({device, good.wall, std::nullopt, good.boot, 0});
  if (gaps_.size() > kKeptGaps) gaps_.pop_front();
}

void Protection::ForgetDevice(const std::string& device) {
  for (Gap& gap : gaps_) {
    if (gap.device != device || gap.until) continue;
    gap.milliseconds = gap.LengthAt(clock_.BootMilliseconds());
    gap.until = clock_.Now();
    unprotected_milliseconds_[device] += gap.milliseconds;
  }
  alarms_.Clear(Subject(device));
  alarms_.Clear(Subject(device) + " mode");
  alarms_.Clear(Subject(device) + " tags");
  last_good_.erase(device);
  looks_.erase(device);
}

}  // namespace portmatrix
