// SPDX-License-Identifier: Apache-2.0
// How things stand: the control word, and the records of the generations that it names.
#ifndef PORTMATRIX_AGENT_STANDING_H_
#define PORTMATRIX_AGENT_STANDING_H_

#include <cstdint>
#include <optional>
#include <string>

#include "agent/datapath/datapath.h"
#include "agent/datapath/result.h"
#include "agent/fingerprint.h"
#include "maps/layout.h"

namespace portmatrix {

struct Standing {
  uint64_t control = 0;
  pm_generation judging{};                // number zero while detached
  std::optional<pm_generation> previous;  // where it is another one

  pm_control_state state() const {
    return static_cast<pm_control_state>(PM_CONTROL_STATE(control));
  }
  bool pending() const { return state() == PM_CONTROL_PENDING; }
  bool detached() const { return state() == PM_CONTROL_DETACHED; }
  // Pins that no generation was ever put in force on.
  bool untouched() const { return control == 0; }
  uint64_t deadline() const { return PM_CONTROL_DEADLINE(control); }  // CLOCK_BOOTTIME, ms
  bool Overdue(uint64_t boot_milliseconds) const {
    return pending() && boot_milliseconds >= deadline();
  }

  // The control words that end a trial, each way.
  uint64_t Confirmed() const;
  uint64_t RolledBack() const;
  uint64_t Detached() const;
};

const char* ToString(pm_control_state state);  // "detached", "settled", "pending", "rolled-back"

Result<Standing> ReadStanding(Datapath& datapath);

Fingerprint FingerprintOf(const pm_generation& record);
std::string NodeOf(const pm_generation& record);
// The generation that binds nothing: what the first trial falls back to. It has no fingerprint and
// is stored nowhere.
bool BindsNothing(const pm_generation& record);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_STANDING_H_
