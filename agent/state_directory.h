// SPDX-License-Identifier: Apache-2.0
// What the agent knows beyond a reboot: each generation that was ever a candidate (the last 32),
// and which one is confirmed, the truth to come up with.
//
//   generations/12.json          number, node, fingerprint, time, who, why, names of the files;
//   never changed sources/FINGERPRINT.json     the files themselves; generations of equal content
//   share one confirmed                    number of the confirmed generation outcomes.json what
//   became of each: {"12":"confirmed","13":"rolled-back"} detached                     there:
//   `portmatrix detach` took everything down, and only `apply` brings it back lock held by the
//   agent that uses the directory
//
// A file that cannot be read or does not match its fingerprint is reported by complaints(), and
// passed over.
#ifndef PORTMATRIX_AGENT_STATE_DIRECTORY_H_
#define PORTMATRIX_AGENT_STATE_DIRECTORY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/datapath/file_descriptor.h"
#include "agent/datapath/result.h"
#include "agent/durable_file.h"
#include "agent/policy/source.h"
#include "agent/stored_generation.h"

namespace portmatrix {

inline constexpr size_t kKeptGenerations = 32;

class StateDirectory {
 public:
  // Creates what is missing. Fails with EWOULDBLOCK if another agent holds it.
  static Result<std::unique_ptr<StateDirectory>> Open(const std::string& path);

  const std::string& path() const { return path_; }
  const std::vector<std::string>& complaints() const { return complaints_; }
  const std::map<uint64_t, StoredGeneration>& generations() const { return generations_; }
  std::optional<uint64_t> confirmed() const { return confirmed_; }
  bool detached() const { return detached_; }
  // Of all generations ever stored here, also of damaged ones.
  uint64_t highest_number() const { return highest_number_; }

  // The files of a candidate on their way to the disk, which takes its time. `sources` outlive it.
  std::unique_ptr<DurableDraft> Draft(const Sources& sources) const;
  // Returns when all of it is on the disk. Then forgets the oldest beyond kKeptGenerations, but
  // none of `kept`.
  Result<void> Store(const StoredGeneration& generation, DurableDraft& sources,
                     const std::set<uint64_t>& kept);
  // The same for a generation whose files are stored already, under another number.
  Result<void> StoreAnother(const StoredGeneration& generation, const std::set<uint64_t>& kept);
  // Forgets a generation that never was in force.
  Result<void> Discard(uint64_t number);
  // The files of a generation, as they were stored: an error if they do not match its fingerprint.
  Result<Sources> LoadSources(uint64_t number) const;

  // Returns when it is on the disk.
  Result<void> Confirm(uint64_t number);
  Result<void> Conclude(uint64_t number, Outcome outcome);
  Result<void> SetDetached(bool detached);
  // The same from outside, where no agent runs: `portmatrix detach`.
  static Result<void> MarkDetached(const std::string& path, bool detached);

 private:
  StateDirectory(std::string path, FileDescriptor lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  void ReadAll();
  void ReadGenerations();
  void ReadConfirmed();
  void ReadOutcomes();
  std::string OutcomesText() const;
  void Remember(const StoredGeneration& generation, const std::set<uint64_t>& kept);
  void Forget(const std::set<uint64_t>& kept);
  std::string Folder(const char* name) const { return path_ + "/" + name; }

  std::string path_;
  FileDescriptor lock_;
  std::map<uint64_t, StoredGeneration> generations_;
  std::optional<uint64_t> confirmed_;
  uint64_t highest_number_ = 0;
  bool detached_ = false;
  std::vector<std::string> complaints_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_STATE_DIRECTORY_H_
