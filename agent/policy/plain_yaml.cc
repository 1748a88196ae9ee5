// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/plain_yaml.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <unordered_set>
#include <utility>

#include "agent/policy/yaml_text.h"

namespace portmatrix {
namespace {

// Nested deeper, or longer, is the library's matter: its limits are then not met here.
constexpr size_t kMaxDepth = 32;
constexpr size_t kMaxLength = 1000;
// From here on keys are compared by their hashes.
constexpr size_t kManyKeys = 16;

enum ByteClass : uint8_t {
  kWord = 1,       // letters, digits, `_`, and what is no ASCII: may begin a value or a key
  kKey = 2,        // may stand in a key
  kBlockMark = 4,  // may end plain text in a block
  kFlowMark = 8,   // may end plain text in a flow list, or may not stand in it
};

constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> classes{};
  for (size_t byte = 0; byte < classes.size(); ++byte) {
    const bool is_word = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                         (byte >= 'A' && byte <= 'Z') || byte == '_' || byte >= 0x80;
    if (is_word) classes[byte] = kWord | kKey;
  }
  for (const uint8_t byte : {'-', '.', '/'}) classes[byte] = kKey;
  for (const uint8_t byte : {'\n', ' ', ':', '#'}) classes[byte] = kBlockMark | kFlowMark;
  // Quotes: what underlines a flow list would take them for the beginning of quoted text.
  for (const uint8_t byte : {',', '[', ']', '{', '}', '?', '\'', '"'}) classes[byte] = kFlowMark;
  return classes;
}();

bool Is(char byte, ByteClass one) { return (kClasses[static_cast<uint8_t>(byte)] & one) != 0; }
bool IsBracketOrComma(char byte) {
  return byte == ',' || byte == '[' || byte == ']' || byte == '{' || byte == '}';
}

// Every function returns false where it meets what it does not know; the reading then ends.
class PlainReader {
 public:
  PlainReader(std::string_view text, uint32_t file) : text_(text), file_(file) {}

  bool Read(std::vector<YamlNode>* documents) {
    FindContent();
    while (!ended()) {
      if (column() != 0) return false;
      if (Peek() == '-') {
        if (text_.substr(at_, 3) != "---") return false;
        at_ += 3;
        if (!EndLine()) return false;
        continue;
      }
      if (!BlockMap(0, 0)) return false;
      documents->push_back(std::move(values_.TakeFrom(0)[0]));
      // Only a new document may follow.
      if (!ended() && Peek() != '-') return false;
    }
    return true;
  }

 private:
  bool ended() const { return at_ >= text_.size(); }
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\n';
  }
  size_t column() const { return at_ - line_start_; }
  bool AtItem() const { return Peek() == '-' && Peek(1) == ' '; }
  bool AtValueMark() const { return Peek() == ':' && (Peek(1) == ' ' || Peek(1) == '\n'); }

  Span SpanOf(size_t begin, size_t length) const {
    return Span{file_, line_, static_cast<uint32_t>(begin - line_start_ + 1),
                static_cast<uint32_t>(length)};
  }

  void SkipBlanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  void SkipWhile(ByteClass one) {
    while (at_ < text_.size() && Is(text_[at_], one)) ++at_;
  }
  // Was there anything to skip?
  bool SkipUntil(ByteClass one) {
    const size_t before = at_;
    while (at_ < text_.size() && !Is(text_[at_], one)) ++at_;
    return at_ > before;
  }
  void SkipLine() { at_ = std::min(text_.find('\n', at_), text_.size()); }
  // Onto the first byte of the next line.
  void BreakLine() {
    if (ended()) return;
    line_start_ = ++at_;
    ++line_;
  }

  // From the start of a line to the first byte that is neither blank nor comment.
  void FindContent() {
    for (; !ended(); BreakLine()) {
      SkipBlanks();
      if (Peek() == '#') SkipLine();
      if (Peek() != '\n') return;
    }
  }

  // Behind a value: nothing but a comment on its line; then to the next content.
  bool EndLine() {
    const size_t end = at_;
    SkipBlanks();
    if (Peek() == '#') {
      if (at_ == end) return false;
      SkipLine();
    }
    if (Peek() != '\n') return false;
    BreakLine();
    FindContent();
    return true;
  }

  // The functions that read a value leave it behind the others in `values_`.

  bool BlockMap(size_t indent, size_t depth) {
    if (depth >= kMaxDepth) return false;
    const Opened opened = Open(UnderlinedLength(text_, at_, false));
    do {
      if (!Key() || !ValueOfKey(indent, depth)) return false;
    } while (!ended() && column() == indent && Peek() != '-');
    return (ended() || column() < indent || Peek() == '-') && CloseMap(opened);
  }

  bool BlockList(size_t indent, size_t depth) {
    if (depth >= kMaxDepth) return false;
    const Opened opened = Open(UnderlinedLength(text_, at_, false));
    do {
      ++at_;
      SkipBlanks();
      if (!Item(indent, depth)) return false;
    } while (!ended() && column() == indent && AtItem());
    if (!ended() && column() > indent) return false;
    CloseList(opened);
    return true;
  }

  bool Item(size_t indent, size_t depth) {
    const size_t begin = at_;
    if (Is(Peek(), kWord)) SkipWhile(kKey);
    const bool is_map = at_ > begin && AtValueMark();
    at_ = begin;
    return is_map ? BlockMap(column(), depth + 1) : Inline(indent, depth);
  }

  bool Key() {
    if (!Is(Peek(), kWord)) return false;
    const size_t begin = at_;
    SkipWhile(kKey);
    if (!AtValueMark() || at_ - begin > kMaxLength) return false;
    SetText(begin, at_, &keys_.Add());
    ++at_;
    return true;
  }

  bool ValueOfKey(size_t indent, size_t depth) {
    const size_t behind = at_;
    SkipBlanks();
    if (Peek() != '\n' && Peek() != '#') return Inline(indent, depth);
    at_ = behind;
    const Span key = keys_.last().span;
    if (!EndLine()) return false;
    if (!ended() && column() >= indent && AtItem()) return BlockList(column(), depth + 1);
    if (!ended() && column() > indent) return BlockMap(column(), depth + 1);
    values_.Add().span = key;
    return true;
  }

  // A value on the line of its key or dash, in a block of `indent`.
  bool Inline(size_t indent, size_t depth) {
    if (Peek() == '[' || Peek() == '{') return Flow(depth + 1) && EndLine();
    if (Peek() == '"' || Peek() == '\'') return Quoted() && EndLine();
    if (!BeginsPlain()) return false;
    const size_t begin = at_;
    size_t end = begin;  // behind the last byte that is not blank
    while (true) {
      if (SkipUntil(kBlockMark)) end = at_;
      if (Peek() == '\n' || (Peek() == '#' && end < at_)) break;
      if (AtValueMark()) return false;
      if (Peek() != ' ') end = at_ + 1;
      ++at_;
    }
    if (!AddText(begin, end)) return false;
    at_ = end;
    // What is indented further would belong to the value.
    return EndLine() && (ended() || column() <= indent);
  }

  bool Flow(size_t depth) {
    if (depth >= kMaxDepth) return false;
    const bool is_map = Peek() == '{';
    const char closing = is_map ? '}' : ']';
    const size_t begin = at_;
    Opened opened = Open(1);
    ++at_;
    if (!SkipFlowBlanks()) return false;
    while (Peek() != closing) {
      if (is_map && !(Key() && SkipFlowBlanks())) return false;
      if (!FlowValue(depth) || !SkipFlowBlanks()) return false;
      if (Peek() == ',') {
        ++at_;
        if (!SkipFlowBlanks()) return false;
      } else if (Peek() != closing) {
        return false;
      }
    }
    ++at_;
    if (line_ == opened.span.line) {
      if (at_ - begin > kMaxLength) return false;
      opened.span.length = static_cast<uint32_t>(at_ - begin);
    }
    if (is_map) return CloseMap(opened);
    CloseList(opened);
    return true;
  }

  bool FlowValue(size_t depth) {
    if (Peek() == '[' || Peek() == '{') return Flow(depth + 1);
    if (Peek() == '"' || Peek() == '\'') return Quoted();
    if (!BeginsPlain()) return false;
    const size_t begin = at_;
    size_t end = begin;
    while (true) {
      if (SkipUntil(kFlowMark)) end = at_;
      const char mark = Peek();
      if (mark == '\n' || mark == ',' || mark == ']' || mark == '}') break;
      if ((mark == ':' && !AtValueMark() && !IsBracketOrComma(Peek(1))) ||
          (mark == '#' && end == at_)) {
        end = at_ + 1;
      } else if (mark != ' ') {
        return false;
      }
      ++at_;
    }
    return AddText(begin, end);
  }

  // Between the marks of a flow list: blanks, lines, comments.
  bool SkipFlowBlanks() {
    while (true) {
      const size_t before = at_;
      SkipBlanks();
      if (ended()) return false;
      if (Peek() == '#') {
        if (at_ == before && column() != 0) return false;
        SkipLine();
      }
      if (Peek() != '\n') return column() != 0;
      BreakLine();
      if (ended()) return false;
    }
  }

  bool BeginsPlain() const {
    if (Is(Peek(), kWord) || Peek() == '/' || Peek() == '~') return true;
    return Peek() == ':' && Peek(1) != ' ' && Peek(1) != '\n' && !IsBracketOrComma(Peek(1));
  }

  // In quotes that end on the line, with nothing that quotes write differently.
  bool Quoted() {
    const char quote = Peek();
    const size_t begin = at_++;
    while (Peek() != quote) {
      if (Peek() == '\n' || Peek() == '\\') return false;
      ++at_;
    }
    ++at_;
    if (Peek() == quote || !AddText(begin, at_)) return false;
    YamlNode& text = values_.last();
    text.quoted = true;
    text.text.assign(text_.substr(begin + 1, at_ - begin - 2));
    return true;
  }

  bool AddText(size_t begin, size_t end) {
    if (end - begin > kMaxLength) return false;
    SetText(begin, end, &values_.Add());
    return true;
  }

  void SetText(size_t begin, size_t end, YamlNode* node) const {
    node->kind = YamlNode::Kind::kText;
    node->text.assign(text_.data() + begin, end - begin);
    node->span = SpanOf(begin, end - begin);
  }

  // ---- Lists and maps ----

  // Nodes of the lists and maps that are open, the innermost last. They are used again and again.
  class Pool {
   public:
    size_t size() const { return used_; }
    YamlNode& last() { return nodes_[used_ - 1]; }

    YamlNode& Add() {
      if (used_ == nodes_.size()) nodes_.resize(2 * used_ + 16);
      YamlNode& node = nodes_[used_++];
      node.kind = YamlNode::Kind::kAbsent;
      node.quoted = false;
      node.text.clear();
      return node;
    }

    // Those from number `first` on.
    std::vector<YamlNode> TakeFrom(size_t first) {
      const auto begin = nodes_.begin() + static_cast<ptrdiff_t>(first);
      const auto end = nodes_.begin() + static_cast<ptrdiff_t>(used_);
      used_ = first;
      return {std::make_move_iterator(begin), std::make_move_iterator(end)};
    }

   private:
    std::vector<YamlNode> nodes_;
    size_t used_ = 0;
  };

  struct Opened {
    Span span;
    size_t keys = 0;  // sizes of the pools
    size_t values = 0;
  };

  Opened Open(size_t length) const { return {SpanOf(at_, length), keys_.size(), values_.size()}; }

  void CloseList(const Opened& opened) {
    std::vector<YamlNode> items = values_.TakeFrom(opened.values);
    YamlNode& list = values_.Add();
    list.kind = YamlNode::Kind::kList;
    list.span = opened.span;
    list.items = std::move(items);
  }

  bool CloseMap(const Opened& opened) {
    std::vector<YamlNode> items = values_.TakeFrom(opened.values);
    YamlNode& map = values_.Add();
    map.kind = YamlNode::Kind::kMap;
    map.span = opened.span;
    map.items = std::move(items);
    map.keys = keys_.TakeFrom(opened.keys);
    return !HasTwins(map.keys);
  }

  static bool HasTwins(const std::vector<YamlNode>& keys) {
    if (keys.size() < kManyKeys) {
      for (size_t i = 1; i < keys.size(); ++i)
        for (size_t j = 0; j < i; ++j)
          if (keys[i].text == keys[j].text) return true;
      return false;
    }
    std::unordered_set<std::string_view> seen;
    return !std::ranges::all_of(keys,
                                [&](const YamlNode& key) { return seen.insert(key.text).second; });
  }

  const std::string_view text_;
  const uint32_t file_;
  size_t at_ = 0;
  size_t line_start_ = 0;
  uint32_t line_ = 1;
  Pool keys_, values_;
};

}  // namespace

std::optional<std::vector<YamlNode>> ReadPlainYaml(std::string_view text, uint32_t file) {
  // Tabs and Windows' line ends are blanks and breaks only in some places.
  if (text.find_first_of("\t\r") != std::string_view::npos) return std::nullopt;
  std::vector<YamlNode> documents;
  PlainReader reader(text, file);
  if (!reader.Read(&documents)) return std::nullopt;
  return documents;
}

}  // namespace portmatrix
