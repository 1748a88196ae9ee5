// SPDX-License-Identifier: Apache-2.0
#include "agent/alarms.h"

namespace portmatrix {

void Alarms::Raise(const std::string& subject, const std::string& text) {
  const auto [found, begins] = alarms_.try_emplace(subject, Alarm{text, clock_.Now()});
  if (!begins && found->second.text == text) return;
  found->second.text = text;
  journal_(Weight::kAlarm, subject + ": " + text);
}

void Alarms::Clear(const std::string& subject) {
  if (alarms_.erase(subject) > 0) journal_(Weight::kNotice, subject + ": the alarm is over");
}

}  // namespace portmatrix
