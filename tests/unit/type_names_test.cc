// SPDX-License-Identifier: Apache-2.0
// No two types of one namespace share a name. Where two of them meet in one program, the linker
// takes either's constructor for both and says nothing (the one definition rule, C++20
// [basic.def.odr]).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <ostream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/source_tree.h"

namespace {

using std::string;
using std::string_view;
using testing::ElementsAre;
using testing::IsEmpty;

// The types that a file defines for other files to see or to collide with: in a namespace that has
// a name, at the outermost level, which clang-format lets begin their line.
std::vector<string> TypesOf(string_view text) {
  static const std::regex kType(
      R"(^(?:struct|class|union|enum(?: class)?) (\w+)(?: final)?(?: :.*)? \{.*)");
  std::vector<string> types;
  std::istringstream lines{string(text)};
  bool is_hidden = false;
  for (string line; std::getline(lines, line);) {
    if (line == "namespace {") is_hidden = true;
    if (line == "}  // namespace") is_hidden = false;
    std::smatch found;
    if (!is_hidden && std::regex_match(line, found, kType)) types.push_back(found[1]);
  }
  return types;
}

// One line for each name that several of the files give to a type.
class Names {
 public:
  void Add(const string& path, string_view text) {
    for (const string& type : TypesOf(text)) places_[type].insert(path);
  }
  std::vector<string> Twins() const {
    std::vector<string> twins;
    for (const auto& [type, places] : places_) {
      if (places.size() < 2) continue;
      string line = type + ":";
      for (const string& place : places) line += " " + place;
      twins.push_back(std::move(line));
    }
    return twins;
  }
  size_t size() const { return places_.size(); }

 private:
  std::map<string, std::set<string>> places_;
};

TEST(TypesOf, AreThoseThatOthersSee) {
  EXPECT_THAT(TypesOf("struct Ahead;\n"
                      "struct Plain {\n"
                      "  struct Inner {\n"
                      "};\n"
                      "class Derived final : public Base {\n"
                      "enum class Kind : uint8_t { kOne };\n"
                      "namespace {\n"
                      "struct Hidden {\n"
                      "}  // namespace\n"
                      "// struct Told {\n"
                      "union Either {\n"),
              ElementsAre("Plain", "Derived", "Kind", "Either"));
}

TEST(Names, TellTwinsApartFromOthers) {
  Names names;
  names.Add("a.h", "struct Question {\nclass One {\n");
  names.Add("b.h", "struct Question {\nclass Two {\n");
  EXPECT_THAT(names.Twins(), ElementsAre("Question: a.h b.h"));
}

TEST(NamesOfThisTree, AreOneTypesEach) {
  namespace fs = std::filesystem;
  const fs::path root = portmatrix::SourceTree();
  Names names;
  for (const string_view folder : {"maps", "agent", "tools", "tests/support"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      const string extension = entry.path().extension().string();
      if (!entry.is_regular_file() || (extension != ".h" && extension != ".cc")) continue;
      std::ifstream file(entry.path());
      const string text{std::istreambuf_iterator<char>(file), {}};
      names.Add(entry.path().lexically_relative(root).string(), text);
    }
  }
  EXPECT_THAT(names.Twins(), IsEmpty());
  EXPECT_GT(names.size(), 200u);
}

}  // namespace
