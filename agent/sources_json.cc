// SPDX-License-Identifier: Apache-2.0
#include "agent/sources_json.h"

#include <fmt/format.h>

#include <cstddef>
#include <utility>
#include <vector>

#include "agent/json_text.h"
#include "agent/policy/limits.h"

namespace portmatrix {
namespace {

using nlohmann::json;

json FilesToJson(const std::vector<SourceFile>& files) {
  json array = json::array();
  for (const SourceFile& file : files)
    array.push_back({{"path", file.path}, {"root", file.root}, {"text", file.text}});
  return array;
}

bool AppendFiles(const std::vector<SourceFile>& files, std::string* to) {
  *to += '[';
  for (const SourceFile& file : files) {
    *to += to->back() == '[' ? "{" : ",{";
    for (const auto& [key, text] :
         {std::pair<const char*, std::string_view>{"\"path\":", file.path},
          {",\"root\":", file.root},
          {",\"text\":", file.text}}) {
      *to += key;
      if (!AppendStrictJsonText(text, to)) return false;
    }
    *to += '}';
  }
  *to += ']';
  return true;
}

class FilesReader {
 public:
  explicit FilesReader(std::string* what) : what_(what) {}

  bool Read(const json& object, const char* key, size_t max_bytes, std::vector<SourceFile>* files) {
    if (!object.contains(key) || !object[key].is_array())
      return Fail(fmt::format("`{}` is not a list", key));
    for (const json& item : object[key]) {
      if (!item.is_object() || item.size() != 3)
        return Fail(fmt::format("`{}` holds something that is no {{path, root, text}}", key));
      SourceFile file;
      for (const auto& [name, field] : {std::pair{"path", &SourceFile::path},
                                        {"root", &SourceFile::root},
                                        {"text", &SourceFile::text}}) {
        const auto found = item.find(name);
        if (found == item.end() || !found->is_string())
          return Fail(fmt::format("a file in `{}` has no text `{}`", key, name));
        file.*field = found->get<std::string>();
      }
      if (file.text.size() > max_bytes)
        return Fail(fmt::format("{} has {} bytes, the limit is {}", file.path, file.text.size(),
                                max_bytes));
      bytes_ += file.text.size();
      if (bytes_ > kMaxPolicyBytes)
        return Fail(fmt::format("the files have more than {} bytes together", kMaxPolicyBytes));
      if (++count_ > kMaxFiles) return Fail(fmt::format("more than {} files", kMaxFiles));
      files->push_back(std::move(file));
    }
    return true;
  }

  bool Fail(std::string what) {
    *what_ = std::move(what);
    return false;
  }

 private:
  std::string* what_;
  size_t bytes_ = 0;
  size_t count_ = 0;
};

}  // namespace

json ToJson(const Sources& sources) {
  return {{"documents", FilesToJson(sources.documents)}, {"lists", FilesToJson(sources.lists)}};
}

bool AppendJson(const Sources& sources, std::string* to) {
  size_t bytes = 0;
  for (const auto* files : {&sources.documents, &sources.lists})
    for (const SourceFile& file : *files) bytes += file.text.size();
  to->reserve(to->size() + bytes + bytes / 16);  // line ends take two
  *to += R"({"documents":)";
  if (!AppendFiles(sources.documents, to)) return false;
  *to += R"(,"lists":)";
  if (!AppendFiles(sources.lists, to)) return false;
  *to += '}';
  return true;
}

std::optional<Sources> SourcesFromJson(const json& object, std::string* what) {
  FilesReader reader(what);
  Sources sources;
  if (!object.is_object() || object.size() != 2) {
    reader.Fail("`files` is not an object of `documents` and `lists`");
    return std::nullopt;
  }
  if (!reader.Read(object, "documents", kMaxDocumentBytes, &sources.documents) ||
      !reader.Read(object, "lists", kMaxListBytes, &sources.lists)) {
    return std::nullopt;
  }
  return sources;
}

}  // namespace portmatrix
