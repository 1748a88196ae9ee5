// SPDX-License-Identifier: Apache-2.0
// What moves, from one reading of the counters to the next: rates, and the last minute as a row of
// bars. Knows no terminal.
#ifndef PORTMATRIX_TOOLS_RATES_H_
#define PORTMATRIX_TOOLS_RATES_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/datapath/pinned_reader.h"

namespace portmatrix {

// A rule, or a reason that no rule is behind.
struct MovingRow {
  std::string name;  // "external/external/sip-tls-in", "external dropped: default"
  std::string interface;
  std::string direction;
  std::string reason;  // "rule", "default", ...
  uint64_t packets = 0;
  uint64_t bytes = 0;
  double packets_a_second = 0;
  double bytes_a_second = 0;
  std::optional<int64_t> last_hit;  // nanoseconds since 1970
  bool is_dropped = false;
  bool in_force = true;
  std::vector<double> minute;  // packets a second, oldest first
};

enum class RowOrder { kRate, kTotal, kBytes, kLastHit, kName };

struct RowFilter {
  std::string interface, direction, rule, reason;  // part of the word; empty: all
  bool Takes(const MovingRow& row) const;
};

class Rates {
 public:
  // The next reading. Rows are in the policy's order, rules first.
  void Take(const CounterSnapshot& counters);
  const std::vector<MovingRow>& rows() const { return rows_; }

 private:
  struct Past {
    uint64_t packets = 0, bytes = 0;
    std::deque<std::pair<uint64_t, double>> rates;  // when (monotonic), packets a second
  };
  void Add(MovingRow row, uint64_t now);

  std::optional<uint64_t> before_;  // monotonic nanoseconds
  std::map<std::string, Past> past_;
  std::vector<MovingRow> rows_;
};

std::vector<const MovingRow*> Chosen(const std::vector<MovingRow>& rows, const RowFilter& filter,
                                     RowOrder order);

// Eight heights, as many characters as there are values at most `width`, the latest last.
std::string Sparkline(const std::vector<double>& values, size_t width);

// "1.2k", "15M": four characters at most.
std::string Short(double number);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_RATES_H_
