// SPDX-License-Identifier: Apache-2.0
#include "tools/import/csv.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tools/import/plain_text.h"

namespace portmatrix {
namespace {

char SeparatorOf(std::string_view text) {
  size_t counts[3] = {};
  constexpr std::string_view kSeparators = ",;\t";
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n') break;
    const size_t which = kSeparators.find(c);
    if (which != std::string_view::npos) ++counts[which];
  }
  return kSeparators[static_cast<size_t>(std::max_element(counts, counts + 3) - counts)];
}

class Records {
 public:
  explicit Records(std::string_view text) : text_(text), separator_(SeparatorOf(text)) {}

  bool AtEnd() const { return at_ >= text_.size(); }
  size_t line() const { return line_; }

  // The next record; `problem` says what is wrong with it.
  std::vector<std::string> Next(std::string* problem) {
    std::vector<std::string> cells;
    problem->clear();
    for (;;) {
      std::string cell = text_.substr(at_).starts_with('"') ? Quoted(problem) : Bare();
      if (cell.size() > kMaxImportCellBytes) cell = Shortened(cell, kMaxImportCellBytes);
      if (cells.size() < kMaxImportColumns) cells.push_back(TidyText(cell));
      if (AtEnd()) return cells;
      const char c = text_[at_++];
      if (c == separator_) continue;
      if (c == '\r' && !AtEnd() && text_[at_] == '\n') ++at_;
      ++line_;
      return cells;
    }
  }

 private:
  bool EndsCell(size_t at) const {
    return text_[at] == separator_ || text_[at] == '\n' ||
           (text_[at] == '\r' && (at + 1 == text_.size() || text_[at + 1] == '\n'));
  }

  std::string Bare() {
    const size_t first = at_;
    while (!AtEnd() && !EndsCell(at_)) ++at_;
    return std::string(text_.substr(first, at_ - first));
  }

  std::string Quoted(std::string* problem) {
    std::string cell;
    for (++at_; !AtEnd(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        cell += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        cell += text_[at_++];
      } else {
        ++at_;
        if (!Trimmed(Bare()).empty()) *problem = "text behind a closing quote";
        return cell;
      }
    }
    *problem = "a quote that is never closed";
    return cell;
  }

  const std::string_view text_;
  const char separator_;
  size_t at_ = 0;
  size_t line_ = 1;
};

bool IsEmpty(const std::vector<std::string>& cells) {
  return std::ranges::all_of(cells, &std::string::empty);
}

}  // namespace

TablesRead ReadCsv(std::string_view text) {
  TablesRead read;
  SummaryTable table;
  Records records(text);
  std::string problem;
  while (!records.AtEnd()) {
    const size_t line = records.line();
    std::vector<std::string> cells = records.Next(&problem);
    if (!problem.empty()) {
      read.problems.push_back({line, problem});
    } else if (IsEmpty(cells)) {
      continue;
    } else if (table.columns.empty()) {
      table.line = line;
      table.columns = std::move(cells);
    } else if (table.rows.size() < kMaxImportRows + 1) {
      table.rows.push_back({line, std::move(cells)});
    }
  }
  if (!table.columns.empty()) read.tables.push_back(std::move(table));
  return read;
}

}  // namespace portmatrix
