// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/resolve.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>

#include "agent/policy/claim.h"
#include "agent/policy/direction.h"
#include "agent/policy/families.h"
#include "agent/policy/interface_checks.h"
#include "agent/policy/limits.h"
#include "agent/policy/lint.h"
#include "agent/policy/set_table.h"
#include "agent/policy/suggestion.h"

namespace portmatrix {
namespace {

class Resolution {
 public:
  Resolution(const Policy& policy, const WrittenNode& written, int64_t now, RuleTexts texts,
             Diagnostics& diagnostics)
      : policy_(policy),
        written_(written),
        now_(now),
        texts_(texts),
        diagnostics_(diagnostics),
        sets_(policy, written, diagnostics) {}

  Node Run() {
    node_.name = written_.name;
    node_.span = written_.span;
    sets_.ResolveOwn();
    ResolveLocals();
    for (const WrittenFailsafe& entry : written_.failsafe) AddFailsafe(entry);
    for (size_t i = 0; i < written_.interfaces.size(); ++i) AddInterface(i);
    for (const WrittenExpectation& expectation : written_.expectations) AddExpectation(expectation);
    node_.live_sets = sets_.live_sets();
    CheckLimits();
    return std::move(node_);
  }

 private:
  void ResolveLocals() {
    for (const WrittenInterface& interface : written_.interfaces) {
      locals_.push_back(ResolveFixed(interface.local, "local"));
      locals_broken_ |= locals_.back().broken;
    }
    CheckInterfaces(written_, locals_, diagnostics_);
  }

  // What decides who is locked out, or what is protected at all, does not change at run time.
  ResolvedAddresses ResolveFixed(const AddressTerms& terms, const char* place) {
    ResolvedAddresses resolved = sets_.Resolve(terms);
    if (resolved.live == 0) return resolved;
    diagnostics_.Error("misplaced-dynamic-set", terms.span,
                       fmt::format("{} names a dynamic set, whose entries come and go", place),
                       "only `from` and `to` of rules may; name prefixes, or a set of prefixes");
    resolved.live = 0;
    resolved.broken = true;
    return resolved;
  }

  AddressSet Elsewhere(size_t index) const {
    std::vector<Prefix> prefixes;
    for (size_t i = 0; i < locals_.size(); ++i) {
      if (i == index) continue;
      if (locals_[i].set.any()) return AddressSet::Any();
      prefixes.insert(prefixes.end(), locals_[i].set.prefixes().begin(),
                      locals_[i].set.prefixes().end());
    }
    return AddressSet::Of(std::move(prefixes));
  }

  void AddFailsafe(const WrittenFailsafe& written) {
    ResolvedAddresses from = ResolveFixed(written.from, "a failsafe entry");
    ResolvedAddresses to{AddressSet::Any()};
    if (written.to) to = ResolveFixed(*written.to, "a failsafe entry");
    const AddressSet any = AddressSet::Any();
    if (written.service.any_protocol && !from.broken && !to.broken && from.set.ContainsAll(any) &&
        to.set.ContainsAll(any)) {
      diagnostics_.Error("open-failsafe", written.span,
                         "this failsafe entry lets everything in, so that no rule would count",
                         "name the protocol and ports of your access, and where it comes from");
    }
    FailsafeEntry entry;
    entry.match = MatchOf(written.service, std::move(from), std::move(to));
    entry.from_text = written.from.text;
    if (written.to) entry.to_text = written.to->text;
    entry.span = written.span;
    WarnOfFamilies(entry.match, "failsafe entry", written.span);
    node_.failsafe.push_back(std::move(entry));
  }

  void AddInterface(size_t index) {
    const WrittenInterface& written = written_.interfaces[index];
    Interface interface;
    interface.name = written.name;
    for (const WrittenName& device : written.devices) interface.devices.push_back(device.text);
    interface.local = locals_[index].set;
    interface.vlan = written.vlan;
    interface.mode = written.mode;
    interface.xdp = written.xdp;
    interface.default_verdict = written.default_verdict;
    interface.dhcp_client = written.dhcp_client;
    interface.router_advertisements = written.router_advertisements;
    interface.ethertypes = written.ethertypes;
    interface.span = written.span;
    const AddressSet elsewhere = Elsewhere(index);
    const Locality locality{interface.name, interface.local, elsewhere};
    interface.rules.reserve(CountRules(written));
    for (const WrittenName& name : written.matrices) {
      const WrittenMatrix* matrix = policy_.FindMatrix(name.text);
      if (matrix == nullptr) {
        ReportUnknownMatrix(name);
        continue;
      }
      for (const WrittenRule& rule : matrix->rules) AddRule(*matrix, rule, locality, interface);
    }
    rules_ += interface.rules.size();
    node_.interfaces.push_back(std::move(interface));
  }

  // With `both` once: most are not.
  size_t CountRules(const WrittenInterface& interface) const {
    size_t rules = 0;
    for (const WrittenName& name : interface.matrices)
      if (const WrittenMatrix* matrix = policy_.FindMatrix(name.text); matrix != nullptr)
        rules += matrix->rules.size();
    return rules;
  }

  void AddRule(const WrittenMatrix& matrix, const WrittenRule& written, const Locality& locality,
               Interface& interface) {
    if (named_prefixes_ > kMaxNamedPrefixes) return;
    ResolvedAddresses from = sets_.Resolve(written.from), to = sets_.Resolve(written.to);
    named_prefixes_ += from.set.prefixes().size() + to.set.prefixes().size();
    if (written.broken || from.broken || to.broken || locals_broken_) return;
    const std::vector<RuleWay> ways = DeriveWays(written, from, to, locality, diagnostics_);
    Match match = MatchOf(written.service, std::move(from), std::move(to));
    WarnOfFamilies(match, written);
    const std::shared_ptr<const RuleText> text = TextOf(written);
    for (size_t i = 0; i < ways.size(); ++i) {
      Rule rule;
      rule.key = interface.name + "/" + matrix.name + "/" + written.id;
      rule.direction = ways[i].direction;
      rule.action = written.action;
      rule.state = StateOf(written, ways[i]);
      // NOLINTNEXTLINE(bugprone-use-after-move): only the last way takes it
      rule.match = i + 1 < ways.size() ? match : std::move(match);
      rule.log = written.log;
      rule.expires = written.expires;
      rule.span = written.span;
      rule.written = text;
      interface.rules.push_back(std::move(rule));
    }
  }

  std::shared_ptr<const RuleText> TextOf(const WrittenRule& rule) const {
    if (texts_ == RuleTexts::kLeftOut) return nullptr;
    return std::make_shared<const RuleText>(
        RuleText{rule.description, rule.from.text, rule.to.text, rule.ignore});
  }

  RuleState StateOf(const WrittenRule& rule, const RuleWay& way) const {
    if (!rule.enabled) return RuleState::kDisabled;
    if (rule.expires && *rule.expires <= now_) return RuleState::kExpired;
    return way.inactive ? RuleState::kInactive : RuleState::kActive;
  }

  // Once for a rule, on however many interfaces.
  void WarnOfFamilies(const Match& match, const WrittenRule& rule) {
    if (WhyFamiliesCannotMeet(match).empty() ||
        rule.ignore.contains(std::string(kFamiliesCannotMeet)) || !warned_.insert(&rule).second)
      return;
    WarnOfFamilies(match, fmt::format("rule `{}`", rule.id), rule.span);
  }

  void WarnOfFamilies(const Match& match, const std::string& thing, const Span& span) {
    const std::string why = WhyFamiliesCannotMeet(match);
    if (why.empty()) return;
    diagnostics_.Warning(std::string(kFamiliesCannotMeet), span,
                         fmt::format("{} never matches: {}", thing, why),
                         "add addresses of the other family, or remove it");
  }

  void AddExpectation(const WrittenExpectation& written) {
    const Expectation& expectation = written.expectation;
    std::vector<std::string> names;
    for (const Interface& interface : node_.interfaces) names.push_back(interface.name);
    const auto found = std::ranges::find(names, expectation.interface);
    if (found == names.end()) {
      diagnostics_.Error(
          "unknown-interface", written.interface_span,
          fmt::format("node `{}` has no interface `{}`", written_.name, expectation.interface),
          DidYouMean(expectation.interface, names));
      return;
    }
    if (expectation.rule) CheckRuleKey(written);
    if (!written.claim) {
      node_.expectations.push_back(expectation);
    } else {
      ResolveClaim(written, sets_, diagnostics_);  // for what it reports; see ClaimsOf
    }
  }

  void CheckRuleKey(const WrittenExpectation& written) {
    const std::string& key = *written.expectation.rule;
    const std::string& interface = written.expectation.interface;
    std::vector<std::string> known;
    for (const WrittenInterface& each : written_.interfaces) {
      if (each.name != interface) continue;
      for (const WrittenName& name : each.matrices) {
        const WrittenMatrix* matrix = policy_.FindMatrix(name.text);
        if (matrix == nullptr) return;
        for (const WrittenRule& rule : matrix->rules) {
          known.push_back(fmt::format("{}/{}/{}", interface, name.text, rule.id));
        }
      }
    }
    if (std::ranges::find(known, key) != known.end()) return;
    const std::string nearest = Nearest(key, known);
    diagnostics_.Error("unknown-rule", written.rule_span,
                       fmt::format("interface `{}` has no rule `{}`", interface, key),
                       nearest.empty() ? "write it as interface/matrix/id"
                                       : fmt::format("did you mean `{}`?", nearest));
  }

  void ReportUnknownMatrix(const WrittenName& name) {
    std::vector<std::string> known;
    for (const WrittenMatrix& matrix : policy_.matrices) known.push_back(matrix.name);
    diagnostics_.Error("unknown-matrix", name.span,
                       fmt::format("there is no matrix `{}`", name.text),
                       DidYouMean(name.text, known));
  }

  void CheckLimits() {
    Limit("rules, counted for each interface and direction,", rules_, kMaxRules, "kMaxRules",
          "join rules that differ only in addresses or ports: `from`, `to`, `ports` and `protocol` "
          "take lists");
    Limit("different prefixes,", sets_.CountPrefixes(kMaxPrefixes), kMaxPrefixes, "kMaxPrefixes",
          "merge neighbouring prefixes into shorter ones");
    Limit("dynamic sets,", node_.live_sets.size(), kMaxLiveSets, "kMaxLiveSets",
          "join those that the same rules name: a set takes prefixes of both families");
    Limit("prefixes or more, counted for each rule that names them,", named_prefixes_,
          kMaxNamedPrefixes, "kMaxNamedPrefixes", "join the rules that name the same large set");
  }

  void Limit(const char* things, size_t count, size_t limit, const char* name, const char* hint) {
    if (count <= limit) return;
    diagnostics_.Error("limit", written_.span,
                       fmt::format("node `{}` has {} {} {} more than the limit of {} ({})",
                                   written_.name, count, things, count - limit, limit, name),
                       hint);
  }

  const Policy& policy_;
  const WrittenNode& written_;
  const int64_t now_;
  const RuleTexts texts_;
  Diagnostics& diagnostics_;
  SetTable sets_;
  std::vector<ResolvedAddresses> locals_;
  bool locals_broken_ = false;
  std::set<const WrittenRule*> warned_;
  size_t rules_ = 0;
  size_t named_prefixes_ = 0;
  Node node_;
};

}  // namespace

std::optional<Node> ResolveNode(const Policy& policy, const Sources& sources, std::string_view node,
                                int64_t now_seconds, Diagnostics& diagnostics, RuleTexts texts) {
  if (!policy.complete) return std::nullopt;
  const WrittenNode* written = policy.FindNode(node);
  if (written == nullptr) {
    std::vector<std::string> known;
    for (const WrittenNode& each : policy.nodes) known.push_back(each.name);
    Span nowhere;
    nowhere.file = static_cast<uint32_t>(sources.documents.size() + sources.lists.size());
    diagnostics.Error("unknown-node", nowhere, fmt::format("the policy has no node `{}`", node),
                      DidYouMean(node, known));
    return std::nullopt;
  }
  const size_t errors = diagnostics.errors();
  Node resolved = Resolution(policy, *written, now_seconds, texts, diagnostics).Run();
  if (diagnostics.errors() > errors) return std::nullopt;
  return resolved;
}

std::optional<int64_t> NextExpiry(const Node& node, int64_t now_seconds) {
  std::optional<int64_t> next;
  for (const Interface& interface : node.interfaces) {
    for (const Rule& rule : interface.rules) {
      if (rule.state != RuleState::kActive || !rule.expires || *rule.expires <= now_seconds)
        continue;
      if (!next || *rule.expires < *next) next = rule.expires;
    }
  }
  return next;
}

}  // namespace portmatrix
