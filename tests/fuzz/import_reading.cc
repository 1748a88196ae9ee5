// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/import_reading.h"

#include <cstddef>

#include "agent/policy/limits.h"
#include "agent/policy/reader.h"
#include "tools/import/import.h"
#include "tools/import/matrix_yaml.h"

namespace portmatrix {
namespace {

constexpr char kCsv = 1;
constexpr char kNarrow = 2;

// Problem rows have no rules, others have some; every problem is reported.
std::string CompareRows(const Import& import, const Policy& policy) {
  if (policy.matrices.size() != import.matrices.size()) return "matrices are missing";
  size_t reported = 0;
  for (size_t i = 0; i < import.matrices.size(); ++i) {
    size_t rules = 0;
    for (const ImportedRow& row : import.matrices[i].rows) {
      if (row.rules.empty() == row.problem.empty()) return "a row is neither rule nor problem";
      rules += row.rules.size();
      reported += row.problem.empty() ? 0 : 1;
    }
    if (rules != policy.matrices[i].rules.size()) return "rules are missing";
  }
  if (policy.sets.size() != import.sets.size()) return "sets are missing";
  return import.problems() < reported ? "a row failed without a word" : "";
}

}  // namespace

std::string ImportProblem(std::string_view input) {
  if (input.empty()) return "";
  const char choices = input.front();
  const std::string_view text = input.substr(1);
  if (!WhyNoText(text).empty()) return "";
  const Import import = ImportTables(
      text, {.name = "fuzz", .csv = (choices & kCsv) != 0, .narrow = (choices & kNarrow) != 0});
  const std::string yaml = MatrixYaml(import, "fuzz");
  if (yaml.size() > kMaxDocumentBytes) return "";  // the command says so
  if (import.matrices.empty()) return "";
  Sources sources;
  sources.documents.push_back({"fuzz.yaml", "fuzz.yaml", yaml});
  Diagnostics diagnostics;
  const Policy policy = ReadPolicy(sources, diagnostics);
  if (diagnostics.has_errors()) return Render(sources, diagnostics);
  return CompareRows(import, policy);
}

}  // namespace portmatrix
