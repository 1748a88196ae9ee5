// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/map_pins.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <system_error>

#include "agent/datapath/file_descriptor.h"

namespace portmatrix {
namespace {

namespace fs = std::filesystem;

const std::set<std::string> kUnpinned = {"given_clock", "reports"};
const std::set<std::string> kForReaders = {
    "control",     "rule_counters", "reason_counters", "seen_counters", "faults",      "retired",
    "retirements", "names",         "owners",          "generations",   "attachments", "identity"};
constexpr const char* kNeeded[] = {"control",     "devices", "fronts",      "tables",
                                   "names",       "owners",  "generations", "attachments",
                                   "retirements", "identity"};

// The program that is pinned, or else one that a pinned link holds on a device.
FileDescriptor FindProgram(const Pins& pins) {
  for (const char* hook : {"xdp", "tc"}) {
    FileDescriptor program(bpf_obj_get(pins.Program(hook).c_str()));
    if (program.valid()) return program;
  }
  for (const char* hook : {"xdp", "tc"}) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(pins.Links(hook), ignored)) {
      const FileDescriptor link(bpf_obj_get(entry.path().c_str()));
      bpf_link_info found{};
      uint32_t size = sizeof found;
      if (!link.valid() || bpf_obj_get_info_by_fd(link.get(), &found, &size) != 0) continue;
      FileDescriptor program(bpf_prog_get_fd_by_id(found.prog_id));
      if (program.valid()) return program;
    }
  }
  return FileDescriptor();
}

std::vector<uint32_t> MapsOf(int program) {
  bpf_prog_info described{};
  uint32_t size = sizeof described;
  if (bpf_obj_get_info_by_fd(program, &described, &size) != 0) return {};
  std::vector<uint32_t> ids(described.nr_map_ids);
  described = {};
  described.nr_map_ids = static_cast<uint32_t>(ids.size());
  described.map_ids = reinterpret_cast<uintptr_t>(ids.data());
  size = sizeof described;
  if (bpf_obj_get_info_by_fd(program, &described, &size) != 0) return {};
  return ids;
}

}  // namespace

bool IsPinned(const std::string& map) { return !kUnpinned.contains(map); }

bool IsForReaders(const std::string& map) { return kForReaders.contains(map); }

std::vector<std::string> MissingOf(const Pins& pins) {
  std::vector<std::string> missing;
  for (const char* name : kNeeded)
    if (access(pins.Map(name).c_str(), F_OK) != 0) missing.emplace_back(name);
  return missing;
}

Result<std::vector<std::string>> RestoreFromPrograms(const Pins& pins) {
  std::vector<std::string> restored;
  const FileDescriptor program = FindProgram(pins);
  if (!program.valid()) return restored;
  for (const uint32_t id : MapsOf(program.get())) {
    const FileDescriptor map(bpf_map_get_fd_by_id(id));
    bpf_map_info described{};
    uint32_t size = sizeof described;
    if (!map.valid() || bpf_obj_get_info_by_fd(map.get(), &described, &size) != 0) continue;
    const std::string name = described.name;
    // The object's own sections have dots in their names.
    if (!IsPinned(name) || name.find('.') != std::string::npos) continue;
    if (access(pins.Map(name).c_str(), F_OK) == 0) continue;
    if (auto done = Pins::Pin(map.get(), pins.Map(name), IsForReaders(name)); !done)
      return done.error();
    restored.push_back(name);
  }
  return restored;
}

}  // namespace portmatrix
