// SPDX-License-Identifier: Apache-2.0
// `portmatrix import`: a vendor's port summary to matrix YAML.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/policy/limits.h"
#include "agent/policy/utf8.h"
#include "tools/commands.h"
#include "tools/import/import.h"
#include "tools/import/markup.h"
#include "tools/import/matrix_yaml.h"
#include "tools/import/page_tables.h"
#include "tools/import/plain_text.h"
#include "tools/import/port_text.h"
#include "tools/import/summary_table.h"
#include "tools/loaded_policy.h"

DECLARE_bool(json);
DEFINE_string(format, "",
              "import: page or csv, where the file's name does not say; show: table, "
              "markdown, csv, json or nft");
DEFINE_bool(narrow, false, "where `any` may be defined as somebody, take somebody");

namespace portmatrix {
namespace {

using nlohmann::ordered_json;

// At most one byte more than may be read, so that too long a file shows.
bool ReadInput(const std::string& path, std::string* text) {
  std::ifstream file(path, std::ios::binary);
  text->resize(kMaxImportBytes + 1);
  if (file) file.read(text->data(), static_cast<std::streamsize>(text->size()));
  if (file.bad() || (!file && file.gcount() == 0 && !file.eof())) return false;
  text->resize(static_cast<size_t>(file.gcount()));
  return true;
}

bool IsCsv(const std::string& path, const std::string& text) {
  if (!FLAGS_format.empty()) return FLAGS_format == "csv";
  const std::string extension = Lowered(std::filesystem::path(path).extension().string());
  if (extension == ".csv" || extension == ".tsv") return true;
  if (extension == ".md" || extension == ".html" || extension == ".htm") return false;
  return !LooksLikePage(text);
}

ordered_json PortsJson(const std::vector<PortRange>& ports) {
  ordered_json list = ordered_json::array();
  for (const PortRange& range : ports) list.push_back({range.first, range.last});
  return ports.empty() ? ordered_json("any") : list;
}

ordered_json RowJson(const ImportedRow& row) {
  ordered_json json;
  json["row"] = row.number;
  json["line"] = row.line;
  json["text"] = row.text;
  json["problem"] = row.problem.empty() ? ordered_json() : ordered_json(row.problem);
  json["rules"] = ordered_json::array();
  for (const ImportedRow::Rule& rule : row.rules) {
    ordered_json each;
    each["id"] = rule.id;
    each["from"] = row.from.terms;
    each["to"] = row.to.terms;
    each["protocol"] = rule.service.protocols;
    each["ports"] = PortsJson(rule.service.ports);
    each["source_ports"] = PortsJson(row.source_ports);
    each["icmp_type"] =
        rule.service.icmp_type ? ordered_json(*rule.service.icmp_type) : ordered_json();
    each["direction"] = row.direction.empty() ? ordered_json() : ordered_json(row.direction);
    each["action"] = row.deny ? "deny" : "allow";
    each["from_narrowing"] =
        row.from.narrowing.empty() ? ordered_json() : ordered_json(row.from.narrowing);
    each["to_narrowing"] =
        row.to.narrowing.empty() ? ordered_json() : ordered_json(row.to.narrowing);
    json["rules"].push_back(std::move(each));
  }
  return json;
}

ordered_json JsonOf(const Import& import, const std::string& path, const std::string& yaml) {
  ordered_json json;
  json["file"] = path;
  json["rows"] = import.rows();
  json["problems"] = import.problems();
  json["matrices"] = ordered_json::array();
  for (const ImportedMatrix& matrix : import.matrices) {
    ordered_json each;
    each["matrix"] = matrix.name;
    each["heading"] = matrix.heading;
    each["line"] = matrix.line;
    each["rows"] = ordered_json::array();
    for (const ImportedRow& row : matrix.rows) each["rows"].push_back(RowJson(row));
    json["matrices"].push_back(std::move(each));
  }
  json["sets"] = ordered_json::array();
  for (const ImportedSet& set : import.sets) {
    ordered_json each;
    each["set"] = set.name;
    each["text"] = set.text;
    each["uses"] = ordered_json::array();
    for (const SetUse& use : set.uses)
      each["uses"].push_back({{"matrix", use.matrix}, {"row", use.row}});
    json["sets"].push_back(std::move(each));
  }
  json["remarks"] = ordered_json::array();
  for (const ImportRemark& remark : import.remarks) {
    json["remarks"].push_back(
        {{"line", remark.line}, {"problem", remark.problem}, {"message", remark.message}});
  }
  json["yaml"] = yaml;
  return json;
}

std::string Counted(size_t count, const char* thing, const char* things) {
  return fmt::format("{} {}", count, count == 1 ? thing : things);
}

std::string Summary(const Import& import) {
  size_t understood = 0;
  for (const ImportedMatrix& matrix : import.matrices) {
    for (const ImportedRow& row : matrix.rows) understood += row.problem.empty() ? 1 : 0;
  }
  return fmt::format("{} of {} imported into {}, {}; {} to fill in", understood,
                     Counted(import.rows(), "row", "rows"),
                     Counted(import.matrices.size(), "matrix", "matrices"),
                     Counted(import.problems(), "problem", "problems"),
                     Counted(import.sets.size(), "set", "sets"));
}

int RunImport(const std::vector<std::string>& arguments);

}  // namespace

const Command kImportCommand = {
    "import",
    "FILE [--narrow] [--format page|csv]",
    "a vendor's port summary (Markdown or HTML tables, CSV) to matrix YAML",
    "Reads every table of FILE that has columns for role, protocol and port, for source and for "
    "destination,\n"
    "and prints a matrix for each, then the sets to fill in: whoever the tables speak of. A "
    "translated page\n"
    "with the original beside it gives the original. What is not understood is reported with its "
    "row, stands\n"
    "as a comment in the YAML, and is never guessed: `53,443` is no port list as long as it may be "
    "53443.\n"
    "`any (can be defined as ...)` is `any`, with the narrower reading as a comment; --narrow "
    "takes "
    "the\n"
    "narrower reading. FILE may have 4 MiB of UTF-8. Needs no privilege.\n"
    "\n"
    "  portmatrix import ports.html >external.yaml\n"
    "  portmatrix --json import ports.csv\n"
    "\n"
    "exit codes: 0 every row is a rule, 1 FILE cannot be read, 3 it holds no port summary, 6 rows "
    "or tables\n"
    "            were not understood (the rest is printed all the same)",
    {"format", "narrow"},
    RunImport,
};

namespace {

int RunImport(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1) return UsageError(kImportCommand, "name one FILE");
  if (!FLAGS_format.empty() && FLAGS_format != "page" && FLAGS_format != "csv")
    return UsageError(kImportCommand, "--format is page or csv");
  const std::string& path = arguments.front();
  std::string text;
  if (!ReadInput(path, &text)) {
    fmt::print(stderr, "portmatrix: read {}: {}\n", path, std::strerror(errno));
    return kExitFailure;
  }
  if (const std::string why = WhyNoText(text); !why.empty()) {
    fmt::print(stderr, "portmatrix: read {}: {}\n", path, why);
    return kExitFailure;
  }
  const std::filesystem::path file(path);
  const bool is_csv = IsCsv(path, text);
  if (const Result<void> parser = is_csv ? Result<void>() : LoadMarkupParser(); !parser) {
    fmt::print(stderr, "portmatrix import: {}\n", parser.error().Text());
    return kExitFailure;
  }
  Import import =
      ImportTables(text, {.name = file.stem().string(), .csv = is_csv, .narrow = FLAGS_narrow});
  const std::string yaml = MatrixYaml(import, file.filename().string());
  if (yaml.size() > kMaxDocumentBytes) {
    import.remarks.push_back({0,
                              fmt::format("the result has {} bytes, a policy file at most {}: "
                                          "split it",
                                          yaml.size(), kMaxDocumentBytes),
                              true});
  }
  for (const ImportRemark& remark : import.remarks)
    fmt::print(stderr, "{}:{}: {}\n", path, remark.line, Printable(remark.message));
  if (import.matrices.empty()) {
    fmt::print(stderr,
               "portmatrix: import {}: no port summary: no table with columns for ports, "
               "source and destination\n",
               path);
    return kExitInvalidPolicy;
  }
  fmt::print(stderr, "{}: {}\n", path, Summary(import));
  if (FLAGS_json) {
    PrintJson(JsonOf(import, path, yaml));
  } else {
    fmt::print("{}", yaml);
  }
  return import.problems() > 0 ? kExitCheckFailed : kExitOk;
}

}  // namespace
}  // namespace portmatrix
