// SPDX-License-Identifier: Apache-2.0
// A port summary in the form in which the vendor publishes it (import/edge-ports.md: Markdown with
// HTML tables, a translation with the original beside it; edge-ports.csv: the same in plain words)
// gives the rules that policies/lync-2013-edge ships, once its sets are bound.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "agent/policy/reader.h"
#include "tests/support/source_tree.h"
#include "tools/import/import.h"
#include "tools/import/matrix_yaml.h"
#include "agent/policy_files.h"

namespace portmatrix {
namespace {

const std::string kTree = SourceTree().string();

// Who the page's names are on an Edge node.
const std::map<std::string, std::string> kBindings = {
    {"xmpp-proxy-on-the-access-address", "access"},
    {"access-address-of-the-edge", "access"},
    {"access-address", "access"},
    {"conference-address-of-the-edge", "webconf"},
    {"a-v-address-of-the-edge", "av"},
    {"a-v-address", "av"},
    {"inside-address-of-the-edge", "internal"},
    {"inside-address-of-each-edge", "internal"},
    {"public-im-partners", "public-im-partners"},
    {"remote-clients", "clients"},
    {"messenger-users", "live-messenger-clients"},
    {"front-end-with-the-xmpp-gateway", "xmpp-gateway"},
    {"directors-and-front-ends", "director, front-end-pool"},
    {"each-front-end", "front-end-pool"},
    {"front-ends-and-branch-appliances", "front-end-pool, survivable-branch-appliances"},
    {"pool-with-the-configuration-store", "central-management-store"},
};

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Import ImportFixture(const std::string& name, bool narrow) {
  return ImportTables(Content(kTree + "/tests/unit/import/" + name),
                      {.name = "edge-ports", .csv = name.ends_with(".csv"), .narrow = narrow});
}

// What was imported, as the policy's reader sees it.
Policy Read(const Import& import) {
  Sources sources;
  sources.documents.push_back({"i.yaml", "i.yaml", MatrixYaml(import, "fixture")});
  Diagnostics diagnostics;
  Policy policy = ReadPolicy(sources, diagnostics);
  EXPECT_EQ(Render(sources, diagnostics), "");
  return policy;
}

Policy Shipped() {
  const PolicyFiles files = ReadPolicyFiles({kTree + "/policies/lync-2013-edge/common"});
  Diagnostics diagnostics;
  Policy policy = ReadPolicy(files.sources, diagnostics);
  EXPECT_EQ(Render(files.sources, diagnostics), "");
  return policy;
}

std::string Bound(const AddressTerms& terms) {
  const auto binding = kBindings.find(terms.text);
  return binding == kBindings.end() ? terms.text : binding->second;
}

// The fixture's tables in their order, as the shipped policy calls them.
constexpr const char* kMatrices[] = {"external", "internal", "federation", "public-im", "xmpp"};

class ImportOfThePortSummary : public testing::TestWithParam<const char*> {};

TEST_P(ImportOfThePortSummary, GivesTheThirtySevenRulesThatAreShipped) {
  const Import import = ImportFixture(GetParam(), true);
  EXPECT_EQ(import.rows(), 37u);
  EXPECT_EQ(import.problems(), 0u);
  const Policy imported = Read(import), shipped = Shipped();
  ASSERT_EQ(imported.matrices.size(), std::size(kMatrices));
  for (size_t i = 0; i < std::size(kMatrices); ++i) {
    const WrittenMatrix* theirs = shipped.FindMatrix(kMatrices[i]);
    ASSERT_NE(theirs, nullptr) << kMatrices[i];
    const WrittenMatrix& ours = imported.matrices[i];
    ASSERT_EQ(ours.rules.size(), theirs->rules.size()) << kMatrices[i];
    for (size_t row = 0; row < ours.rules.size(); ++row) {
      const WrittenRule &rule = ours.rules[row], &same = theirs->rules[row];
      EXPECT_EQ(Bound(rule.from), same.from.text) << same.id;
      EXPECT_EQ(Bound(rule.to), same.to.text) << same.id;
      EXPECT_EQ(rule.service.protocols, same.service.protocols) << same.id;
      EXPECT_EQ(rule.service.ports, same.service.ports) << same.id;
      EXPECT_FALSE(rule.way) << same.id;
    }
  }
}

TEST_P(ImportOfThePortSummary, TakesAnyAsAnyUnlessTold) {
  const Import import = ImportFixture(GetParam(), false);
  std::vector<std::string> narrowed;
  for (const ImportedMatrix& matrix : import.matrices) {
    for (const ImportedRow& row : matrix.rows) {
      for (const ImportedParty* party : {&row.from, &row.to}) {
        if (party->narrowing.empty()) continue;
        EXPECT_EQ(party->terms, std::vector<std::string>{"any"});
        narrowed.push_back(row.rules.front().id + " " + party->narrowing);
      }
    }
  }
  EXPECT_EQ(narrowed.size(), 6u);
  EXPECT_EQ(import.sets.size(), 11u);
  Read(import);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, ImportOfThePortSummary,
                         testing::Values("edge-ports.md", "edge-ports.csv"), [](const auto& name) {
                           return std::string(name.param).ends_with(".csv") ? "Csv" : "Page";
                         });

}  // namespace
}  // namespace portmatrix
