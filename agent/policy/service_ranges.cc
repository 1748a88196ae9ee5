// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/service_ranges.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "agent/policy/lint.h"
#include "agent/policy/match_intersection.h"
#include "agent/policy/tuple_text.h"

namespace portmatrix {
namespace {

constexpr int kRangePorts = 10;

bool IsRange(const PortRange& ports) { return ports.last - ports.first + 1 >= kRangePorts; }

class Touches {
 public:
  Touches(const RuleOrder& order, const std::vector<bool>& unreached, LintRun& run)
      : order_(order), run_(run) {
    for (size_t place = 0; place < order.ranked.size(); ++place) {
      const RankedRule& ranked = order.ranked[place];
      if (unreached[place] || !Allows(ranked)) continue;
      for (const PortRange& ports : ranked.match.match->ports) {
        if (!IsRange(ports)) services_.emplace(ports.first, Service{place, ports});
      }
    }
  }

  void Check(size_t place) {
    const RankedRule& wide = order_.ranked[place];
    if (!Allows(wide) || IsIgnored(*wide.rule, kRangeTouchesService)) return;
    std::vector<Note> notes;
    std::string held;
    std::set<size_t> named;
    for (const PortRange& range : wide.match.match->ports) {
      if (!IsRange(range)) continue;
      // Services are shorter than a range, so that one that reaches into it begins less before.
      const auto first = static_cast<uint16_t>(std::max(0, range.first - kRangePorts));
      const auto end = services_.upper_bound(range.last);
      for (auto each = services_.lower_bound(first); each != end; ++each) {
        const auto& [other, ports] = each->second;
        if (other == place || ports.last < range.first || named.contains(other)) continue;
        const RankedRule& service = order_.ranked[other];
        if (!service.failsafe() && IsIgnored(*service.rule, kRangeTouchesService)) continue;
        LintRun::Share share(run_);
        const auto packet = LetThrough(place, service, ports, share.budget());
        if (share.budget().used_up()) return run_.Undecided(kRangeTouchesService, *wide.rule);
        if (!packet) continue;
        named.insert(other);
        if (held.empty()) held = fmt::format("{}-{}", range.first, range.last);
        notes.push_back(
            {service.span, fmt::format("{} does not name {}", service.Name(), TupleText(*packet))});
      }
    }
    if (!notes.empty()) Report(*wide.rule, held, notes);
  }

 private:
  struct Service {
    size_t place;
    PortRange ports;
  };

  static bool Allows(const RankedRule& ranked) {
    return ranked.failsafe() || ranked.rule->action == Action::kAllow;
  }

  // A packet to the service that the wide rule decides and the service's own does not match.
  std::optional<pm_tuple> LetThrough(size_t place, const RankedRule& service,
                                     const PortRange& ports, WorkBudget& budget) {
    const RankedRule& wide = order_.ranked[place];
    const bool in = order_.direction == Direction::kIn;
    budget.Spend(1);
    if (run_.pool().Contains(in ? service.most.from : service.most.to,
                             in ? wide.match.from : wide.match.to, budget)) {
      return std::nullopt;
    }
    if (place >= order_.earlier_known) {
      budget.Spend(budget.left());
      return std::nullopt;
    }
    Match reached = *service.match.match;
    (in ? reached.from : reached.to) = AddressSet::Any();
    reached.ports = {ports};
    const auto common = Intersection(*wide.match.match, reached);
    if (!common) return std::nullopt;
    return PacketLeftTo(wide, order_, *common, service.most.match, budget);
  }

  void Report(const Rule& rule, const std::string& range, const std::vector<Note>& notes) {
    const bool in = order_.direction == Direction::kIn;
    Diagnostic& warning = run_.Warn(
        kRangeTouchesService, rule,
        fmt::format(
            "the range {} of rule `{}` ({}) holds the port of {}, and opens it {} others", range,
            rule.key, ToString(rule.direction),
            notes.size() == 1 ? "another rule" : fmt::format("{} other rules", notes.size()),
            in ? "to" : "towards"),
        fmt::format("take the port out of the range, deny it before, or write `ignore: [{}: why]`",
                    kRangeTouchesService));
    LintRun::AddNotes(warning, notes);
  }

  const RuleOrder& order_;
  LintRun& run_;
  std::multimap<uint16_t, Service> services_;  // by first port
};

}  // namespace

void FindTouchedServices(const RuleOrder& order, const std::vector<bool>& unreached, LintRun& run) {
  Touches touches(order, unreached, run);
  for (size_t place = 0; place < order.ranked.size(); ++place) {
    if (!order.ranked[place].failsafe() && !unreached[place]) touches.Check(place);
  }
}

}  // namespace portmatrix
