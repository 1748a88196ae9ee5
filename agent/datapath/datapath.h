// SPDX-License-Identifier: Apache-2.0
// Every effect on the kernel, behind one interface: the agent's logic is written against it and
// tested with a body in memory (fake_datapath.h); the real one is kernel_datapath.h. One thread at
// a time.
#ifndef PORTMATRIX_AGENT_DATAPATH_DATAPATH_H_
#define PORTMATRIX_AGENT_DATAPATH_DATAPATH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/datapath/live_entries.h"
#include "agent/datapath/result.h"
#include "maps/image.h"
#include "maps/layout.h"
#include "maps/numbering.h"

namespace portmatrix {

// A hooked device.
struct Attachment {
  std::string device;
  uint32_t number = 0;  // device number
  uint32_t ifindex = 0;
  pm_xdp_mode xdp = PM_XDP_NONE;
  pm_tc_kind tc = PM_TC_NONE;
};

// A live set, and how many entries it has room for.
struct LiveSetRoom {
  std::string name;
  uint32_t capacity = 0;
};

// What a slot shall hold.
struct Generation {
  pm_generation record{};
  Image image;
  // In the order of display; each has a number in the numbering.
  std::vector<RuleIdentity> rules;
  std::vector<std::string> interfaces;
  std::vector<std::string> devices;
  std::vector<LiveSetRoom> live_sets;
};

using IsNamed = std::function<bool(std::string_view key, Direction direction)>;

class Datapath {
 public:
  virtual ~Datapath() = default;

  // ---- Names and numbers (maps `names` and `owners`) ----

  // All names that hold a number, whichever generation they are of.
  virtual Result<Numbering> ReadNumbering() = 0;
  // The rules that hold a number and of which `is_named` says no.
  virtual Result<std::vector<RuleIdentity>> RulesBeyond(const IsNamed& is_named) = 0;
  virtual NumberingLimits limits() const = 0;

  // ---- Generations ----

  // The record of a slot; number zero: empty.
  virtual Result<pm_generation> ReadGeneration(uint32_t slot) = 0;
  // Fills `slot` with a generation: tables, names (taking numbers from `numbering`), live sets,
  // record. A set that is there keeps what it holds; it may get more room, never less. The caller
  // sees to it that the control word names the slot nowhere and that WaitForPrograms was called
  // since it last did. On failure the slot is unusable but harmless.
  virtual Result<void> Install(uint32_t slot, const Generation& generation,
                               const Numbering& numbering) = 0;
  // Returns when every program that was running at the call has finished.
  virtual Result<void> WaitForPrograms() = 0;
  // Moves the counts of these rules to their interface's `retired`, and frees their slots. No
  // generation may name them, and WaitForPrograms must have been called since one did.
  virtual Result<void> Retire(const std::vector<RuleIdentity>& rules) = 0;

  // ---- Live sets: content that no generation holds (maps/layout.h), by set number ----

  virtual std::map<std::string, uint32_t> LiveNumbers() const = 0;
  // Entries whose time is over are there until somebody erases them. Valid until the set goes;
  // empty for one that is not there.
  virtual const LiveEntries& LiveContent(uint32_t set) const = 0;
  virtual uint32_t LiveCapacity(uint32_t set) const = 0;
  // In force with the next packet. An entry that is there already takes the new values. E2BIG: the
  // set has no room.
  virtual Result<void> PutLive(uint32_t set, const Prefix& prefix, const LiveEntry& entry) = 0;
  virtual Result<void> EraseLive(uint32_t set, const Prefix& prefix) = 0;
  // These sets go with all that they hold, and their numbers are free. No generation may name them,
  // and WaitForPrograms must have been called since one did.
  virtual Result<void> ForgetLiveSets(const std::vector<std::string>& names) = 0;

  // ---- The control word (maps/layout.h) ----

  virtual Result<uint64_t> ReadControl() = 0;
  // Compare-and-swap; false if the word was not `expected`.
  virtual Result<bool> SwapControl(uint64_t expected, uint64_t desired) = 0;

  // ---- Hooks ----

  // Hooks the device by name: XDP in the mode that policy allows, TC on send. A device that is
  // hooked by these pins stays as it is, and what came loose is put back. The number's entry in
  // `devices` is written before the first packet can ask for it.
  virtual Result<Attachment> Attach(const std::string& device, uint32_t number, XdpMode mode) = 0;
  virtual Result<void> Detach(const std::string& device) = 0;
  virtual Result<std::vector<Attachment>> Attachments() = 0;
  // Does `attachment` still hold: device there under its name and index, both hooks in place and
  // before all others? An error says what is missing. ESTALE: both hooks are in place, but the
  // device was renamed, or a pin is gone.
  virtual Result<void> Verify(const Attachment& attachment) = 0;
  // After Verify found it good: the part of that which rtnetlink does not tell of. A handful of
  // system calls, cheap enough for many times a second.
  virtual bool StillHolds(const Attachment& attachment) = 0;
  // Sees to it that the device leaves VLAN tags inside the frames it receives, where the program
  // finds them. An error: it takes them out, and cannot be told otherwise.
  virtual Result<void> KeepTagsInFrames(const std::string& device) = 0;
  // Pins of maps and programs that somebody deleted come back; which. Cheap where none was touched.
  virtual Result<std::vector<std::string>> RestorePins() = 0;

  // Removes every attachment and every pin. The control word says `detached` first.
  virtual Result<void> Remove() = 0;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_DATAPATH_H_
