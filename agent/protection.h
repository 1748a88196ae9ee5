// SPDX-License-Identifier: Apache-2.0
// Keeps devices hooked: looks after each that a generation binds, hooks again what came loose, came
// back or was put behind another's program, and accounts for the time in which a device was not
// protected. Lengths are those of the clock that nobody sets.
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
// Somebody who takes a hook again and again is answered so often in so long a time, and no faster.
inline constexpr size_t kMostRepairs = 5;
inline constexpr uint64_t kRepairsMilliseconds = 10'000;

// A time in which a bound device was not protected, from the last look at which it was.
struct Gap {
  std::string device;
  int64_t from = 0;              // nanoseconds since 1970
  std::optional<int64_t> until;  // absent: it goes on
  uint64_t boot_from = 0;        // milliseconds of CLOCK_BOOTTIME
  uint64_t milliseconds = 0;     // its length, once it has ended

  uint64_t LengthAt(uint64_t boot_milliseconds) const {
    return until ? milliseconds : boot_milliseconds - boot_from;
  }
};

class Protection {
 public:
  // Both outlive this.
  Protection(const Clock& clock, Alarms& alarms) : clock_(clock), alarms_(alarms), began_(Now()) {}

  // Verifies and hooks. `wanted` are the devices that must be hooked, each with the mode that its
  // policy allows.
  void Keep(const std::map<std::string, XdpMode>& wanted, Datapath& datapath);
  // Is there nothing for Keep to do? A look that is cheap enough for many times a second.
  bool Holds(Datapath& datapath);
  // Takes the hooks off every device that is not in `wanted`.
  Result<void> Release(const std::set<std::string>& wanted, Datapath& datapath);
  // Nothing is to be protected any more: alarms and open gaps end.
  void Forget();

  // Devices that should be protected and are not.
  std::set<std::string> unprotected() const;
  const std::deque<Gap>& gaps() const { return gaps_; }  // oldest first
  // By device: how long it was not protected in all, since the agent started.
  std::map<std::string, uint64_t> UnprotectedMilliseconds() const;

 private:
  struct Moment {
    int64_t wall = 0;   // nanoseconds since 1970
    uint64_t boot = 0;  // milliseconds of CLOCK_BOOTTIME
  };
  // What the last look found of a device.
  struct Look {
    std::optional<Attachment> attachment;
    uint32_t number = 0;
    bool is_numbered = false;
    int code = 0;  // of the error; zero: good
    std::deque<uint64_t> repairs;
  };

  Moment Now() const { return {clock_.Now(), clock_.BootMilliseconds()}; }
  void KeepDevice(const std::string& device, XdpMode mode, const Attachment* hooked,
                  Datapath& datapath);
  Result<uint32_t> NumberOf(const std::string& device, const Attachment* hooked,
                            Datapath& datapath);
  bool MayRepair(const Look& look) const;
  void Good(const Attachment& attachment, XdpMode mode, Datapath& datapath);
  void Wrong(const std::string& device, const Error& error);
  void Bad(const std::string& device, const Error& error);
  // Its hooks are in place, but something is wrong with it.
  void Odd(const std::string& device, const Error& error);
  void EndGap(const std::string& device);
  void ForgetDevice(const std::string& device);

  const Clock& clock_;
  Alarms& alarms_;
  Moment began_;
  std::map<std::string, Look> looks_;
  std::map<std::string, Moment> last_good_;
  std::deque<Gap> gaps_;
  std::map<std::string, uint64_t> unprotected_milliseconds_;  // of gaps that have ended
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_PROTECTION_H_
