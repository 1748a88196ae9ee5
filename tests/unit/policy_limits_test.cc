// SPDX-License-Identifier: Apache-2.0
// Limits: what they are called, how far beyond a policy is, and that work stays bounded at them.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "agent/policy/limits.h"
#include "agent/policy/lint.h"
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

using testing::HasSubstr;

std::string NodeWith(const std::string& interfaces, const std::string& sets = "{}") {
  return fmt::format("node: n\nsets: {}\nfailsafe: none\ninterfaces:\n{}", sets, interfaces);
}

std::string Interfaces(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    text += fmt::format("  i{0}: {{device: e{0}, local: 10.0.0.{0}, matrices: []}}\n", i);
  }
  return text;
}

TEST(PolicyLimit, OfInterfacesAndDevices) {
  EXPECT_EQ(ReadText(NodeWith(Interfaces(kMaxInterfaces))).said(), "");
  const std::string said = ReadText(NodeWith(Interfaces(kMaxInterfaces + 1))).said();
  EXPECT_THAT(
      said,
      HasSubstr(
          "node `n` has 65 interfaces, 1 more than the limit of 64 (kMaxInterfaces) [limit]"));
  EXPECT_THAT(
      said,
      HasSubstr("node `n` has 65 devices, 1 more than the limit of 64 (kMaxDevices) [limit]"));
}

// A matrix of `count` rules, in files of at most a mebibyte.
Sources ManyRules(size_t count) {
  Sources sources;
  std::string names;
  for (size_t file = 0; count > 0; ++file) {
    std::string text = fmt::format("matrix: m{}\nrules:\n", file);
    names += fmt::format("m{},", file);
    for (size_t i = 0; i < 8000 && count > 0; ++i, --count) {
      text +=
          fmt::format("- {{id: r{}, from: 198.51.{}.{}, to: 10.0.0.1, protocol: tcp, ports: {}}}\n",
                      i, i / 256 % 256, i % 256, 1 + file);
    }
    const std::string path = fmt::format("m{}.yaml", file);
    sources.documents.push_back({path, path, std::move(text)});
  }
  names.pop_back();
  sources.documents.push_back(
      {"p.yaml", "p.yaml",
       NodeWith(fmt::format("  a: {{device: e, local: 10.0.0.1, matrices: [{}]}}\n", names))});
  return sources;
}

TEST(PolicyLimit, OfRules) {
  EXPECT_EQ(ReadText(ManyRules(kMaxRules)).said(), "");
  EXPECT_THAT(ReadText(ManyRules(kMaxRules + 412)).said(),
              HasSubstr("node `n` has 100412 rules, counted for each interface and direction, 412 "
                        "more than the limit of "
                        "100000 (kMaxRules) [limit]"));
}

TEST(PolicyLimit, OfRulesIsLintedInPassing) {
  ReadText read(ManyRules(16'000));
  LintNode(read.nodes.at(0), read.diagnostics);
  EXPECT_EQ(read.said(), "");
}

std::string PrefixList(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += fmt::format("2001:db8:{:x}:{:x}::/64\n", i / 65536, i % 65536);
  return text;
}

TEST(PolicyLimit, OfPrefixes) {
  const std::string node =
      NodeWith("  a: {device: e, local: big, matrices: []}\n", "{big: {file: b.txt}}");
  EXPECT_EQ(ReadText(SourcesOf(node, {{"b.txt", "p.yaml", PrefixList(kMaxPrefixes)}})).said(), "");
  EXPECT_THAT(ReadText(SourcesOf(node, {{"b.txt", "p.yaml", PrefixList(kMaxPrefixes + 5)}})).said(),
              HasSubstr("node `n` has 2000005 different prefixes, 5 more than the limit of 2000000 "
                        "(kMaxPrefixes)"));
}

TEST(PolicyLimit, OfPrefixesThatRulesRepeat) {
  std::string text = "matrix: m\nrules:\n";
  for (int i = 0; i < 500; ++i)
    text += fmt::format("- {{id: r{}, from: big, to: 10.0.0.1, protocol: tcp}}\n", i);
  text += "---\n" +
          NodeWith("  a: {device: e, local: 10.0.0.1, matrices: [m]}\n", "{big: {file: b.txt}}");
  EXPECT_THAT(ReadText(SourcesOf(text, {{"b.txt", "p.yaml", PrefixList(100'000)}})).said(),
              HasSubstr("(kMaxNamedPrefixes)"));
}

TEST(PolicyLimit, OfDynamicSets) {
  const auto said = [](size_t count) {
    std::string sets = "{s1: {dynamic: true}";
    for (size_t i = 2; i <= count; ++i) sets += fmt::format(", s{}: {{dynamic: true}}", i);
    return ReadText(
               NodeWith("  a: {device: e, local: 10.0.0.1, matrices: []}\n", sets + "}"))
        .said();
  };
  EXPECT_EQ(said(kMaxLiveSets), "");
  EXPECT_THAT(said(kMaxLiveSets + 1),
              HasSubstr("node `n` has 33 dynamic sets, 1 more than the limit of 32 (kMaxLiveSets) "
                        "[limit]"));
}

TEST(PolicyLimit, OfSetsInsideEachOther) {
  std::string sets = "{s0: 10.0.0.1";
  for (int i = 1; i < 30'000; ++i) sets += fmt::format(", s{}: s{}", i, i - 1);
  const std::string said =
      ReadText(NodeWith("  a: {device: e, local: s0, matrices: []}\n", sets + "}")).said();
  EXPECT_THAT(said, HasSubstr("more than 64 sets inside each other (kMaxSetDepth) [too-deep]"));
}

TEST(PolicyLimit, OfSetsThatRepeatALargeOne) {
  std::string sets = "{big: {file: b.txt}";
  for (int i = 0; i < 1000; ++i) sets += fmt::format(", s{}: [big, big, 10.0.0.{}]", i, i % 256);
  EXPECT_THAT(
      ReadText(SourcesOf(NodeWith("  a: {device: e, local: 10.0.0.1, matrices: []}\n", sets + "}"),
                         {{"b.txt", "p.yaml", PrefixList(100'000)}}))
          .said(),
      HasSubstr("(kMaxNamedPrefixes)"));
}

}  // namespace
}  // namespace portmatrix
