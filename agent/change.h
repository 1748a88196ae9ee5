// SPDX-License-Identifier: Apache-2.0
// One change of what is in force, as a single instant: everything is prepared beside what judges,
// then the control word is swapped. Until that swap nothing that judges was touched, and whatever
// fails is undone.
#ifndef PORTMATRIX_AGENT_CHANGE_H_
#define PORTMATRIX_AGENT_CHANGE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "agent/datapath/datapath.h"
#include "agent/datapath/result.h"
#include "agent/fingerprint.h"
#include "agent/policy/model.h"
#include "maps/layout.h"

namespace portmatrix {

struct NewGeneration {
  uint64_t number = 0;
  int64_t installed_at = 0;  // nanoseconds since 1970
  Fingerprint fingerprint{};
  const Node* node = nullptr;
};

struct Change {
  uint64_t expected = 0;  // the control word that the change was decided on
  NewGeneration judging;
  // What it falls back to; absent: what judged so far.
  std::optional<NewGeneration> previous;
  bool keeps_previous =
      false;  // the previous one stays the previous one, and what judged so far goes
  pm_control_state state = PM_CONTROL_SETTLED;
  // With PM_CONTROL_PENDING: milliseconds of CLOCK_BOOTTIME, asked for at the last moment.
  std::function<uint64_t()> deadline;
  // Fills a live set that is new in the kernel, before the instant.
  std::function<Result<void>(const std::string& set)> restore;
  // Puts on the disk what must be there before the instant: called by a thread of its own while the
  // tables are computed, and ended before anything is hooked or filled. An error ends the change.
  std::function<Result<void>()> store;
  std::set<std::string> may_be_unhooked;  // devices whose hooks may fail without the change failing
};

// WaitForPrograms must have been called since a control word last named the slots that it names no
// more. Fails with E2BIG where a limit does not suffice, with EAGAIN if the control word was not
// the expected one any more. Returns the new control word.
Result<uint64_t> CarryOut(const Change& change, Datapath& datapath);

pm_generation RecordOf(const NewGeneration& generation);

// The mode that the interfaces on `device` allow: the strictest, if several share it.
XdpMode ModeOf(const Node& node, const std::string& device);
// Every device that an interface of the node names.
std::set<std::string> DevicesOf(const Node& node);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_CHANGE_H_
