// SPDX-License-Identifier: Apache-2.0
#include "agent/state_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "agent/durable_file.h"
#include "agent/plain_json.h"
#include "agent/sources_json.h"

namespace portmatrix {
namespace {

using nlohmann::json;

constexpr char kGenerations[] = "generations";
constexpr char kSources[] = "sources";
constexpr char kOutcomes[] = "outcomes.json";

std::string GenerationName(uint64_t number) { return std::to_string(number) + ".json"; }
std::string SourcesName(const Fingerprint& fingerprint) { return ToHex(fingerprint) + ".json"; }

std::optional<uint64_t> ParseNumber(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<void> MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return Error{"create directory", path, errno, "give another one with --state_dir"};
  return {};
}

std::set<uint64_t> With(std::set<uint64_t> numbers, uint64_t number) {
  numbers.insert(number);
  return numbers;
}

std::string RecordText(const StoredGeneration& generation) {
  return ToJson(generation).dump(2) + "\n";
}

void RemoveUnfinished(const std::string& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.path().filename().string().starts_with(kUnfinishedPrefix))
      std::filesystem::remove(entry.path(), ignored);
  }
}

}  // namespace

Result<std::unique_ptr<StateDirectory>> StateDirectory::Open(const std::string& path) {
  // What is above it is as usual; what is in it is the owner's alone.
  std::error_code failed;
  const std::filesystem::path above = std::filesystem::path(path + "/").parent_path().parent_path();
  if (!above.empty()) std::filesystem::create_directories(above, failed);
  if (failed)
    return Error{"create directory", path, failed.value(), "give another one with --state_dir"};
  for (const std::string& folder : {path, path + "/" + kGenerations, path + "/" + kSources})
    if (Result<void> made = MakeFolder(folder); !made) return made.error();

  const std::string lock_path = path + "/lock";
  FileDescriptor lock(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) return Error{"open", lock_path, errno, ""};
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return Error{"lock", path, errno, "another portmatrixd uses it: give each its own --state_dir"};
  std::unique_ptr<StateDirectory> directory(new StateDirectory(path, std::move(lock)));
  directory->ReadAll();
  return directory;
}

void StateDirectory::ReadAll() {
  for (const std::string& folder : {path_, Folder(kGenerations), Folder(kSources)})
    RemoveUnfinished(folder);
  ReadGenerations();
  ReadOutcomes();
  ReadConfirmed();
  std::error_code ignored;
  highest_number_ = std::max(highest_number_, confirmed_.value_or(0));
  detached_ = std::filesystem::exists(Folder("detached"), ignored);
}

void StateDirectory::ReadGenerations() {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(Folder(kGenerations), failed)) {
    const auto number = ParseNumber(entry.path().stem().string());
    if (!number || entry.path().extension() != ".json") continue;
    highest_number_ = std::max(highest_number_, *number);
    const Result<std::string> text = ReadWhole(entry.path().string());
    if (!text) {
      complaints_.push_back(text.error().Text());
      continue;
    }
    auto generation = StoredGenerationFromJson(json::parse(*text, nullptr, false));
    if (!generation || generation->number != *number) {
      complaints_.push_back(
          fmt::format("{} is damaged and was passed over", entry.path().string()));
      continue;
    }
    generations_.emplace(*number, std::move(*generation));
  }
  if (failed)
    complaints_.push_back(fmt::format("read {}: {}", Folder(kGenerations), failed.message()));
}

void StateDirectory::ReadOutcomes() {
  const std::string path = Folder(kOutcomes);
  const Result<std::string> text = ReadWhole(path);
  if (!text) {
    if (text.error().code != ENOENT) complaints_.push_back(text.error().Text());
    return;
  }
  const json object = json::parse(*text, nullptr, false);
  if (!object.is_object()) {
    complaints_.push_back(path + " is damaged and was passed over");
    return;
  }
  for (const auto& [key, word] : object.items()) {
    const auto number = ParseNumber(key);
    const auto outcome = word.is_string() ? OutcomeFromWord(word.get<std::string>()) : std::nullopt;
    if (!number || !outcome) continue;
    const auto found = generations_.find(*number);
    if (found != generations_.end()) found->second.outcome = *outcome;
  }
}

void StateDirectory::ReadConfirmed() {
  const std::string path = Folder("confirmed");
  const Result<std::string> text = ReadWhole(path);
  const bool was_any = std::ranges::any_of(generations_, [](const auto& generation) {
    return generation.second.outcome == Outcome::kConfirmed;
  });
  if (!text && text.error().code == ENOENT && !was_any) return;
  if (text) confirmed_ = ParseNumber(*text);
  if (confirmed_) {
    const auto found = generations_.find(*confirmed_);
    if (found != generations_.end()) found->second.outcome = Outcome::kConfirmed;
    return;
  }
  for (const auto& [number, generation] : generations_)
    if (generation.outcome == Outcome::kConfirmed) confirmed_ = number;
  const std::string broken = text ? path + " is damaged" : text.error().Text();
  complaints_.push_back(
      broken +
      (confirmed_ ? fmt::format(": taking generation {}, the last that was confirmed", *confirmed_)
                  : ": no generation is known to be confirmed"));
}

std::unique_ptr<DurableDraft> StateDirectory::Draft(const Sources& sources) const {
  const auto text = [&sources]() -> Result<std::string> {
    std::string json;
    if (!AppendJson(sources, &json))
      return Error{"store", "the files of the policy", 0, "one is not UTF-8"};
    return json;
  };
  return std::make_unique<DurableDraft>(Folder(kSources), text);
}

Result<void> StateDirectory::Store(const StoredGeneration& generation, DurableDraft& sources,
                                   const std::set<uint64_t>& kept) {
  const std::string record = RecordText(generation);
  if (Result<void> done =
          WriteDurably(sources, SourcesName(generation.fingerprint),
                       {Folder(kGenerations), GenerationName(generation.number), record});
      !done)
    return done;
  Remember(generation, kept);
  return {};
}

Result<void> StateDirectory::StoreAnother(const StoredGeneration& generation,
                                          const std::set<uint64_t>& kept) {
  if (Result<void> done = WriteDurably(Folder(kGenerations), GenerationName(generation.number),
                                       RecordText(generation));
      !done)
    return done;
  Remember(generation, kept);
  return {};
}

void StateDirectory::Remember(const StoredGeneration& generation, const std::set<uint64_t>& kept) {
  generations_[generation.number] = generation;
  highest_number_ = std::max(highest_number_, generation.number);
  Forget(With(kept, generation.number));
}

Result<void> StateDirectory::Discard(uint64_t number) {
  generations_.erase(number);
  return RemoveDurably(Folder(kGenerations), GenerationName(number));
}

// What cannot be deleted now, or comes back with a crash, is tried again with the next generation.
void StateDirectory::Forget(const std::set<uint64_t>& kept) {
  size_t excess =
      generations_.size() > kKeptGenerations ? generations_.size() - kKeptGenerations : 0;
  std::error_code failed;
  for (auto at = generations_.begin(); at != generations_.end() && excess > 0;) {
    const bool needed = kept.contains(at->first) || confirmed_ == at->first;
    if (!needed)
      std::filesystem::remove(Folder(kGenerations) + "/" + GenerationName(at->first), failed);
    if (needed || failed) {
      ++at;
      continue;
    }
    at = generations_.erase(at);
    --excess;
  }
  std::set<std::string> named;
  for (const auto& [number, generation] : generations_)
    named.insert(SourcesName(generation.fingerprint));
  std::error_code ignored;
  std::vector<std::string> unnamed;
  for (const auto& entry : std::filesystem::directory_iterator(Folder(kSources), ignored)) {
    std::string name = entry.path().filename().string();
    if (!named.contains(name)) unnamed.push_back(std::move(name));
  }
  for (const std::string& name : unnamed)
    std::filesystem::remove(Folder(kSources) + "/" + name, ignored);
}

Result<Sources> StateDirectory::LoadSources(uint64_t number) const {
  const auto found = generations_.find(number);
  const std::string name = "generation " + std::to_string(number);
  if (found == generations_.end()) return Error{"load", name, ENOENT, ""};
  const Result<std::string> text =
      ReadWhole(Folder(kSources) + "/" + SourcesName(found->second.fingerprint));
  if (!text) return text.error();
  std::string what;
  std::optional<Sources> sources = SourcesFromJson(ParseJson(*text), &what);
  if (!sources) return Error{"load", name, 0, "its stored files are damaged"};
  if (FingerprintOf(*sources, found->second.node) != found->second.fingerprint)
    return Error{"load", name, 0, "its stored files do not match its fingerprint"};
  return std::move(*sources);
}

Result<void> StateDirectory::Confirm(uint64_t number) {
  const auto found = generations_.find(number);
  const Outcome before = found == generations_.end() ? Outcome::kConfirmed : found->second.outcome;
  if (found != generations_.end()) found->second.outcome = Outcome::kConfirmed;
  const std::string confirmed = std::to_string(number) + "\n", outcomes = OutcomesText();
  const std::array<DurableText, 2> files{
      {{path_, "confirmed", confirmed}, {path_, kOutcomes, outcomes}}};
  Result<void> done =
      WriteDurably(std::span(files).first(before == Outcome::kConfirmed ? 1 : files.size()));
  if (done)
    confirmed_ = number;
  else if (found != generations_.end())
    found->second.outcome = before;
  return done;
}

Result<void> StateDirectory::Conclude(uint64_t number, Outcome outcome) {
  const auto found = generations_.find(number);
  if (found == generations_.end() || found->second.outcome == outcome) return {};
  const Outcome before = std::exchange(found->second.outcome, outcome);
  Result<void> done = WriteDurably(path_, kOutcomes, OutcomesText());
  if (!done) found->second.outcome = before;
  return done;
}

std::string StateDirectory::OutcomesText() const {
  json object = json::object();
  for (const auto& [number, generation] : generations_)
    if (generation.outcome != Outcome::kCandidate)
      object[std::to_string(number)] = ToString(generation.outcome);
  return object.dump() + "\n";
}

Result<void> StateDirectory::SetDetached(bool detached) {
  if (detached == detached_) return {};
  Result<void> done = MarkDetached(path_, detached);
  if (done) detached_ = detached;
  return done;
}

Result<void> StateDirectory::MarkDetached(const std::string& path, bool detached) {
  return detached ? WriteDurably(path, "detached", "") : RemoveDurably(path, "detached");
}

}  // namespace portmatrix
