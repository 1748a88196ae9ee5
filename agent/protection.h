// SPDX-License-Identifier: Apache-2.0
// Keeps devices hooked: looks after each that a generation binds, hooks again what came loose or
// came back, and accounts for the time in which a device was not protected.
#ifndef PORTMATRIX_AGENT_PROTECTION_H_
#define PORTMATRIX_AGENT_PROTECTION_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/alarms.h"
#include "agent/clock.h"
#include "agent/datapath/datapath.h"
#include "agent/policy/model.h"

namespace portmatrix {

inline constexpr size_t kKeptGaps = 64;

// A time in which a bound device was not protected, from the last look at which it was.
struct Gap {
  std::string device;
  int64_t from = 0;              // nanoseconds since 1970
  std::optional<int64_t> until;  // absent: it goes on
};

class Protection {
 public:
  // Both outlive this.
  Protection(const Clock& clock, Alarms& alarms)
      : clock_(clock), alarms_(alarms), began_(clock.Now()) {}

  // Verifies and hooks. `wanted` are the devices that must be hooked, each with the mode that its
  // policy allows.
  void Keep(const std::map<std::string, XdpMode>& wanted, Datapath& datapath);
  // Takes the hooks off every device that is not in `wanted`.
  Result<void> Release(const std::set<std::string>& wanted, Datapath& datapath);
  // Nothing is to be protected any more: alarms and open gaps end.
  void Forget();

  // Devices that should be protected and are not.
  std::set<std::string> unprotected() const;
  const std::deque<Gap>& gaps() const { return gaps_; }  // oldest first

 private:
  void Good(const Attachment& attachment, XdpMode mode);
  void Bad(const std::string& device, const Error& error);
  void Renamed(const std::string& device, const Error& error);
  void EndGap(const std::string& device);
  void ForgetDevice(const std::string& device);

  const Clock& clock_;
  Alarms& alarms_;
  int64_t began_;
  std::map<std::string, int64_t> last_good_;
  std::deque<Gap> gaps_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_PROTECTION_H_
