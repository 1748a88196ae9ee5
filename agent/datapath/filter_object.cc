// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/filter_object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <nettle/sha2.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <sstream>

#include "maps/event_layout.h"
#include "portmatrix.skel.h"

namespace portmatrix {
namespace {

// libbpf's words of the load under way, kept for the error.
thread_local std::string* complaints = nullptr;

int Complain(enum libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG || complaints == nullptr) return 0;
  char line[512];
  vsnprintf(line, sizeof line, format, arguments);
  *complaints += line;
  return 0;
}

// The last line that says why: the verifier's, not libbpf's around it.
std::string LastLine(const std::string& text) {
  std::string last;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty() && !line.starts_with("libbpf: ") && !line.starts_with("processed ") &&
        !line.starts_with("--"))
      last = line;
  return last;
}

std::string Advice(int code) {
  switch (code) {
    case EPERM:
    case EACCES:
      return "needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON";
    case EINVAL:
    case ENOTSUP:
      return "the oldest supported kernel is Linux 6.1";
    case ENOMEM:
      return "not enough memory for the maps: give smaller --max_rules or --max_flows";
    default:
      return "";
  }
}

std::vector<std::string> NamesIn(const struct ::pm_filter& skeleton) {
  std::vector<std::string> names;
  struct bpf_map* map;
  bpf_object__for_each_map(map, skeleton.obj) {
    if (!bpf_map__is_internal(map)) names.emplace_back(bpf_map__name(map));
  }
  return names;
}

// A pinned map must be what this program expects, or its words would be read wrongly.
Result<void> TakeOver(struct bpf_map* map, int fd) {
  bpf_map_info found{};
  uint32_t size = sizeof found;
  const std::string name = std::string("map ") + bpf_map__name(map);
  if (bpf_obj_get_info_by_fd(fd, &found, &size) != 0) return Error{"describe", name, errno, ""};
  if (found.type != bpf_map__type(map) || found.key_size != bpf_map__key_size(map) ||
      found.value_size != bpf_map__value_size(map))
    return Error{"take over", name, 0,
                 "it was pinned by another version with another layout: `portmatrix detach --yes` "
                 "first"};
  if (const int failed = bpf_map__reuse_fd(map, fd); failed != 0)
    return Error{"take over", name, -failed, "pinned by another version?"};
  return {};
}

}  // namespace

std::array<uint8_t, PM_FINGERPRINT_BYTES> ProgramFingerprint() {
  size_t size = 0;
  const void* bytes = pm_filter__elf_bytes(&size);
  std::array<uint8_t, PM_FINGERPRINT_BYTES> digest{};
  sha256_ctx context{};
  sha256_init(&context);
  sha256_update(&context, size, static_cast<const uint8_t*>(bytes));
  sha256_digest(&context, digest.size(), digest.data());
  return digest;
}

FilterObject::FilterObject(struct ::pm_filter* skeleton) : skeleton_(skeleton) {}
FilterObject::~FilterObject() { pm_filter__destroy(skeleton_); }

Result<std::unique_ptr<FilterObject>> FilterObject::Load(
    Purpose purpose, const DatapathSizes& sizes,
    const std::function<int(const std::string& map)>& existing) {
  // Kernels before 5.11 charge maps to this limit, and libbpf probes for it; harmless where it is
  // not needed.
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &unlimited);
  libbpf_set_print(Complain);
  std::string said;
  complaints = &said;
  struct Quiet {
    ~Quiet() { complaints = nullptr; }
  } quiet;

  std::unique_ptr<FilterObject> object(new FilterObject(pm_filter__open()));
  struct ::pm_filter* skeleton = object->skeleton_;
  if (skeleton == nullptr) return Error{"open", "the BPF object", errno, LastLine(said)};
  if (purpose == Purpose::kSimulation) {
    skeleton->rodata->clock_is_given = 1;
    skeleton->rodata->writes_reports = 1;
    skeleton->rodata->asks_sockets = 0;
    // Nobody listens to it but a test.
    bpf_map__set_max_entries(skeleton->maps.events, static_cast<uint32_t>(sysconf(_SC_PAGESIZE)));
  }
  bpf_map__set_max_entries(skeleton->maps.rule_counters, sizes.rules);
  bpf_map__set_max_entries(skeleton->maps.names, sizes.rules);
  bpf_map__set_max_entries(skeleton->maps.flows, sizes.flows);
  bpf_map__set_max_entries(skeleton->maps.fragments, sizes.fragments);
  for (const std::string& name : NamesIn(*skeleton)) {
    const int fd = existing(name);
    if (fd < 0) continue;
    struct bpf_map* map = bpf_object__find_map_by_name(skeleton->obj, name.c_str());
    if (auto taken = TakeOver(map, fd); !taken) return taken.error();
  }
  // Budgets for as many rules as are counted, also where those maps are there already.
  const uint32_t sources =
      PM_EVENT_SOURCES_OF_REASONS + bpf_map__max_entries(skeleton->maps.rule_counters);
  for (struct bpf_map* map : {skeleton->maps.event_budgets, skeleton->maps.suppressed_events})
    if (bpf_map__fd(map) < 0) bpf_map__set_max_entries(map, sources);
  if (const int failed = pm_filter__load(skeleton); failed != 0) {
    const std::string advice = Advice(-failed);
    const std::string why = LastLine(said);
    return Error{"load", "the BPF programs", -failed,
                 why.empty() ? advice : advice + "; the verifier says: " + why};
  }
  return object;
}

int FilterObject::xdp_program() const { return bpf_program__fd(skeleton_->progs.pm_xdp); }
int FilterObject::tc_program() const { return bpf_program__fd(skeleton_->progs.pm_tc); }

std::vector<std::string> FilterObject::MapNames() {
  const FilterObject object(pm_filter__open());
  return object.skeleton_ == nullptr ? std::vector<std::string>() : NamesIn(*object.skeleton_);
}

int FilterObject::map(const std::string& name) const {
  return bpf_object__find_map_fd_by_name(skeleton_->obj, name.c_str());
}

}  // namespace portmatrix
