// SPDX-License-Identifier: Apache-2.0
#include "agent/standing.h"

#include <algorithm>
#include <cstring>

namespace portmatrix {

const char* ToString(pm_control_state state) {
  switch (state) {
    case PM_CONTROL_DETACHED:
      return "detached";
    case PM_CONTROL_SETTLED:
      return "settled";
    case PM_CONTROL_PENDING:
      return "pending";
    case PM_CONTROL_ROLLED_BACK:
      return "rolled-back";
  }
  return "detached";
}

uint64_t Standing::Confirmed() const {
  return PM_CONTROL(PM_CONTROL_JUDGING(control), PM_CONTROL_PREVIOUS(control), PM_CONTROL_SETTLED,
                    PM_CONTROL_SEQUENCE(control) + 1, 0);
}

uint64_t Standing::RolledBack() const {
  return PM_CONTROL(PM_CONTROL_PREVIOUS(control), PM_CONTROL_JUDGING(control),
                    PM_CONTROL_ROLLED_BACK, PM_CONTROL_SEQUENCE(control) + 1, 0);
}

uint64_t Standing::Detached() const {
  return PM_CONTROL(0, 0, PM_CONTROL_DETACHED, PM_CONTROL_SEQUENCE(control) + 1, 0);
}

Result<Standing> ReadStanding(Datapath& datapath) {
  const Result<uint64_t> control = datapath.ReadControl();
  if (!control) return control.error();
  Standing standing;
  standing.control = *control;
  if (standing.detached()) return standing;
  const uint32_t judging = PM_CONTROL_JUDGING(*control);
  const uint32_t previous = PM_CONTROL_PREVIOUS(*control);
  const Result<pm_generation> record = datapath.ReadGeneration(judging);
  if (!record) return record.error();
  standing.judging = *record;
  if (previous == judging) return standing;
  const Result<pm_generation> before = datapath.ReadGeneration(previous);
  if (!before) return before.error();
  standing.previous = *before;
  return standing;
}

Fingerprint FingerprintOf(const pm_generation& record) {
  Fingerprint fingerprint{};
  std::ranges::copy(record.fingerprint, fingerprint.begin());
  return fingerprint;
}

std::string NodeOf(const pm_generation& record) {
  return std::string(record.node, strnlen(record.node, sizeof(record.node)));
}

bool BindsNothing(const pm_generation& record) { return FingerprintOf(record) == Fingerprint{}; }

}  // namespace portmatrix
