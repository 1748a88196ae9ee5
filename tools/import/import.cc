// SPDX-License-Identifier: Apache-2.0
#include "tools/import/import.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "agent/policy/utf8.h"
#include "tools/import/columns.h"
#include "tools/import/csv.h"
#include "tools/import/matrix_name.h"
#include "tools/import/page_tables.h"
#include "tools/import/party_cell.h"
#include "tools/import/plain_text.h"
#include "tools/import/port_text.h"
#include "tools/import/unique_names.h"

namespace portmatrix {
namespace {

constexpr size_t kShownBytes = 120;  // of a cell, in comments

class Importing {
 public:
  Importing(const ImportOptions& options, TablesRead read)
      : options_(options), read_(std::move(read)) {}

  Import Run() {
    for (const TableProblem& problem : read_.problems) Remark(problem.line, problem.message, true);
    for (const SummaryTable& table : SplitTables()) {
      const Columns columns = FindColumns(table.columns);
      if (columns.complete() && columns.problem.empty()) {
        summaries_.push_back({table, columns});
      } else {
        SkipTable(table, columns);
      }
    }
    std::vector<std::string> headings;
    for (const Summary& summary : summaries_) headings.push_back(summary.table.heading);
    const std::vector<std::string> names = MatrixNames(headings, options_.name);
    for (size_t i = 0; i < summaries_.size(); ++i) ReadSummary(summaries_[i], names[i]);
    std::ranges::stable_sort(result_.remarks, {}, &ImportRemark::line);
    return std::move(result_);
  }

 private:
  struct Summary {
    SummaryTable table;
    Columns columns;
  };

  void Remark(size_t line, std::string message, bool problem) {
    result_.remarks.push_back({line, std::move(message), problem});
  }

  // A file whose rows say which table they are of, as tables.
  std::vector<SummaryTable> SplitTables() {
    std::vector<SummaryTable> tables;
    for (SummaryTable& table : read_.tables) {
      const Columns columns = FindColumns(table.columns);
      if (!columns.table) {
        tables.push_back(std::move(table));
        continue;
      }
      std::map<std::string, size_t> places;
      for (TableRow& row : table.rows) {
        const std::string name = *columns.table < row.cells.size() ? row.cells[*columns.table] : "";
        const auto [place, added] = places.emplace(name, tables.size());
        if (added) tables.push_back({name, row.line, table.columns, {}});
        tables[place->second].rows.push_back(std::move(row));
      }
    }
    return tables;
  }

  void SkipTable(const SummaryTable& table, const Columns& columns) {
    const std::string name = table.heading.empty() ? "" : fmt::format(" `{}`", table.heading);
    if (!columns.problem.empty() && columns.some()) {
      Remark(table.line, fmt::format("table{}: {}; not imported", name, columns.problem), true);
    } else if (columns.some()) {
      Remark(table.line,
             fmt::format("table{}: no column for {}; not imported", name,
                         columns.source ? "the destination" : "the source"),
             true);
    } else {
      Remark(table.line,
             fmt::format("table{} has no columns for ports, source and destination; skipped", name),
             false);
    }
  }

  void ReadSummary(const Summary& summary, const std::string& name) {
    if (!summary.columns.unread.empty()) {
      Remark(summary.table.line,
             fmt::format("{}: columns that are not read: {}", name,
                         fmt::join(summary.columns.unread, ", ")),
             false);
    }
    ImportedMatrix matrix{name, OneLine(summary.table.heading), summary.table.line, {}};
    ids_ = {};
    for (const TableRow& row : summary.table.rows) {
      if (++rows_ > kMaxImportRows) {
        Remark(row.line, fmt::format("more than {} rows; the rest is not read", kMaxImportRows),
               true);
        break;
      }
      matrix.rows.push_back(ReadRow(summary, row, matrix));
      const ImportedRow& read = matrix.rows.back();
      if (!read.problem.empty()) {
        Remark(read.line,
               fmt::format("{} row {}: {}; not imported", name, read.number, read.problem), true);
      }
    }
    result_.matrices.push_back(std::move(matrix));
  }

  ImportedRow ReadRow(const Summary& summary, const TableRow& row, const ImportedMatrix& matrix) {
    const Columns& columns = summary.columns;
    const auto cell = [&](std::optional<size_t> column) {
      return column && *column < row.cells.size() ? row.cells[*column] : std::string();
    };
    ImportedRow result;
    result.line = row.line;
    result.number = matrix.rows.size() + 1;
    for (const std::string& text : row.cells) {
      if (!result.text.empty()) result.text += " | ";
      result.text += Shortened(OneLine(PlainText(text)), kShownBytes);
    }
    const size_t needed = std::max({columns.service.back(), *columns.source, *columns.destination});
    if (row.cells.size() <= needed) {
      result.problem = fmt::format("{} cells, too few", row.cells.size());
      return result;
    }
    std::string service;
    for (const size_t column : columns.service) {
      const std::string text = PlainText(row.cells[column]);
      if (text.empty()) continue;
      if (!service.empty()) service += '/';
      service += text;
    }
    result.description = OneLine(TidyText(cell(columns.note)));
    if (const std::string type = PlainText(cell(columns.icmp_type)); !type.empty())
      service += "/type " + type;
    ServiceCell services = ReadServiceCell(service);
    result.problem = services.problem;
    if (!cell(columns.icmp_code).empty() && result.problem.empty())
      result.problem = "codes of ICMP are not read";
    ReadSourcePorts(PlainText(cell(columns.source_ports)), services, result);
    ReadDirection(Lowered(PlainText(cell(columns.direction))), result);
    ReadAction(Lowered(PlainText(cell(columns.action))), result);
    ReadState(Lowered(PlainText(cell(columns.state))), result);
    const Party from = ReadParty(PlainText(cell(columns.source)));
    const Party to = ReadParty(PlainText(cell(columns.destination)));
    if (result.problem.empty() && !from.problem.empty())
      result.problem = fmt::format("source: {}", from.problem);
    if (result.problem.empty() && !to.problem.empty())
      result.problem = fmt::format("destination: {}", to.problem);
    if (result.problem.empty() && from.any && to.any && result.direction.empty() &&
        !(options_.narrow && !(from.narrowing.empty() && to.narrowing.empty())))
      result.problem = "from any to any, and nothing says in which direction";
    if (!result.problem.empty()) return result;
    const SetUse use{matrix.name, result.number};
    result.from = Bind(from, PlainText(cell(columns.source)), use);
    result.to = Bind(to, PlainText(cell(columns.destination)), use);
    AddRules(services, PlainText(cell(columns.row)), result);
    return result;
  }

  static void ReadSourcePorts(const std::string& text, const ServiceCell& services,
                              ImportedRow& row) {
    if (text.empty() || !row.problem.empty()) return;
    PortsRead read = ReadPortText(text);
    if (!read.problem.empty()) row.problem = "source ports: " + read.problem;
    for (const CellService& service : services.services) {
      for (const std::string& protocol : service.protocols) {
        if (!read.ports.empty() && protocol != "tcp" && protocol != "udp" && protocol != "sctp")
          row.problem = fmt::format("source ports with protocol {}", protocol);
      }
    }
    row.source_ports = std::move(read.ports);
  }

  static void ReadDirection(const std::string& text, ImportedRow& row) {
    static const std::map<std::string, const char*, std::less<>> kWords = {
        {"in", "in"},
        {"inbound", "in"},
        {"incoming", "in"},
        {"ingress", "in"},
        {"out", "out"},
        {"outbound", "out"},
        {"outgoing", "out"},
        {"egress", "out"},
        {"both", "both"},
        {"in/out", "both"},
        {"bidirectional", "both"},
        {"two-way", "both"},
        {"", ""},
        {"-", ""}};
    const auto word = kWords.find(text);
    if (word != kWords.end()) {
      row.direction = word->second;
    } else if (row.problem.empty()) {
      row.problem = fmt::format("`{}` is no direction", Shortened(OneLine(text), kShownBytes));
    }
  }

  static void ReadAction(const std::string& text, ImportedRow& row) {
    static const std::map<std::string, bool, std::less<>> kWords = {
        {"", false},       {"allow", false}, {"allowed", false}, {"permit", false},
        {"accept", false}, {"pass", false},  {"yes", false},     {"deny", true},
        {"denied", true},  {"drop", true},   {"block", true},    {"blocked", true},
        {"reject", true},  {"no", true}};
    const auto word = kWords.find(text);
    if (word != kWords.end()) {
      row.deny = word->second;
    } else if (row.problem.empty()) {
      row.problem = fmt::format("`{}` is no action", Shortened(OneLine(text), kShownBytes));
    }
  }

  // A row that is not in force is for people to decide about.
  static void ReadState(const std::string& text, ImportedRow& row) {
    if (text.empty() || text == "active" || text == "enabled" || text == "yes" || text == "on")
      return;
    if (row.problem.empty())
      row.problem = fmt::format("it is `{}`", Shortened(OneLine(text), kShownBytes));
  }

  ImportedParty Bind(const Party& party, const std::string& text, const SetUse& use) {
    ImportedParty bound;
    bound.text = OneLine(text);
    bound.narrowing = party.narrowing;
    if (party.any && options_.narrow && !party.narrowing.empty()) {
      bound.terms = {SetFor(party.narrowing, use)};
    } else if (party.any) {
      bound.terms = {"any"};
    } else if (!party.prefixes.empty()) {
      bound.terms = party.prefixes;
    } else {
      bound.terms = {SetFor(party.name, use)};
    }
    return bound;
  }

  // The set called after `text`; the same for the same words, whatever their case.
  std::string SetFor(const std::string& text, const SetUse& use) {
    const auto [known, added] = sets_.emplace(Lowered(text), result_.sets.size());
    if (added) {
      std::string name = NameFrom(text);
      if (name.empty() || name == "any" || name == "none") name = "set";
      result_.sets.push_back({set_names_.Take(name), text, {}});
    }
    ImportedSet& set = result_.sets[known->second];
    if (set.uses.empty() || set.uses.back() != use) set.uses.push_back(use);
    return set.name;
  }

  void AddRules(ServiceCell& services, const std::string& own_name, ImportedRow& row) {
    std::string base = NameFrom(own_name);
    if (base.empty()) base = fmt::format("{:02}", row.number);
    const bool numbered = base.find_first_not_of("0123456789") == std::string::npos;
    if (const std::string role = NameFrom(services.role); numbered && !role.empty())
      base += "-" + role;
    for (CellService& service : services.services) {
      std::string id = base;
      if (services.services.size() > 1 || numbered) id += "-" + service.protocols.front();
      row.rules.push_back({ids_.Take(NameFrom(id)), std::move(service)});
    }
  }

  const ImportOptions& options_;
  TablesRead read_;
  std::vector<Summary> summaries_;
  size_t rows_ = 0;
  UniqueNames ids_;
  UniqueNames set_names_;
  std::map<std::string, size_t> sets_;
  Import result_;
};

}  // namespace

size_t Import::rows() const {
  size_t count = 0;
  for (const ImportedMatrix& matrix : matrices) count += matrix.rows.size();
  return count;
}

size_t Import::problems() const {
  return static_cast<size_t>(std::ranges::count(remarks, true, &ImportRemark::problem));
}

Import ImportTables(std::string_view text, const ImportOptions& options) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return Importing(options, options.csv ? ReadCsv(text) : ReadPage(text)).Run();
}

std::string WhyNoText(std::string_view text) {
  if (text.size() > kMaxImportBytes)
    return fmt::format("longer than the limit of {} bytes", kMaxImportBytes);
  for (size_t at = 0; at < text.size();) {
    const size_t length = SequenceLength(text, at);
    if (length == 0 || text[at] == '\0') {
      const auto line =
          std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
      return fmt::format("no UTF-8 text at line {}; convert it first (`iconv -t utf-8`)", line + 1);
    }
    at += length;
  }
  return "";
}

}  // namespace portmatrix
