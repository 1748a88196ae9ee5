// SPDX-License-Identifier: Apache-2.0
#include "tools/report_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "agent/counter_json.h"
#include "agent/policy/lint.h"
#include "maps/address.h"
#include "tools/rule_text.h"

namespace portmatrix {
namespace {

constexpr const char* kStyle =
    R"(:root{color-scheme:light dark;--ink:#1b2330;--dim:#667085;--line:#d8dee8;
--paper:#fff;--head:#f3f5f9;--good:#17693a;--bad:#a4262c;--warn:#8a5a00}
@media(prefers-color-scheme:dark){:root{--ink:#e4e8ef;--dim:#98a2b3;--line:#343c4a;--paper:#14181f;
--head:#1d232d;--good:#6fce92;--bad:#ff8a84;--warn:#f0b955}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1200px;padding:1.5rem;background:var(--paper);color:var(--ink);
font:15px/1.45 system-ui,sans-serif}
h1{font-size:1.6rem;margin:0}h2{font-size:1.2rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:1rem 0 .3rem}
p{margin:.3rem 0;overflow-wrap:anywhere}.dim,.never td{color:var(--dim)}
.wide{overflow-x:auto;border:1px solid var(--line);border-radius:6px;margin:.5rem 0}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child td{border-bottom:0}th{background:var(--head);font-weight:600;white-space:nowrap}
td.n,th.n{text-align:right;white-space:nowrap}td.k,td b,i{white-space:nowrap}td b{font-weight:600}
i{font-style:normal}.rules td:first-child{min-width:15rem;overflow-wrap:anywhere}
.allow{color:var(--good)}.deny,.drop{color:var(--bad)}.note{color:var(--warn)}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.6rem;margin:1rem 0}
dl div{border:1px solid var(--line);border-radius:6px;padding:.5rem .7rem}
dt{color:var(--dim);font-size:.85rem}dd{margin:0;font-size:1.25rem}
@media(max-width:640px){body{padding:.8rem;font-size:14px}th,td{padding:.3rem .4rem}
.rules tr:first-child{display:none}.rules tr{display:grid;grid-template-columns:1fr 1fr;padding:.3rem 0;
border-bottom:1px solid var(--line)}.rules tr:last-child{border-bottom:0}
.rules td{border:0;padding:.1rem .6rem;text-align:left;white-space:normal;overflow-wrap:anywhere}
.rules td:first-child{grid-column:1/-1;min-width:0}.rules td b,i{white-space:normal}
.rules td[data-l]::before{content:attr(data-l) " ";color:var(--dim)}}
@media print{body{max-width:none}.wide{overflow:visible}}
)";

std::string Moment(const std::optional<int64_t>& nanoseconds) {
  if (!nanoseconds) return "never";
  std::string text = TimeText(*nanoseconds).substr(0, 16);
  text[10] = ' ';
  return text;
}

// A list whose lines break between its items only, not after the hyphen of a name or range.
std::string Items(const std::string& list) {
  std::string html;
  size_t begin = 0;
  for (size_t comma; (comma = list.find(", ", begin)) != std::string::npos; begin = comma + 2)
    html += "<i>" + HtmlText(list.substr(begin, comma - begin)) + ",</i> ";
  return html + "<i>" + HtmlText(list.substr(begin)) + "</i>";
}

// Addresses in words, at most so many.
std::string Prefixes(const AddressSet& set) {
  constexpr size_t kMost = 40;
  if (set.any()) return "any";
  std::string text;
  for (size_t i = 0; i < set.prefixes().size() && i < kMost; ++i)
    text += (i == 0 ? "" : ", ") + ToString(set.prefixes()[i]);
  if (set.prefixes().size() > kMost)
    text += fmt::format(", {} more", set.prefixes().size() - kMost);
  return text;
}

class Page {
 public:
  Page(const Node& node, const CounterSnapshot& counters) : node_(node), counters_(counters) {
    for (const RuleCount& rule : counters.rules) counts_.emplace(rule.rule, &rule);
    Diagnostics diagnostics;
    LintNode(node, diagnostics);
    for (const Diagnostic& diagnostic : diagnostics.all())
      if (IsUnreachedLint(diagnostic.name))
        shadowed_.emplace(diagnostic.span.file, diagnostic.span.line);
  }

  std::string Text() {
    const std::string name = HtmlText(node_.name);
    Write(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
        "<title>Port matrix of {0}</title><style>{1}</style></head><body>"
        "<h1>Port matrix of {0}</h1><p class=\"dim\">{2} UTC, generation {3}, installed {4} "
        "UTC</p>",
        name, kStyle, Moment(counters_.time), counters_.generation.number,
        Moment(static_cast<int64_t>(counters_.generation.installed_at)));
    Summary();
    for (const Interface& interface : node_.interfaces) OneInterface(interface);
    Failsafe();
    Names();
    Findings();
    text_ += "</body></html>\n";
    return std::move(text_);
  }

 private:
  template <typename... Arguments>
  void Write(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    text_ += fmt::format(format, std::forward<Arguments>(arguments)...);
  }

  const RuleCount* CountOf(const Rule& rule) const {
    const auto found = counts_.find({rule.key, rule.direction});
    return found == counts_.end() ? nullptr : found->second;
  }
  bool IsShadowed(const Rule& rule) const {
    return shadowed_.contains({rule.span.file, rule.span.line});
  }
  bool IsNeverHit(const Rule& rule) const {
    const RuleCount* count = CountOf(rule);
    return rule.state == RuleState::kActive && (count == nullptr || !count->last_hit);
  }

  void Summary() {
    size_t active = 0, never = 0, shadowed = 0;
    for (const Interface& interface : node_.interfaces)
      for (const Rule& rule : interface.rules) {
        if (rule.state != RuleState::kActive) continue;
        ++active;
        never += IsNeverHit(rule) ? 1 : 0;
        shadowed += IsShadowed(rule) ? 1 : 0;
      }
    uint64_t dropped = 0;
    for (const ReasonCount& reason : counters_.reasons) dropped += reason.total.dropped_packets;
    Write(
        "<dl><div><dt>Interfaces</dt><dd>{}</dd></div><div><dt>Active rules</dt><dd>{}</dd></div>"
        "<div><dt>Never hit</dt><dd>{}</dd></div><div><dt>Shadowed</dt><dd>{}</dd></div>"
        "<div><dt>Dropped by no rule</dt><dd>{}</dd></div></dl>",
        node_.interfaces.size(), active, never, shadowed, dropped);
  }

  void OneInterface(const Interface& interface) {
    Write("<h2>{}</h2><p>on {}; protects {}; {}{}</p>", HtmlText(interface.name),
          HtmlText(fmt::format("{}", fmt::join(interface.devices, ", "))),
          Items(Prefixes(interface.local)),
          interface.default_verdict == Verdict::kDrop
              ? "what no rule allows drops"
              : "<span class=\"note\">what no rule names passes</span>",
          interface.mode == Mode::kAudit
              ? "; <span class=\"note\">audit: nothing is dropped, only counted</span>"
              : "");
    for (const Direction direction : {Direction::kIn, Direction::kOut}) Rules(interface, direction);
    Reasons(interface);
  }

  void Rules(const Interface& interface, Direction direction) {
    Write("<h3>{}</h3>", direction == Direction::kIn ? "In: who may open what here"
                                                     : "Out: what may be opened from here");
    text_ +=
        "<div class=\"wide "
        "rules\"><table><tr><th>Rule</th><th>From</th><th>To</th><th>Protocol</th>"
        "<th>Ports</th><th>Action</th><th class=\"n\">Packets</th><th class=\"n\">Replies</th>"
        "<th>Last hit</th></tr>";
    size_t rows = 0;
    for (const Rule& rule : interface.rules) {
      if (rule.direction != direction) continue;
      ++rows;
      const RuleCount* count = CountOf(rule);
      const char* action = rule.action == Action::kAllow ? "allow" : "deny";
      std::string remark;
      if (rule.state != RuleState::kActive) remark = StateText(rule.state);
      if (IsShadowed(rule)) remark = "shadowed: earlier rules match all of it";
      Write(
          "<tr{}><td><b>{}</b>{}{}</td><td data-l=\"from\">{}</td><td data-l=\"to\">{}</td>"
          "<td data-l=\"protocol\">{}</td><td data-l=\"ports\">{}</td>"
          "<td data-l=\"action\" class=\"{}\">{}</td><td data-l=\"packets\" class=\"n\">{}</td>"
          "<td data-l=\"replies\" class=\"n\">{}</td>"
          "<td data-l=\"last hit\" class=\"k\">{}</td></tr>",
          IsNeverHit(rule) || rule.state != RuleState::kActive ? " class=\"never\"" : "",
          HtmlText(fmt::format("{}/{}", rule.matrix(), rule.id())),
          rule.text().description.empty()
              ? ""
              : "<br><span class=\"dim\">" + HtmlText(rule.text().description) + "</span>",
          remark.empty() ? "" : "<br><span class=\"note\">" + remark + "</span>",
          Items(rule.text().from), Items(rule.text().to), Items(ProtocolText(rule.match)),
          Items(PortText(rule.match)), action, action,
          count != nullptr ? uint64_t{count->total.packets} : 0,
          count != nullptr ? uint64_t{count->total.reply_packets} : 0,
          Moment(count != nullptr ? count->last_hit : std::nullopt));
    }
    if (rows == 0) text_ += R"(<tr><td colspan="9" class="dim">no rule</td></tr>)";
    text_ += "</table></div>";
  }

  void Reasons(const Interface& interface) {
    std::string rows;
    for (const ReasonCount& reason : counters_.reasons) {
      const pm_reason_counter& total = reason.total;
      if (reason.is_device || reason.owner != interface.name ||
          total.dropped_packets + total.audited_packets + total.passed_packets == 0)
        continue;
      rows += fmt::format(
          "<tr><td>{}</td><td>{}</td><td class=\"n{}\">{}</td><td class=\"n\">{}</td>"
          "<td class=\"n\">{}</td></tr>",
          ReasonWord(reason.reason), ToString(reason.direction),
          total.dropped_packets != 0 ? " drop" : "", total.dropped_packets, total.audited_packets,
          total.passed_packets);
    }
    if (rows.empty()) return;
    Write(
        "<h3>Decided by no rule</h3><div class=\"wide\"><table><tr><th>Reason</th>"
        "<th>Direction</th><th class=\"n\">Dropped</th><th class=\"n\">Audited</th>"
        "<th class=\"n\">Passed</th></tr>{}</table></div>",
        rows);
  }

  void Failsafe() {
    text_ += "<h2>Failsafe</h2><p>Passes before all rules, on every interface.</p>";
    if (node_.failsafe.empty()) {
      text_ += "<p class=\"dim\">none</p>";
      return;
    }
    text_ +=
        "<div class=\"wide\"><table><tr><th>From</th><th>To</th><th>Protocol</th>"
        "<th>Ports</th></tr>";
    for (const FailsafeEntry& entry : node_.failsafe)
      Write("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", Items(entry.from_text),
            entry.to_text.empty() ? "any" : Items(entry.to_text), Items(ProtocolText(entry.match)),
            Items(PortText(entry.match)));
    text_ += "</table></div>";
  }

  // Who stands behind the names that rules and failsafe use.
  void Names() {
    std::map<std::string, const AddressSet*> names;
    const auto add = [&](const std::string& text, const AddressSet& set) {
      if (!set.any() && text != Prefixes(set)) names.emplace(text, &set);
    };
    for (const FailsafeEntry& entry : node_.failsafe) {
      add(entry.from_text, entry.match.from);
      if (!entry.to_text.empty()) add(entry.to_text, entry.match.to);
    }
    for (const Interface& interface : node_.interfaces)
      for (const Rule& rule : interface.rules) {
        add(rule.text().from, rule.match.from);
        add(rule.text().to, rule.match.to);
      }
    if (names.empty()) return;
    text_ += "<h2>Names</h2><div class=\"wide\"><table><tr><th>Name</th><th>Addresses</th></tr>";
    for (const auto& [name, set] : names)
      Write("<tr><td>{}</td><td>{}</td></tr>", Items(name),
            set->empty() ? "<span class=\"note\">nobody</span>" : Items(Prefixes(*set)));
    text_ += "</table></div>";
  }

  void Findings() {
    std::string never, shadowed;
    for (const Interface& interface : node_.interfaces)
      for (const Rule& rule : interface.rules) {
        const std::string item = fmt::format("<li>{} <span class=\"dim\">{}</span></li>",
                                             HtmlText(rule.key), ToString(rule.direction));
        if (IsNeverHit(rule)) never += item;
        if (rule.state == RuleState::kActive && IsShadowed(rule)) shadowed += item;
      }
    Write(
        "<h2>Findings</h2><h3>Shadowed: no packet can reach them</h3>{}"
        "<h3>Never hit since their counters began</h3>{}",
        shadowed.empty() ? "<p class=\"dim\">none</p>" : "<ul>" + shadowed + "</ul>",
        never.empty() ? "<p class=\"dim\">none</p>" : "<ul>" + never + "</ul>");
  }

  const Node& node_;
  const CounterSnapshot& counters_;
  std::map<RuleIdentity, const RuleCount*> counts_;
  std::set<std::pair<uint32_t, uint32_t>> shadowed_;  // file and line of a rule's id
  std::string text_;
};

}  // namespace

std::string HtmlText(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::string ReportPage(const Node& node, const CounterSnapshot& counters) {
  return Page(node, counters).Text();
}

}  // namespace portmatrix
