// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/look_alikes.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/policy/lint.h"

namespace portmatrix {
namespace {

constexpr size_t kShortestMistaken = 5;

struct Named {
  std::string text;
  Span span;
  bool ignored = false;
};

bool IsDigit(char character) { return '0' <= character && character <= '9'; }

// How a name reads at a glance.
std::string Glance(const std::string& name) {
  std::string glance;
  for (const char each : name) {
    char character = each;
    if (each == '_') character = '-';
    if (each == '0') character = 'o';
    if (each == '1') character = 'l';
    glance += character;
    if (glance.ends_with("rn")) glance.replace(glance.size() - 2, 2, "m");
    if (glance.ends_with("vv")) glance.replace(glance.size() - 2, 2, "w");
  }
  return glance;
}

// With `#` for each number.
std::string WithoutNumbers(const std::string& name) {
  std::string text;
  for (const char each : name) {
    if (!IsDigit(each)) {
      text += each;
    } else if (!text.ends_with('#')) {
      text += '#';
    }
  }
  return text;
}

std::string Without(const std::string& text, size_t index) {
  return text.substr(0, index) + text.substr(index + 1);
}

bool IsSwapped(const std::string& left, const std::string& right) {
  if (left.size() != right.size()) return false;
  const auto [l, r] = std::ranges::mismatch(left, right);
  if (l == left.end() || l + 1 == left.end()) return false;
  return *l != '#' && l[1] != '#' && l[0] == r[1] && l[1] == r[0] &&
         std::equal(l + 2, left.end(), r + 2);
}

bool LacksOne(const std::string& shorter, const std::string& longer) {
  if (shorter.size() + 1 != longer.size()) return false;
  const auto index =
      static_cast<size_t>(std::ranges::mismatch(shorter, longer).in2 - longer.begin());
  return longer[index] != '#' && Without(longer, index) == shorter;
}

class LookAlikes {
 public:
  explicit LookAlikes(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void Find(const std::vector<Named>& names, const char* thing, bool letters_count) {
    names_ = &names;
    thing_ = thing;
    told_.clear();
    std::unordered_map<std::string, size_t> glances;
    for (size_t i = 0; i < names.size(); ++i) {
      const auto [twin, added] = glances.try_emplace(Glance(names[i].text), i);
      if (!added) Tell(twin->second, i, "reads like");
    }
    FindSlips(letters_count);
  }

 private:
  // Names that a slip of one letter makes of each other share what is left without that letter.
  void FindSlips(bool letters_count) {
    std::map<std::string, size_t> texts;
    for (size_t i = 0; i < names_->size(); ++i) {
      texts.try_emplace(WithoutNumbers((*names_)[i].text), i);
    }
    std::unordered_map<std::string, std::vector<decltype(texts)::const_iterator>> left_over;
    for (auto each = texts.begin(); each != texts.end(); ++each) {
      const std::string& text = each->first;
      if (text.size() < kShortestMistaken) continue;
      std::set<std::string> rests = {text};
      for (size_t index = 0; index < text.size(); ++index) rests.insert(Without(text, index));
      for (const std::string& rest : rests) {
        auto& sharing = left_over[rest];
        for (const auto& other : sharing) {
          const std::string& known = other->first;
          if (IsSwapped(known, text)) Tell(other->second, each->second, "has letters swapped of");
          if (letters_count && (LacksOne(known, text) || LacksOne(text, known))) {
            Tell(other->second, each->second, "is one letter away from");
          }
        }
        sharing.emplace_back(each);
      }
    }
  }

  void Tell(size_t left, size_t right, const char* how) {
    const size_t first = std::min(left, right), second = std::max(left, right);
    const Named& name = (*names_)[second];
    const Named& other = (*names_)[first];
    if (name.ignored || other.ignored || !told_.emplace(first, second).second) return;
    diagnostics_
        .Warning(std::string(kLookAlikeNames), name.span,
                 fmt::format("{} `{}` {} `{}`", thing_, name.text, how, other.text),
                 "rename one, so that nobody takes one for the other")
        .notes.push_back({other.span, "the other one"});
  }

  Diagnostics& diagnostics_;
  const std::vector<Named>* names_ = nullptr;
  const char* thing_ = "";
  std::set<std::pair<size_t, size_t>> told_;
};

void AddSets(const std::map<std::string, WrittenSet>& sets, std::vector<Named>& names) {
  for (const auto& [name, set] : sets) names.push_back({name, set.span});
}

}  // namespace

void FindLookAlikes(const Policy& policy, Diagnostics& diagnostics) {
  LookAlikes look_alikes(diagnostics);
  std::vector<Named> matrices, nodes;
  for (const WrittenMatrix& matrix : policy.matrices) {
    matrices.push_back({matrix.name, matrix.span});
    std::vector<Named> rules;
    for (const WrittenRule& rule : matrix.rules) {
      rules.push_back({rule.id, rule.span, rule.ignore.contains(std::string(kLookAlikeNames))});
    }
    look_alikes.Find(rules, "rule", false);
  }
  look_alikes.Find(matrices, "matrix", true);
  std::vector<Named> shared;
  AddSets(policy.sets, shared);
  look_alikes.Find(shared, "set", true);
  for (const WrittenNode& node : policy.nodes) {
    nodes.push_back({node.name, node.span});
    std::vector<Named> interfaces;
    for (const WrittenInterface& interface : node.interfaces) {
      interfaces.push_back({interface.name, interface.span});
    }
    look_alikes.Find(interfaces, "interface", true);
    std::vector<Named> sets;
    for (const auto& [name, set] : policy.sets) {
      if (!node.sets.contains(name)) sets.push_back({name, set.span});
    }
    AddSets(node.sets, sets);
    look_alikes.Find(sets, "set", true);
  }
  look_alikes.Find(nodes, "node", true);
}

}  // namespace portmatrix
