// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/verifier_counts.h"

#include <fmt/format.h>

#include <cinttypes>
#include <cstdio>
#include <sstream>

namespace portmatrix {
namespace {

constexpr const char* kRenewal =
    "if that is meant, tests/kernels/record writes tests/kernels/verifier_counts.txt anew";

std::string SeriesOf(const std::string& name) { return name.substr(0, name.find(' ') + 1); }

std::string WhyGrown(const char* what, uint64_t now, uint64_t then) {
  if (now * 100 <= then * (100 + kMostGrowthPercent)) return "";
  return fmt::format("{} {}, recorded are {} (more than {} % above): ", now, what, then,
                     kMostGrowthPercent);
}

}  // namespace

std::optional<VerifierCounts> ReadVerifierLog(const std::string& log) {
  const size_t at = log.rfind("processed ");
  if (at == std::string::npos) return std::nullopt;
  uint64_t instructions = 0, states = 0, peak = 0;
  if (std::sscanf(log.c_str() + at,
                  "processed %" SCNu64 " insns (limit %*u) max_states_per_insn %*u "
                  "total_states %" SCNu64 " peak_states %" SCNu64,
                  &instructions, &states, &peak) != 3)
    return std::nullopt;
  return VerifierCounts{instructions, states, peak};
}

std::optional<VerifierRecord> ReadVerifierRecord(std::istream& text) {
  VerifierRecord record;
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string series, compiler, program, more;
    if (!(words >> series)) continue;
    VerifierCounts counts;
    if (!(words >> compiler >> program >> counts.instructions >> counts.states >>
          counts.peak_states) ||
        words >> more)
      return std::nullopt;
    record[fmt::format("{} {} {}", series, compiler, program)] = counts;
  }
  return record;
}

std::string WhyTooMuch(const std::string& name, const VerifierCounts& counts,
                       const VerifierRecord& record) {
  if (counts.instructions > kMostInstructions)
    return fmt::format("{}: {} instructions, the bound is {} (DESIGN, section 7)", name,
                       counts.instructions, kMostInstructions);
  const auto found = record.find(name);
  if (found == record.end()) {
    const auto series = record.lower_bound(SeriesOf(name));
    if (series == record.end() || !series->first.starts_with(SeriesOf(name))) return "";
    return fmt::format("{}: no counts are recorded; {}", name, kRenewal);
  }
  const VerifierCounts& then = found->second;
  const std::string why = WhyGrown("instructions", counts.instructions, then.instructions) +
                          WhyGrown("states", counts.states, then.states) +
                          WhyGrown("states at one time", counts.peak_states, then.peak_states);
  return why.empty() ? "" : fmt::format("{}: {}{}", name, why, kRenewal);
}

}  // namespace portmatrix
