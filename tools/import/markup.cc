// SPDX-License-Identifier: Apache-2.0
#include "tools/import/markup.h"

#include <libxml/HTMLparser.h>
#include <libxml/tree.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "agent/policy/scalar.h"
#include "tools/import/plain_text.h"
#include "tools/late_library.h"

namespace portmatrix {
namespace {

// What is used of libxml2.
#define PORTMATRIX_XML_SYMBOLS(X) \
  X(htmlReadMemory)               \
  X(xmlDocGetRootElement)         \
  X(xmlFree)                      \
  X(xmlFreeDoc)                   \
  X(xmlGetLineNo)                 \
  X(xmlGetProp)                   \
  X(xmlIsBlankNode)

struct Xml {
// NOLINTNEXTLINE(bugprone-macro-parentheses): the name of a member
#define X(name) decltype(&::name) name = nullptr;
  PORTMATRIX_XML_SYMBOLS(X)
#undef X
};

Result<Xml> LoadXml() {
  Result<LateLibrary> library = LateLibrary::Load(PORTMATRIX_LIBXML2);
  if (!library) return library.error();
  Xml xml;
#define X(name) library->Find(#name, &xml.name);
  PORTMATRIX_XML_SYMBOLS(X)
#undef X
  if (library->missing()) return *library->missing();
  return xml;
}

const Result<Xml>& Library() {
  static const Result<Xml> kLibrary = LoadXml();
  return kLibrary;
}

constexpr int kMaxDepth = 200;  // of elements inside each other
constexpr size_t kMaxSpan = 1000;

struct FreeDocument {
  void operator()(xmlDoc* document) const { Library()->xmlFreeDoc(document); }
};
using Document = std::unique_ptr<xmlDoc, FreeDocument>;

Document Parse(std::string_view markup) {
  constexpr int kOptions =
      HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET;
  return Document(Library()->htmlReadMemory(markup.data(), static_cast<int>(markup.size()), nullptr,
                                            "UTF-8", kOptions));
}

std::string_view NameOf(const xmlNode& node) {
  if (node.type != XML_ELEMENT_NODE || node.name == nullptr) return {};
  return reinterpret_cast<const char*>(node.name);
}

bool IsAny(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

std::string Attribute(const xmlNode& node, const char* name) {
  if (node.type != XML_ELEMENT_NODE) return "";
  struct Free {
    void operator()(xmlChar* text) const { (*Library()->xmlFree)(text); }
  };
  const std::unique_ptr<xmlChar, Free> value(
      Library()->xmlGetProp(&node, reinterpret_cast<const xmlChar*>(name)));
  return value ? reinterpret_cast<const char*>(value.get()) : "";
}

bool IsOriginal(const xmlNode& node) {
  return NameOf(node) == "span" && Attribute(node, "class").find("sxs-lookup") != std::string::npos;
}

// Is this a translation whose original is the next element?
bool IsTranslated(const xmlNode& node) {
  if (NameOf(node) != "span" || Attribute(node, "data-ttu-id").empty()) return false;
  const xmlNode* next = node.next;
  while (next != nullptr && next->type == XML_TEXT_NODE && Library()->xmlIsBlankNode(next) == 1)
    next = next->next;
  return next != nullptr && IsOriginal(*next);
}

// Blanks and line ends of the source are blanks; only elements end lines.
void AppendText(const xmlNode& node, int depth, std::string& text) {
  if (depth > kMaxDepth) return;
  if (node.type == XML_TEXT_NODE || node.type == XML_CDATA_SECTION_NODE) {
    if (node.content == nullptr) return;
    for (const char* c = reinterpret_cast<const char*>(node.content); *c != '\0'; ++c)
      text += *c == '\n' ? ' ' : *c;
    return;
  }
  const std::string_view name = NameOf(node);
  if (name.empty() || IsAny(name, {"table", "script", "style", "head"}) || IsTranslated(node))
    return;
  const bool block = IsAny(name, {"p", "div", "li", "ul", "ol", "br", "tr", "dt", "dd"});
  if (block) text += '\n';
  for (const xmlNode* child = node.children; child != nullptr; child = child->next)
    AppendText(*child, depth + 1, text);
  if (block) text += '\n';
}

std::string TextOf(const xmlNode& node) {
  std::string text;
  for (const xmlNode* child = node.children; child != nullptr; child = child->next)
    AppendText(*child, 0, text);
  if (text.size() > kMaxImportCellBytes) text = Shortened(text, kMaxImportCellBytes);
  return TidyText(text);
}

// Elements called `name` below `node`, none inside another table, in order.
void Collect(const xmlNode& node, std::initializer_list<std::string_view> names, bool into_tables,
             int depth, std::vector<const xmlNode*>& found) {
  if (depth > kMaxDepth) return;
  for (const xmlNode* child = node.children; child != nullptr; child = child->next) {
    const std::string_view name = NameOf(*child);
    if (name.empty()) continue;
    if (IsAny(name, names)) found.push_back(child);
    if (name != "table" || into_tables) Collect(*child, names, into_tables, depth + 1, found);
  }
}

size_t SpanOf(const xmlNode& cell, const char* attribute) {
  const auto number = ParseNumber(Attribute(cell, attribute), kMaxSpan);
  return number ? std::max<size_t>(1, *number) : 1;
}

// A table as a grid: what spans rows stands in each of them.
class Grid {
 public:
  std::vector<std::string> Row(const xmlNode& row, bool* all_headings) {
    std::vector<const xmlNode*> cells;
    Collect(row, {"td", "th"}, false, 0, cells);
    std::vector<std::string> texts;
    *all_headings = !cells.empty();
    for (const xmlNode* cell : cells) {
      TakeHanging(texts);
      if (NameOf(*cell) != "th") *all_headings = false;
      const std::string text = TextOf(*cell);
      const size_t rows = SpanOf(*cell, "rowspan");
      for (size_t i = SpanOf(*cell, "colspan"); i > 0 && texts.size() < kMaxImportColumns; --i) {
        if (rows > 1) hanging_[texts.size()] = {text, rows};
        texts.push_back(text);
      }
    }
    TakeHanging(texts);
    for (auto each = hanging_.begin(); each != hanging_.end();) {
      each = --each->second.rows == 0 ? hanging_.erase(each) : std::next(each);
    }
    return texts;
  }

 private:
  struct Hanging {
    std::string text;
    size_t rows = 0;  // this one included
  };

  void TakeHanging(std::vector<std::string>& texts) {
    for (auto each = hanging_.find(texts.size()); each != hanging_.end();
         each = hanging_.find(texts.size()))
      texts.push_back(each->second.text);
  }

  std::map<size_t, Hanging> hanging_;  // by column
};

size_t LineOf(const xmlNode& node, size_t first) {
  const auto line = Library()->xmlGetLineNo(&node);
  return first + (line > 0 ? static_cast<size_t>(line) - 1 : 0);
}

std::string CaptionOf(const xmlNode& table) {
  std::vector<const xmlNode*> captions;
  Collect(table, {"caption"}, false, 0, captions);
  return captions.empty() ? "" : OneLine(TextOf(*captions.front()));
}

SummaryTable ReadTable(const xmlNode& node, size_t first, const std::string& heading) {
  SummaryTable table;
  const std::string caption = CaptionOf(node);
  table.heading = caption.empty() ? heading : caption;
  table.line = LineOf(node, first);
  std::vector<const xmlNode*> rows;
  Collect(node, {"tr"}, false, 0, rows);
  Grid grid;
  for (const xmlNode* row : rows) {
    bool headings = false;
    std::vector<std::string> cells = grid.Row(*row, &headings);
    if (cells.empty()) continue;
    // The first row names the columns, whatever its cells are called.
    if (table.columns.empty()) {
      table.columns = std::move(cells);
    } else if (table.rows.size() < kMaxImportRows + 1) {
      table.rows.push_back({LineOf(*row, first), std::move(cells)});
    }
  }
  return table;
}

}  // namespace

Result<void> LoadMarkupParser() { return Library() ? Result<void>() : Library().error(); }

std::string TextOfMarkup(std::string_view markup) {
  if (markup.find_first_of("<&") == std::string_view::npos) return TidyText(markup);
  // Inside an element, so that the parser does not look for a document's parts.
  const Document document = Parse("<div>" + std::string(markup) + "</div>");
  const xmlNode* root = document ? Library()->xmlDocGetRootElement(document.get()) : nullptr;
  return root != nullptr ? TextOf(*root) : std::string();
}

void ReadHtmlTables(std::string_view markup, size_t line, const std::string& heading,
                    TablesRead& read) {
  const Document document = Parse(markup);
  const xmlNode* root = document ? Library()->xmlDocGetRootElement(document.get()) : nullptr;
  std::vector<const xmlNode*> tables;
  if (root != nullptr) Collect(*root, {"table"}, true, 0, tables);
  if (tables.empty()) {
    read.problems.push_back({line, "this table cannot be read"});
    return;
  }
  for (const xmlNode* table : tables) {
    if (read.tables.size() == kMaxImportTables) return;
    read.tables.push_back(ReadTable(*table, line, heading));
  }
}

}  // namespace portmatrix
