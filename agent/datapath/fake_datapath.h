// SPDX-License-Identifier: Apache-2.0
// The datapath's body in memory, for tests: it keeps what a kernel would keep, can be told to fail,
// and notes every step that the real one would have to forgive. FakeKernel is what outlives an
// agent: a second FakeDatapath on the same kernel is the agent started again.
#ifndef PORTMATRIX_AGENT_DATAPATH_FAKE_DATAPATH_H_
#define PORTMATRIX_AGENT_DATAPATH_FAKE_DATAPATH_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/datapath/datapath.h"

namespace portmatrix {

struct FakeSlot {
  pm_generation record{};
  Image image;
  std::vector<RuleIdentity> rules;
  std::vector<std::string> interfaces;
  std::vector<std::string> devices;
  std::vector<LiveSetRoom> live_sets;
};

struct FakeKernel {
  // What a test sets up and changes at will.
  std::map<std::string, uint32_t> devices;     // those that exist, name to ifindex
  std::map<std::string, std::string> renamed;  // devices that are hooked and have another name now
  std::set<std::string> held;                  // devices whose XDP hook somebody else holds: EBUSY
  NumberingLimits limits{.rules = 1024};
  std::map<std::string, std::string> overtaken;  // devices where another's program stands first: by
                                                 // whom; hooking again sets it right
  std::set<std::string> takes_tags_out;          // devices whose VLAN offload stays on
  std::vector<std::string> lost_pins;            // pins that somebody deleted
  int fail_at = 0;          // the n-th call from now on fails, counted from 1; zero: none
  int fail_with = 5;        // errno of that failure
  bool fails_late = false;  // it fails after its effect instead of before
  std::function<void(const std::string& call)> before;  // runs at the begin of each call

  // What pins would hold.
  uint64_t control = 0;
  std::array<FakeSlot, PM_SLOTS> slots;
  Numbering numbering;
  std::map<std::string, Attachment> attachments;
  std::map<uint32_t, LiveEntries> live_content;  // by set number
  std::map<uint32_t, uint32_t> live_capacity;

  // What was done.
  std::vector<std::string> calls;  // "Attach eth0", in order; reads are left out
  std::vector<RuleIdentity> retired;
  std::vector<std::string> violations;  // contracts of datapath.h that a caller broke
  std::array<bool, PM_SLOTS>
      in_use{};  // named by a control word since programs were last waited for

  // A packet arrives at `boot_milliseconds`: the program's own swap, where a deadline has passed.
  void Packet(uint64_t boot_milliseconds);
  const FakeSlot& judging() const { return slots[PM_CONTROL_JUDGING(control)]; }
  // Does the control word name the slot, as judging or as what a pending change falls back to?
  bool Names(uint32_t slot) const;
};

class FakeDatapath final : public Datapath {
 public:
  // `kernel` outlives this.
  explicit FakeDatapath(FakeKernel* kernel) : kernel_(kernel) {}

  Result<Numbering> ReadNumbering() override;
  Result<std::vector<RuleIdentity>> RulesBeyond(const IsNamed& is_named) override;
  NumberingLimits limits() const override { return kernel_->limits; }
  Result<pm_generation> ReadGeneration(uint32_t slot) override;
  Result<void> Install(uint32_t slot, const Generation& generation,
                       const Numbering& numbering) override;
  Result<void> WaitForPrograms() override;
  Result<void> Retire(const std::vector<RuleIdentity>& rules) override;
  std::map<std::string, uint32_t> LiveNumbers() const override {
    return kernel_->numbering.live_sets;
  }
  const LiveEntries& LiveContent(uint32_t set) const override;
  uint32_t LiveCapacity(uint32_t set) const override;
  Result<void> PutLive(uint32_t set, const Prefix& prefix, const LiveEntry& entry) override;
  Result<void> EraseLive(uint32_t set, const Prefix& prefix) override;
  Result<void> ForgetLiveSets(const std::vector<std::string>& names) override;
  Result<uint64_t> ReadControl() override;
  Result<bool> SwapControl(uint64_t expected, uint64_t desired) override;
  Result<Attachment> Attach(const std::string& device, uint32_t number, XdpMode mode) override;
  Result<void> Detach(const std::string& device) override;
  Result<std::vector<Attachment>> Attachments() override;
  Result<void> Verify(const Attachment& attachment) override;
  bool StillHolds(const Attachment& attachment) override { return Verify(attachment).ok(); }
  Result<void> KeepTagsInFrames(const std::string& device) override;
  Result<std::vector<std::string>> RestorePins() override;
  Result<void> Remove() override;

 private:
  // Runs one call: `effect` unless it is this one's turn to fail.
  template <typename Effect>
  auto Run(const std::string& call, bool is_read, Effect effect) -> decltype(effect());

  FakeKernel* kernel_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_FAKE_DATAPATH_H_
