// SPDX-License-Identifier: Apache-2.0
#include "tools/import/page_tables.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "tools/import/markup.h"
#include "tools/import/plain_text.h"

namespace portmatrix {
namespace {

constexpr size_t kNowhere = std::string_view::npos;
constexpr size_t kMaxTagBytes = 4096;

// Blanks from `first` up to `last`, line ends kept, so that places stay.
void Blank(std::string& text, size_t first, size_t last) {
  for (size_t i = first; i < std::min(last, text.size()); ++i) {
    if (text[i] != '\n') text[i] = ' ';
  }
}

void BlankBetween(std::string& text, const std::string& lowered, std::string_view begin,
                  std::string_view end) {
  for (size_t at = lowered.find(begin); at != kNowhere;) {
    const size_t close = lowered.find(end, at + begin.size());
    const size_t after = close == kNowhere ? text.size() : close + end.size();
    Blank(text, at, after);
    at = close == kNowhere ? kNowhere : lowered.find(begin, after);
  }
}

void BlankFences(std::string& text) {
  size_t begin = kNowhere;
  char fence = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = Trimmed(std::string_view(text).substr(at, end - at), " \t");
    if (begin == kNowhere && (line.starts_with("```") || line.starts_with("~~~"))) {
      begin = at;
      fence = line.front();
    } else if (begin != kNowhere && line.starts_with(std::string(3, fence))) {
      Blank(text, begin, end);
      begin = kNowhere;
    }
    at = end + 1;
  }
}

// Behind the tag that begins at `at`; a quote counts where it opens a value.
size_t TagEnd(const std::string& text, size_t at) {
  char quote = 0, before = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '>') {
      return at + 1;
    } else if ((c == '"' || c == '\'') && before == '=') {
      quote = c;
    }
    if (std::isspace(static_cast<unsigned char>(c)) == 0) before = c;
  }
  return at;
}

// Nobody writes tags of many attributes; the parser takes the square of their number.
void BlankLongTags(std::string& text, TablesRead& read) {
  size_t line = 1, counted = 0;
  for (size_t at = text.find('<'); at < text.size(); at = text.find('<', at)) {
    const char next = at + 1 < text.size() ? text[at + 1] : ' ';
    if (std::isalpha(static_cast<unsigned char>(next)) == 0) {
      ++at;
      continue;
    }
    const size_t end = TagEnd(text, at);
    if (end - at > kMaxTagBytes) {
      line += static_cast<size_t>(std::count(text.begin() + static_cast<std::ptrdiff_t>(counted),
                                             text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
      counted = at;
      if (read.problems.empty())
        read.problems.push_back({line, "a tag that is too long, or never closed; left out"});
      Blank(text, at, end);
    }
    at = end;
  }
}

std::string WithoutHiddenParts(std::string_view text, TablesRead& read) {
  std::string page(text);
  BlankFences(page);
  BlankBetween(page, Lowered(page), "<!--", "-->");
  BlankBetween(page, Lowered(page), "<script", "</script>");
  BlankBetween(page, Lowered(page), "<style", "</style>");
  BlankLongTags(page, read);
  return page;
}

// Emphasis and code marks of Markdown off, links as their text.
std::string WithoutMarks(std::string text) {
  for (const char* mark : {"**", "__", "`"}) {
    const std::string_view word = mark;
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at))
      text.erase(at, word.size());
  }
  std::string plain;
  for (size_t at = 0; at < text.size(); ++at) {
    const size_t middle = text[at] == '[' ? text.find("](", at) : std::string::npos;
    const size_t end = middle == std::string::npos ? middle : text.find(')', middle);
    if (end == std::string::npos || text.find('\n', at) < end) {
      plain += text[at];
    } else {
      plain += text.substr(at + 1, middle - at - 1);
      at = end;
    }
  }
  return plain;
}

// The cells of a line of a pipe table. `\|` is no border.
std::vector<std::string> PipeCells(std::string_view line) {
  line = Trimmed(line, " \t\r");
  if (line.starts_with('|')) line.remove_prefix(1);
  if (line.ends_with('|') && !line.ends_with("\\|")) line.remove_suffix(1);
  std::vector<std::string> cells(1);
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() &&
        std::ispunct(static_cast<unsigned char>(line[i + 1])) != 0) {
      cells.back() += line[++i];
    } else if (line[i] != '|') {
      cells.back() += line[i];
    } else if (cells.size() < kMaxImportColumns) {
      cells.emplace_back();
    } else {
      break;
    }
  }
  for (std::string& cell : cells) {
    if (cell.size() > kMaxImportCellBytes) cell = Shortened(cell, kMaxImportCellBytes);
    cell = WithoutMarks(TextOfMarkup(cell));
  }
  return cells;
}

// `|---|:--:|` below the names of the columns.
bool IsDelimiter(std::string_view line) {
  line = Trimmed(line, " \t\r");
  return line.find('|') != kNowhere && line.find("--") != kNowhere &&
         line.find_first_not_of("|-: \t") == kNowhere;
}

class Page {
 public:
  explicit Page(std::string_view text)
      : text_(WithoutHiddenParts(text, read_)), lowered_(Lowered(text_)) {}

  TablesRead Read() {
    for (size_t at = 0; at < text_.size();) {
      const size_t end = std::min(text_.find('\n', at), text_.size());
      const std::string_view line = std::string_view(text_).substr(at, end - at);
      size_t next = end + 1;
      if (line.starts_with('#')) {
        TakeHeading(line.substr(std::min(line.find_first_not_of('#'), line.size())));
      } else if (IsPipeTable(line, end)) {
        next = ReadPipeTable(at);
      } else {
        next = ReadElements(at, end);
      }
      CountLines(at, next);
      at = next;
    }
    return std::move(read_);
  }

 private:
  void CountLines(size_t from, size_t to) {
    to = std::min(to, text_.size());
    line_ += static_cast<size_t>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(from),
                                            text_.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
  }

  void TakeHeading(std::string_view markup) {
    heading_ = OneLine(
        WithoutMarks(TextOfMarkup(markup.substr(0, std::min(markup.size(), kMaxImportCellBytes)))));
  }

  std::string_view LineAt(size_t at) const {
    if (at >= text_.size()) return {};
    return std::string_view(text_).substr(at, text_.find('\n', at) - at);
  }

  bool IsPipeTable(std::string_view line, size_t end) const {
    return line.find('|') != kNowhere && IsDelimiter(LineAt(end + 1));
  }

  // Goes through rows up to the first line without a border; returns where that begins.
  size_t ReadPipeTable(size_t at) {
    SummaryTable table;
    table.heading = heading_;
    table.line = line_;
    table.columns = PipeCells(LineAt(at));
    size_t line = line_;
    for (; at < text_.size(); at += LineAt(at).size() + 1, ++line) {
      const std::string_view row = LineAt(at);
      if (row.find('|') == kNowhere) break;
      if (line > line_ + 1 && table.rows.size() < kMaxImportRows + 1)
        table.rows.push_back({line, PipeCells(row)});
    }
    if (read_.tables.size() < kMaxImportTables) read_.tables.push_back(std::move(table));
    return at;
  }

  // Headings and tables that begin in this line; returns where to go on.
  size_t ReadElements(size_t at, size_t end) {
    for (at = lowered_.find('<', at); at < end; at = lowered_.find('<', at + 1)) {
      const std::string_view here = std::string_view(lowered_).substr(at);
      if (here.size() > 3 && here[1] == 'h' && here[2] >= '1' && here[2] <= '6' &&
          (here[3] == '>' || here[3] == ' ')) {
        const size_t close = here.substr(0, kMaxImportCellBytes).find("</h");
        const size_t length = std::min({close, here.size(), kMaxImportCellBytes});
        TakeHeading(std::string_view(text_).substr(at, length));
        at += length - 1;
      } else if (IsTag(here, "<table")) {
        const size_t close = TableEnd(at);
        ReadHtmlTables(std::string_view(text_).substr(at, close - at), line_, heading_, read_);
        return close;
      }
    }
    return end + 1;
  }

  static bool IsTag(std::string_view here, std::string_view tag) {
    return here.starts_with(tag) &&
           (here.size() == tag.size() ||
            std::isalpha(static_cast<unsigned char>(here[tag.size()])) == 0);
  }

  // Behind the end of the table that begins here, with those inside it.
  size_t TableEnd(size_t at) const {
    size_t depth = 0;
    for (; at != kNowhere; at = lowered_.find('<', at + 1)) {
      const std::string_view here = std::string_view(lowered_).substr(at);
      if (IsTag(here, "<table")) ++depth;
      if (IsTag(here, "</table") && --depth == 0)
        return std::min(lowered_.find('>', at), text_.size() - 1) + 1;
    }
    return text_.size();
  }

  TablesRead read_;  // first, because hiding parts may report
  const std::string text_;
  const std::string lowered_;
  size_t line_ = 1;
  std::string heading_;
};

}  // namespace

TablesRead ReadPage(std::string_view text) { return Page(text).Read(); }

bool LooksLikePage(std::string_view text) {
  if (Lowered(text).find("<table") != std::string::npos) return true;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (IsDelimiter(text.substr(at, end - at))) return true;
    at = end + 1;
  }
  return false;
}

}  // namespace portmatrix
