// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>

#include "agent/policy/utf8.h"

namespace portmatrix {
namespace {

// A line is shown whole up to this many bytes; of a longer one, what surrounds the column.
constexpr size_t kShownBytes = 160;
constexpr size_t kShownBefore = 60;

bool IsContinuation(char byte) { return (static_cast<uint8_t>(byte) & 0xc0) == 0x80; }

// The lines of the sources' files, each file cut once however many diagnostics it has.
class Lines {
 public:
  explicit Lines(const Sources& sources) : sources_(sources) {}

  const Sources& sources() const { return sources_; }

  std::string_view At(const Span& span) {
    const std::vector<std::string_view>& lines = Of(span);
    return span.line <= lines.size() ? lines[span.line - 1] : std::string_view();
  }

 private:
  const std::vector<std::string_view>& Of(const Span& span) {
    const auto [file, added] = files_.try_emplace(span.file);
    if (!added) return file->second;
    std::string_view text = FileOf(sources_, span).text;
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      std::string_view line = text.substr(0, end);
      if (line.ends_with('\r')) line.remove_suffix(1);
      file->second.push_back(line);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return file->second;
  }

  const Sources& sources_;
  std::map<uint32_t, std::vector<std::string_view>> files_;
};

// Blanks as wide as `text`: a tab stays a tab, a character of several bytes is one column.
std::string Blanks(std::string_view text) {
  std::string blanks;
  for (const char byte : text) {
    if (byte == '\t') {
      blanks += '\t';
    } else if (!IsContinuation(byte)) {
      blanks += ' ';
    }
  }
  return blanks;
}

// The source line and, below it, a caret at the span.
std::string Excerpt(Lines& lines, const Span& span) {
  if (span.line == 0) return "";
  const std::string whole = Printable(lines.At(span));
  std::string_view line = whole;
  size_t column = std::min<size_t>(span.column == 0 ? 0 : span.column - 1, line.size());
  std::string before, after;
  if (line.size() > kShownBytes) {
    size_t first = column > kShownBefore ? column - kShownBefore : 0;
    while (first < column && IsContinuation(line[first])) ++first;
    size_t length = kShownBytes;
    while (first + length < line.size() && IsContinuation(line[first + length])) ++length;
    if (first > 0) before = "...";
    if (first + length < line.size()) after = "...";
    line = line.substr(first, length);
    column -= first;
  }
  const size_t width =
      std::max<size_t>(1, Blanks(line.substr(column, std::max<size_t>(span.length, 1))).size());
  const std::string gap = std::string(before.size(), ' ') + Blanks(line.substr(0, column));
  return fmt::format("  {}{}{}\n  {}^{}\n", before, line, after, gap, std::string(width - 1, '~'));
}

std::string RenderWith(Lines& lines, const Diagnostic& diagnostic) {
  const Sources& sources = lines.sources();
  std::string text = fmt::format("{}: {}: {} [{}]\n", Place(sources, diagnostic.span),
                                 diagnostic.severity == Severity::kError ? "error" : "warning",
                                 Printable(diagnostic.message), diagnostic.name);
  text += Excerpt(lines, diagnostic.span);
  if (!diagnostic.hint.empty()) text += fmt::format("  hint: {}\n", Printable(diagnostic.hint));
  for (const Note& note : diagnostic.notes) {
    text += fmt::format("{}: note: {}\n", Place(sources, note.span), Printable(note.message));
    text += Excerpt(lines, note.span);
  }
  return text;
}

}  // namespace

Diagnostic& Diagnostics::Error(std::string name, Span span, std::string message, std::string hint) {
  ++errors_;
  return all_.emplace_back(
      Diagnostic{Severity::kError, std::move(name), span, std::move(message), std::move(hint), {}});
}

Diagnostic& Diagnostics::Warning(std::string name, Span span, std::string message,
                                 std::string hint) {
  return all_.emplace_back(Diagnostic{
      Severity::kWarning, std::move(name), span, std::move(message), std::move(hint), {}});
}

std::string Render(const Sources& sources, const Diagnostic& diagnostic) {
  Lines lines(sources);
  return RenderWith(lines, diagnostic);
}

std::vector<const Diagnostic*> InOrder(const Diagnostics& diagnostics) {
  const auto place = [](const Diagnostic* diagnostic) {
    const Span& span = diagnostic->span;
    return std::tie(span.file, span.line, span.column);
  };
  const auto same = [&](const Diagnostic* left, const Diagnostic* right) {
    return place(left) == place(right) && left->name == right->name &&
           left->message == right->message;
  };
  std::vector<const Diagnostic*> ordered;
  for (const Diagnostic& diagnostic : diagnostics.all()) ordered.push_back(&diagnostic);
  std::ranges::stable_sort(ordered, {}, [&](const Diagnostic* diagnostic) {
    return std::tuple_cat(place(diagnostic), std::tie(diagnostic->name, diagnostic->message));
  });
  ordered.erase(std::unique(ordered.begin(), ordered.end(), same), ordered.end());
  return ordered;
}

std::string Render(const Sources& sources, const Diagnostics& diagnostics) {
  Lines lines(sources);
  std::string text;
  for (const Diagnostic* diagnostic : InOrder(diagnostics)) text += RenderWith(lines, *diagnostic);
  return text;
}

}  // namespace portmatrix
