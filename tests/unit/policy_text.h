// SPDX-License-Identifier: Apache-2.0
// Policies written in a test, read as the file p.yaml, and rows that pair such a text with all that
// is said about it.
#ifndef PORTMATRIX_TESTS_UNIT_POLICY_TEXT_H_
#define PORTMATRIX_TESTS_UNIT_POLICY_TEXT_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "agent/policy/diagnostic.h"
#include "agent/policy/policy.h"
#include "agent/policy/reader.h"
#include "agent/policy/resolve.h"
#include "agent/policy/source.h"

namespace portmatrix {

inline constexpr int64_t kTestNow = 1'800'000'000;  // 2027-01-15T08:00:00Z

inline Sources SourcesOf(std::string text, std::vector<SourceFile> lists = {}) {
  Sources sources;
  sources.documents.push_back({"p.yaml", "p.yaml", std::move(text)});
  sources.lists = std::move(lists);
  return sources;
}

// A policy with everything that was said about it on the way to its nodes.
struct ReadText {
  explicit ReadText(Sources from)
      : sources(std::move(from)), policy(ReadPolicy(sources, diagnostics)) {
    for (const WrittenNode& each : policy.nodes) {
      auto node = ResolveNode(policy, sources, each.name, kTestNow, diagnostics);
      if (node) nodes.push_back(std::move(*node));
    }
  }
  explicit ReadText(std::string text) : ReadText(SourcesOf(std::move(text))) {}

  std::string said() const { return Render(sources, diagnostics); }

  Sources sources;
  Diagnostics diagnostics;
  Policy policy;
  std::vector<Node> nodes;
};

// A raw string of a row begins with a line break, so that its lines stand below each other in the
// source.
inline std::string Unwrapped(const char* text) { return *text == '\n' ? text + 1 : text; }

struct PolicyRow {
  const char* name;
  const char* policy;
  const char* said;
};

inline void PrintTo(const PolicyRow& row, std::ostream* out) { *out << row.name; }

inline std::string NameOf(const testing::TestParamInfo<PolicyRow>& row) { return row.param.name; }

// Reads and resolves the row's policy, and compares every word that is said of it.
inline void ExpectSaid(const PolicyRow& row) {
  EXPECT_EQ(ReadText(Unwrapped(row.policy)).said(), Unwrapped(row.said));
}

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_UNIT_POLICY_TEXT_H_
