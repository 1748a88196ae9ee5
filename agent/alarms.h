// SPDX-License-Identifier: Apache-2.0
// What is wrong right now and needs somebody: each by its subject, since when, and told once when
// it begins and ends.
#ifndef PORTMATRIX_AGENT_ALARMS_H_
#define PORTMATRIX_AGENT_ALARMS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "agent/clock.h"

namespace portmatrix {

enum class Weight { kNotice, kAlarm };
// Takes what belongs into the journal.
using Journal = std::function<void(Weight weight, const std::string& line)>;

class Alarms {
 public:
  struct Alarm {
    std::string text;
    int64_t since = 0;  // nanoseconds since 1970
  };

  // `clock` outlives this.
  Alarms(const Clock& clock, Journal journal) : clock_(clock), journal_(std::move(journal)) {}

  // The same subject with another text keeps its beginning.
  void Raise(const std::string& subject, const std::string& text);
  void Clear(const std::string& subject);
  void Note(const std::string& line) const { journal_(Weight::kNotice, line); }

  const std::map<std::string, Alarm>& standing() const { return alarms_; }

 private:
  const Clock& clock_;
  Journal journal_;
  std::map<std::string, Alarm> alarms_;  // by subject: "device eth0", "state directory"
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_ALARMS_H_
