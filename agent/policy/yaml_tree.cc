// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "agent/policy/limits.h"
#include "agent/policy/plain_yaml.h"
#include "agent/policy/utf8.h"
#include "agent/policy/yaml_advice.h"
#include "agent/policy/yaml_text.h"

namespace portmatrix {
namespace {

// Ends the parsing of a file whose diagnostic has been written.
struct Refused {};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, uint32_t file, Diagnostics& diagnostics)
      : text_(text), file_(file), diagnostics_(diagnostics) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    const std::string_view rest = text_.substr(std::min(At(mark), text_.size()));
    const bool marked =
        rest.starts_with("---") &&
        (rest.size() == 3 || std::string_view(" \t\r\n").find(rest[3]) != std::string_view::npos);
    if (!first_document_ && !marked) {
      diagnostics_.Error("syntax", SpanAt(mark), "this does not belong to what stands above it",
                         "indent it like its neighbours, or begin a new document with `---`");
      throw Refused();
    }
    first_document_ = false;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const bool fresh = Seen(mark);
    CheckPlain(mark, anchor);
    YamlNode node;
    node.span = SpanAt(mark);
    const std::string_view word = fresh ? NullWordAt(text_, At(mark)) : std::string_view();
    if (!word.empty()) {
      node.kind = YamlNode::Kind::kText;
      node.text = word;
      open_null_ = true;
    }
    Attach(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Seen(mark);
    Unsupported(mark, "aliases are not supported", "write the value out, or name it as a set");
    Attach(TextNode(mark, ""));
  }

  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                const std::string& value) override {
    Seen(mark);
    CheckPlain(mark, anchor);
    Attach(TextNode(mark, value));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { Close(); }

  // The document that ended last.
  YamlNode TakeRoot() { return std::exchange(root_, YamlNode()); }

  // The list or map that is open, or null.
  const YamlNode* innermost() const { return open_.empty() ? nullptr : &open_.back().node; }

  Span SpanAt(const YAML::Mark& mark) const {
    // The parser counts on behind the last byte where an escape is cut off by the end of the file.
    if (At(mark) > text_.size()) return End();
    return Span{file_, static_cast<uint32_t>(mark.line + 1), static_cast<uint32_t>(mark.column + 1),
                static_cast<uint32_t>(UnderlinedLength(text_, At(mark), InsideFlow()))};
  }

 private:
  struct Level {
    YamlNode node;
    std::vector<YamlNode> children;  // of a map: key, value, key, value
    bool flow = false;
  };

  // The place behind the last byte.
  Span End() const {
    const size_t before = text_.rfind('\n');
    const size_t last_line = before == std::string_view::npos ? 0 : before + 1;
    return Span{file_, static_cast<uint32_t>(1 + std::ranges::count(text_, '\n')),
                static_cast<uint32_t>(text_.size() - last_line + 1), 1};
  }

  static size_t At(const YAML::Mark& mark) { return static_cast<size_t>(std::max(mark.pos, 0)); }

  bool InsideFlow() const { return !open_.empty() && open_.back().flow; }

  // The parser reports an absent value at the place of its neighbour. So a null word counts only if
  // no other event has the same place: true if none before had, and a null before that this event
  // proves absent is corrected.
  bool Seen(const YAML::Mark& mark) {
    const auto at = static_cast<int64_t>(mark.pos);
    if (at == last_at_ && open_null_) {
      YamlNode& null = open_.empty() ? root_ : open_.back().children.back();
      null.kind = YamlNode::Kind::kAbsent;
      null.text.clear();
      open_null_ = false;
      return true;
    }
    open_null_ = false;
    const bool fresh = at > last_at_;
    last_at_ = std::max(at, last_at_);
    return fresh;
  }

  void Unsupported(const YAML::Mark& mark, std::string message, std::string hint) {
    diagnostics_.Error("unsupported-yaml", SpanAt(mark), std::move(message), std::move(hint));
  }

  void CheckPlain(const YAML::Mark& mark, YAML::anchor_t anchor) {
    const YamlStyle style = StyleAt(text_, At(mark));
    if (anchor != YAML::NullAnchor) {
      Unsupported(mark, "anchors are not supported", "remove it; name what you share as a set");
    } else if (style == YamlStyle::kTag) {
      Unsupported(mark, "tags are not supported",
                  "remove it; values get their type from the policy's schema");
    }
  }

  YamlNode TextNode(const YAML::Mark& mark, std::string value) {
    const YamlStyle style = StyleAt(text_, At(mark));
    YamlNode node;
    node.kind = YamlNode::Kind::kText;
    node.text = std::move(value);
    node.span = SpanAt(mark);
    node.quoted = style == YamlStyle::kSingleQuoted || style == YamlStyle::kDoubleQuoted ||
                  style == YamlStyle::kBlock;
    // yaml-cpp takes the end of the file for a closing quote.
    if ((style == YamlStyle::kSingleQuoted || style == YamlStyle::kDoubleQuoted) &&
        !QuotedEnd(text_, At(mark))) {
      diagnostics_.Error("syntax", node.span, "this quote is never closed",
                         "close it where the value ends");
      throw Refused();
    }
    return node;
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YamlNode::Kind kind) {
    Seen(mark);
    last_at_ =
        static_cast<int64_t>(mark.pos) - 1;  // its first key or item may stand at its own place
    if (anchor != YAML::NullAnchor || (!tag.empty() && tag != "?")) CheckPlain(mark, anchor);
    if (open_.size() >= kMaxYamlDepth) {
      diagnostics_.Error(
          "too-deep", SpanAt(mark),
          fmt::format("more than {} lists and maps inside each other", kMaxYamlDepth),
          "no policy needs that; is a bracket missing?");
      throw Refused();
    }
    Level level;
    level.node.kind = kind;
    level.node.span = SpanAt(mark);
    level.flow = InsideFlow() || StyleAt(text_, At(mark)) == YamlStyle::kFlow;
    open_.push_back(std::move(level));
  }

  void Close() {
    open_null_ = false;
    Level level = std::move(open_.back());
    open_.pop_back();
    if (level.node.kind == YamlNode::Kind::kList) {
      level.node.items = std::move(level.children);
    } else {
      MakeMap(level);
    }
    Attach(std::move(level.node));
  }

  void MakeMap(Level& level) {
    std::map<std::string, Span> seen;
    for (size_t i = 0; i + 1 < level.children.size(); i += 2) {
      YamlNode& key = level.children[i];
      if (key.kind != YamlNode::Kind::kText) {
        diagnostics_.Error("unsupported-yaml", key.span, "a key must be a word");
        continue;
      }
      const auto [twin, added] = seen.emplace(key.text, key.span);
      if (!added) {
        diagnostics_
            .Error("duplicate-key", key.span, fmt::format("key `{}` stands here twice", key.text),
                   "remove one of them")
            .notes.push_back({twin->second, "the first one"});
        continue;
      }
      YamlNode& value = level.children[i + 1];
      if (value.kind == YamlNode::Kind::kAbsent) value.span = key.span;
      level.node.keys.push_back(std::move(key));
      level.node.items.push_back(std::move(value));
    }
  }

  void Attach(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
    } else {
      open_.back().children.push_back(std::move(node));
    }
  }

  const std::string_view text_;
  const uint32_t file_;
  Diagnostics& diagnostics_;
  std::vector<Level> open_;
  YamlNode root_;
  bool first_document_ = true;
  int64_t last_at_ = -1;
  bool open_null_ = false;  // the event before was a null with a word
};

bool IndentedByTab(std::string_view text, const YAML::Mark& mark) {
  const auto at = std::min(static_cast<size_t>(std::max(mark.pos, 0)), text.size());
  const std::string_view before = text.substr(0, at);
  const std::string_view indent = before.substr(before.rfind('\n') + 1);
  return indent.find('\t') != std::string_view::npos &&
         indent.find_first_not_of(" \t") == std::string_view::npos;
}

void ReportSyntax(const YAML::ParserException& failure, std::string_view text,
                  const TreeBuilder& builder, Diagnostics& diagnostics) {
  const Span span = builder.SpanAt(failure.mark);
  const YamlAdvice* advice =
      FindYamlAdvice(IndentedByTab(text, failure.mark) ? kYamlTab : failure.msg);
  if (advice == nullptr) {
    diagnostics.Error("syntax", span, fmt::format("not YAML: {}", failure.msg));
    return;
  }
  const bool at_opening = advice->at_opening && builder.innermost() != nullptr;
  diagnostics.Error("syntax", at_opening ? builder.innermost()->span : span,
                    std::string(advice->message), std::string(advice->hint));
}

}  // namespace

const YamlNode* YamlNode::Find(std::string_view key) const {
  const auto found = std::ranges::find(keys, key, &YamlNode::text);
  return found == keys.end() ? nullptr : &items[static_cast<size_t>(found - keys.begin())];
}

namespace {

// Without the byte order mark; nothing, and a diagnostic, where the text cannot be YAML at all.
std::optional<std::string_view> Legible(std::string_view text, uint32_t file,
                                        Diagnostics& diagnostics) {
  if (text.size() > kMaxDocumentBytes) {
    diagnostics.Error("too-large", Span{file, 0, 0, 1},
                      fmt::format("the file has {} bytes, {} more than the limit of {}",
                                  text.size(), text.size() - kMaxDocumentBytes, kMaxDocumentBytes),
                      "split it; put long address lists into list files (`file: PATH` in a set)");
    return std::nullopt;
  }
  if (!CheckText(text, file, diagnostics)) return std::nullopt;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

YamlFile ParseLegible(std::string_view text, uint32_t file, Diagnostics& diagnostics) {
  YamlFile result;
  result.whole = false;
  std::istringstream stream{std::string(text)};
  TreeBuilder builder(text, file, diagnostics);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
      YamlNode root = builder.TakeRoot();
      if (root.kind != YamlNode::Kind::kAbsent) result.documents.push_back(std::move(root));
    }
    result.whole = true;
  } catch (const Refused&) {
  } catch (const YAML::ParserException& failure) {
    ReportSyntax(failure, text, builder, diagnostics);
  }
  return result;
}

}  // namespace

YamlFile ParseYaml(std::string_view text, uint32_t file, Diagnostics& diagnostics) {
  const auto legible = Legible(text, file, diagnostics);
  if (!legible) return {.documents = {}, .whole = false};
  if (auto documents = ReadPlainYaml(*legible, file))
    return {.documents = std::move(*documents), .whole = true};
  return ParseLegible(*legible, file, diagnostics);
}

YamlFile ParseYamlByLibrary(std::string_view text, uint32_t file, Diagnostics& diagnostics) {
  const auto legible = Legible(text, file, diagnostics);
  if (!legible) return {.documents = {}, .whole = false};
  return ParseLegible(*legible, file, diagnostics);
}

}  // namespace portmatrix
