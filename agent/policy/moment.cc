// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/moment.h"

#include <fmt/format.h>

#include <chrono>
#include <regex>

namespace portmatrix {
namespace {

std::optional<int64_t> SecondsOf(int year, int month, int day, int hour, int minute, int second) {
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

}  // namespace

std::optional<int64_t> ParseMoment(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != kShape.size()) return std::nullopt;
  for (size_t at = 0; at < text.size(); ++at) {
    const bool digit = text[at] >= '0' && text[at] <= '9';
    if (kShape[at] == 'd' ? !digit : text[at] != kShape[at]) return std::nullopt;
  }
  const auto number = [&](size_t at, size_t digits) {
    int value = 0;
    for (; digits > 0; --digits) value = value * 10 + (text[at++] - '0');
    return value;
  };
  return SecondsOf(number(0, 4), number(5, 2), number(8, 2), number(11, 2), number(14, 2),
                   number(17, 2));
}

std::string MomentText(int64_t seconds) {
  const std::chrono::sys_seconds moment{std::chrono::seconds(seconds)};
  const auto days = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss time(moment - days);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

std::string MomentMeant(std::string_view text) {
  if (text.size() > 40) return "";
  static const std::regex kLoose(
      "(\\d{4})-(\\d{2})-(\\d{2})(?:[Tt ]+(\\d{2}):(\\d{2})(?::(\\d{2})(?:\\.\\d+)?)?"
      " *(?:[Zz]|([+-])(\\d{2}):?(\\d{2}))?)?");
  std::cmatch part;
  if (!std::regex_match(text.data(), text.data() + text.size(), part, kLoose)) return "";
  const auto number = [&](size_t group) {
    return part[group].matched ? std::stoi(part[group].str()) : 0;
  };
  const auto seconds = SecondsOf(number(1), number(2), number(3), number(4), number(5), number(6));
  if (!seconds) return "";
  const int64_t offset = (int64_t{number(8)} * 60 + number(9)) * 60;
  return MomentText(part[7].str() == "-" ? *seconds + offset : *seconds - offset);
}

}  // namespace portmatrix
