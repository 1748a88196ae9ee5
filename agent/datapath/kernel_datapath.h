// SPDX-License-Identifier: Apache-2.0
// The datapath's body in the kernel: pinned maps, programs and links under one pin root. Opening
// adopts what is pinned there, down to the last counter, and puts its own program in place of an
// older one's; closing leaves everything in force.
#ifndef PORTMATRIX_AGENT_DATAPATH_KERNEL_DATAPATH_H_
#define PORTMATRIX_AGENT_DATAPATH_KERNEL_DATAPATH_H_

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/datapath/bpf_map.h"
#include "agent/datapath/datapath.h"
#include "agent/datapath/filter_object.h"
#include "agent/datapath/hooked_devices.h"
#include "agent/datapath/live_set_table.h"
#include "agent/datapath/pins.h"
#include "agent/datapath/rule_ledger.h"
#include "agent/datapath/shared_value.h"
#include "agent/datapath/slot_images.h"

namespace portmatrix {

class KernelDatapath final : public Datapath {
 public:
  // `sizes` count where the maps are made anew; adopted maps keep theirs.
  // The pins tell readers where the agent keeps its state, so that `detach` without an agent can
  // leave its mark there.
  static Result<std::unique_ptr<KernelDatapath>> Open(const std::string& pin_root,
                                                      const DatapathSizes& sizes,
                                                      const std::string& state_directory = "");
  // Removes what is pinned under `pin_root`, without loading anything: control word first, then
  // hooks, then pins.
  static Result<void> RemoveAll(const std::string& pin_root);

  Result<Numbering> ReadNumbering() override;
  Result<std::vector<RuleIdentity>> RulesBeyond(const IsNamed& is_named) override;
  NumberingLimits limits() const override { return {.rules = rule_slots_}; }
  Result<pm_generation> ReadGeneration(uint32_t slot) override;
  Result<void> Install(uint32_t slot, const Generation& generation,
                       const Numbering& numbering) override;
  Result<void> WaitForPrograms() override;
  Result<void> Retire(const std::vector<RuleIdentity>& rules) override;
  std::map<std::string, uint32_t> LiveNumbers() const override { return live_sets_->numbers(); }
  const LiveEntries& LiveContent(uint32_t set) const override;
  uint32_t LiveCapacity(uint32_t set) const override { return live_sets_->capacity(set); }
  Result<void> PutLive(uint32_t set, const Prefix& prefix, const LiveEntry& entry) override;
  Result<void> EraseLive(uint32_t set, const Prefix& prefix) override;
  Result<void> ForgetLiveSets(const std::vector<std::string>& names) override;
  Result<uint64_t> ReadControl() override;
  Result<bool> SwapControl(uint64_t expected, uint64_t desired) override;
  Result<Attachment> Attach(const std::string& device, uint32_t number, XdpMode mode) override;
  Result<void> Detach(const std::string& device) override;
  Result<std::vector<Attachment>> Attachments() override;
  Result<void> Verify(const Attachment& attachment) override;
  bool StillHolds(const Attachment& attachment) override;
  Result<void> KeepTagsInFrames(const std::string& device) override;
  Result<std::vector<std::string>> RestorePins() override;
  Result<void> Remove() override;

 private:
  explicit KernelDatapath(std::string pin_root) : pins_(std::move(pin_root)) {}

  Result<void> CheckPins();
  // Which program stands on the hooks, by the pins' own word.
  Result<pm_identity> ReadIdentity() const;
  Result<bool> IsOurProgram() const;
  Result<void> WriteIdentity(const std::array<uint8_t, PM_FINGERPRINT_BYTES>& fingerprint,
                             const std::string& state_directory);
  // Takes over the pinned maps and programs; false, and nothing taken, if any is missing.
  bool AdoptProgram();
  // Loads this binary's object over the maps that are pinned, and pins the rest.
  Result<void> LoadProgram(const DatapathSizes& sizes);
  // Map into memory what program and agent share.
  Result<void> ShareControl();
  Result<void> ShareDeviceNumbers();
  Result<void> Prepare();
  const BpfMap& map(const std::string& name) const { return maps_.at(name); }
  DeviceMaps Devices() { return {map("attachments"), device_numbers_}; }

  Pins pins_;
  std::string pins_seen_;  // Pins::LastChange when all were found
  std::map<std::string, BpfMap> maps_;
  FileDescriptor xdp_program_;
  FileDescriptor tc_program_;
  SharedValue<uint64_t> control_;
  DeviceNumbers device_numbers_;
  std::optional<HookedDevices> hooked_;
  std::optional<SlotImages> images_;
  std::optional<RuleLedger> ledger_;
  std::optional<LiveSetTable> live_sets_;
  uint32_t rule_slots_ = 0;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_KERNEL_DATAPATH_H_
