// SPDX-License-Identifier: Apache-2.0
// Sets in list files: where they lie, and what they hold.
#include "agent/policy/list_files.h"

#include <gmock/gmock.h>

#include "agent/policy/limits.h"
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct PlaceRow {
  const char* name;
  const char* document;
  const char* root;
  const char* file;
  const char* located;  // empty: refused
};

void PrintTo(const PlaceRow& row, std::ostream* out) { *out << row.name; }

constexpr PlaceRow kPlaces[] = {
    {"BesideTheDocument", "p/x/edge.yaml", "p", "blocked.txt", "p/x/blocked.txt"},
    {"BelowTheDocument", "p/edge.yaml", "p", "lists/blocked.txt", "p/lists/blocked.txt"},
    {"UpwardsInsideTheRoot", "p/x/edge.yaml", "p", "../lists/b.txt", "p/lists/b.txt"},
    {"RoundaboutInsideTheRoot", "p/x/edge.yaml", "p", "./y/.././b.txt", "p/x/b.txt"},
    {"RootWithASlash", "p/x/edge.yaml", "p/", "../b.txt", "p/b.txt"},
    {"RootIsTheWorkingDirectory", "./edge.yaml", ".", "b.txt", "./b.txt"},
    {"AbsoluteRoot", "/etc/p/edge.yaml", "/etc/p", "b.txt", "/etc/p/b.txt"},
    {"RootIsTheDocument", "p/edge.yaml", "p/edge.yaml", "b.txt", "p/b.txt"},
    {"RootIsTheDocumentHere", "edge.yaml", "edge.yaml", "lists/b.txt", "lists/b.txt"},
    {"OutOfTheRoot", "p/edge.yaml", "p", "../b.txt", ""},
    {"OutOfTheRootAndIn", "p/edge.yaml", "p", "../p/b.txt", ""},
    {"OutOfTheDocumentsFolder", "p/edge.yaml", "p/edge.yaml", "../b.txt", ""},
    {"Absolute", "p/edge.yaml", "p", "/etc/passwd", ""},
    {"Nothing", "p/edge.yaml", "p", "", ""},
    {"AFolder", "p/edge.yaml", "p", "lists/", ""},
    {"TheFolderItself", "p/edge.yaml", "p", ".", ""},
};

class ListPlace : public testing::TestWithParam<PlaceRow> {};

TEST_P(ListPlace, LiesInsideTheRootOrNowhere) {
  const PlaceRow& row = GetParam();
  const auto located = LocateList({row.document, row.root, ""}, row.file);
  EXPECT_EQ(located ? located->path : "", row.located);
  EXPECT_TRUE(!located || located->root == row.root);
}

INSTANTIATE_TEST_SUITE_P(Names, ListPlace, testing::ValuesIn(kPlaces),
                         [](const auto& row) { return row.param.name; });

constexpr const char* kSet = "sets:\n  a: {file: b.txt}\n";

std::string SaidOf(std::string list) {
  return ReadText(SourcesOf(kSet, {{"b.txt", "p.yaml", std::move(list)}})).said();
}

std::vector<std::string> PrefixesOf(std::string list) {
  const ReadText read(SourcesOf(kSet, {{"b.txt", "p.yaml", std::move(list)}}));
  EXPECT_EQ(read.said(), "");
  std::vector<std::string> prefixes;
  for (const Prefix& prefix : *read.policy.sets.at("a").content.listed) {
    prefixes.push_back(ToString(prefix));
  }
  return prefixes;
}

TEST(ListFile, HoldsOnePrefixALineWithComments) {
  EXPECT_THAT(PrefixesOf("# blocked\n\n192.0.2.0/24\n  2001:db8::/32\t# why\r\n10.0.0.1"),
              ElementsAre("192.0.2.0/24", "2001:db8::/32", "10.0.0.1"));
}

TEST(ListFile, MayBeEmpty) { EXPECT_THAT(PrefixesOf("# nobody yet\n"), ElementsAre()); }

TEST(ListFile, IsReportedAtItsOwnLines) {
  EXPECT_EQ(SaidOf("10.0.0.1\n 10.0.0.1/8 # x\npartners\n10.0.0.1, 10.0.0.2\n"),
            "b.txt:2:2: error: `10.0.0.1/8` has bits set behind its first 8 [bad-prefix]\n"
            "   10.0.0.1/8 # x\n"
            "   ^~~~~~~~~~\n"
            "  hint: write 10.0.0.0/8 for the whole prefix, or 10.0.0.1 for the one address\n"
            "b.txt:3:1: error: `partners` is no address [bad-prefix]\n"
            "  partners\n"
            "  ^~~~~~~~\n"
            "  hint: a list file has one prefix a line, no names\n"
            "b.txt:4:1: error: `10.0.0.1, 10.0.0.2` is no address [bad-prefix]\n"
            "  10.0.0.1, 10.0.0.2\n"
            "  ^~~~~~~~~~~~~~~~~~\n"
            "  hint: a list file has one prefix a line, comments begin with #\n");
}

TEST(ListFile, StopsAfterFiftyErrors) {
  std::string list;
  for (int i = 0; i < 1000; ++i) list += "x\n";
  EXPECT_THAT(SaidOf(list), HasSubstr("50 errors in this list; the rest of it was not read"));
}

TEST(ListFile, MustBeUtf8) {
  EXPECT_THAT(SaidOf("10.0.0.1 # \xff\n"), HasSubstr("b.txt:1:12: error: byte 0xff"));
}

TEST(ListFile, IsReportedOnceForAllSetsThatNameIt) {
  const ReadText read(
      SourcesOf("sets:\n  a: {file: b.txt}\n  c: {file: ./b.txt}\n", {{"b.txt", "p.yaml", "x\n"}}));
  EXPECT_EQ(read.diagnostics.errors(), 1u);
}

TEST(ListFile, MayNotBeTooLarge) {
  std::string list(kMaxListBytes + 1, '\n');
  EXPECT_THAT(SaidOf(std::move(list)),
              HasSubstr("the list has 67108865 bytes, 1 more than the limit"));
}

TEST(ListFilesNamedIn, AreThoseInsideTheRootOnce) {
  Sources sources;
  sources.documents.push_back({"p/a.yaml", "p",
                               "sets:\n  a: {file: x.txt}\n  b: {file: ../out.txt}\n  c: 10.0.0.1\n"
                               "---\nnode: n\nsets: {d: {file: l/y.txt}, e: {file: x.txt}}\n"});
  sources.documents.push_back({"p/broken.yaml", "p", "sets: {a: {file: z.txt}\n"});
  EXPECT_THAT(ListFilesNamedIn(sources),
              ElementsAre(ListFile{"p/l/y.txt", "p"}, ListFile{"p/x.txt", "p"}));
}

TEST(ListFilesNamedIn, AreFoundUnderAKeyThatIsWrittenWithEscapes) {
  Sources sources;
  sources.documents.push_back({"p/a.yaml", "p", "sets:\n  a: {\"\\x66ile\": x.txt}\n"});
  EXPECT_THAT(ListFilesNamedIn(sources), ElementsAre(ListFile{"p/x.txt", "p"}));
}

}  // namespace
}  // namespace portmatrix
