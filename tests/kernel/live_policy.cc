// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/live_policy.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "agent/compile/compile.h"
#include "agent/datapath/file_descriptor.h"
#include "agent/fingerprint.h"
#include "agent/policy/reader.h"
#include "agent/policy/resolve.h"
#include "agent/sources_json.h"

namespace portmatrix {
namespace {

constexpr DatapathSizes kSizes{.rules = 64, .flows = 1024, .fragments = 256};
constexpr const char* kDevice = "pmt0";

void Need(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

template <typename T>
T Good(Result<T> result) {
  Need(result.ok(), result.ok() ? "" : result.error().Text());
  return std::move(*result);
}

// Without IPv6 the kernel sends nothing by itself.
void MakeDevice() {
  Need(unshare(CLONE_NEWNET) == 0, "no network namespace");
  for (const char* which : {"all", "default"}) {
    std::ofstream file(fmt::format("/proc/sys/net/ipv6/conf/{}/disable_ipv6", which));
    Need(!(file << 1 << std::flush).fail(), "IPv6 stays on");
  }
  Need(std::system("ip link add pmt0 type veth peer name pmt1 && ip addr add 192.0.2.1/24 dev pmt0 "
                   "&& ip link set pmt0 up && ip link set pmt1 up && ip link set lo up && "
                   "ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev pmt0") == 0,
       "no device");
}

sockaddr_in Endpoint(const char* address, uint16_t port) {
  sockaddr_in endpoint{};
  endpoint.sin_family = AF_INET;
  endpoint.sin_port = htons(port);
  inet_pton(AF_INET, address, &endpoint.sin_addr);
  return endpoint;
}

std::string Hex(const std::vector<uint8_t>& bytes, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

bool IsPerProcessor(uint32_t type) {
  return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH ||
         type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

std::string MapContents(const std::string& path) {
  const FileDescriptor map(bpf_obj_get(path.c_str()));
  bpf_map_info described{};
  uint32_t size = sizeof described;
  Need(bpf_obj_get_info_by_fd(map.get(), &described, &size) == 0, path);
  if (described.type == BPF_MAP_TYPE_RINGBUF) return "";  // it has no keys
  size_t value_bytes = described.value_size;
  if (IsPerProcessor(described.type)) {
    value_bytes = (value_bytes + 7) / 8 * 8 * static_cast<size_t>(libbpf_num_possible_cpus());
  }
  std::vector<uint8_t> key(described.key_size), next(described.key_size), value(value_bytes);
  std::vector<std::string> entries;  // hash tables have no order
  for (bool first = true;
       bpf_map_get_next_key(map.get(), first ? nullptr : key.data(), next.data()) == 0;
       first = false) {
    key = next;
    if (bpf_map_lookup_elem(map.get(), key.data(), value.data()) != 0) continue;
    if (std::ranges::all_of(value, [](uint8_t byte) { return byte == 0; })) continue;
    entries.push_back(Hex(key, key.size()) + "=" + Hex(value, value.size()));
  }
  std::ranges::sort(entries);
  return fmt::format("{}", fmt::join(entries, "\n"));
}

}  // namespace

LivePolicy::LivePolicy(const std::string& name)
    : pin_root_(fmt::format("/sys/fs/bpf/portmatrix-{}-{}", name, getpid())) {
  MakeDevice();
  datapath_ = Good(KernelDatapath::Open(pin_root_, kSizes));
}

LivePolicy::~LivePolicy() {
  if (const auto removed = datapath_->Remove(); !removed)
    fmt::print(stderr, "{}\n", removed.error().Text());
}

void LivePolicy::Install(const std::string& text, uint64_t deadline_milliseconds) {
  Sources sources;
  sources.documents.push_back({"live.yaml", "live.yaml", text});
  Diagnostics diagnostics;
  const Policy policy = ReadPolicy(sources, diagnostics);
  auto node = ResolveNode(policy, sources, "live", std::time(nullptr), diagnostics);
  Need(node && !diagnostics.has_errors(), Render(sources, diagnostics));
  for (Interface& interface : node->interfaces) interface.xdp = XdpMode::kAny;

  Numbering numbering = Good(datapath_->ReadNumbering());
  std::string what;
  Need(NumberNode(*node, datapath_->limits(), &numbering, &what), what);
  auto compiled = Compile(*node, numbering, ++generation_, &what);
  Need(compiled.has_value(), what);
  Generation generation;
  generation.record.number = generation_;
  generation.record.installed_at = static_cast<uint64_t>(std::time(nullptr)) * 1'000'000'000;
  node->name.copy(generation.record.node, sizeof generation.record.node - 1);
  const Fingerprint fingerprint = FingerprintOf(sources, node->name);
  std::ranges::copy(fingerprint, generation.record.fingerprint);
  generation.image = std::move(compiled->image);
  for (const Interface& interface : node->interfaces) {
    generation.interfaces.push_back(interface.name);
    for (const Rule& rule : interface.rules) generation.rules.push_back({rule.key, rule.direction});
  }
  generation.devices = {kDevice};

  std::filesystem::create_directories(state_.path() + "/sources");
  state_.Write("sources/" + ToHex(fingerprint) + ".json", ToJson(sources).dump());
  const uint32_t before = PM_CONTROL_JUDGING(Control()), slot = (before + 1) % PM_SLOTS;
  const auto installed = datapath_->Install(slot, generation, numbering);
  Need(installed.ok(), installed.ok() ? "" : installed.error().Text());
  Good(datapath_->Attach(kDevice, numbering.devices.at(kDevice), XdpMode::kAny));
  Swap(slot, before, deadline_milliseconds);
}

void LivePolicy::Swap(uint32_t judging, uint32_t previous, uint64_t deadline) {
  const uint64_t word = Control();
  const auto state = deadline == 0 ? PM_CONTROL_SETTLED : PM_CONTROL_PENDING;
  Need(Good(datapath_->SwapControl(
           word, PM_CONTROL(judging, previous, state, PM_CONTROL_SEQUENCE(word) + 1, deadline))),
       "the control word changed meanwhile");
}

uint64_t LivePolicy::MillisecondsSinceBoot() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

void LivePolicy::Send(uint16_t from_port, uint16_t to_port) const {
  const FileDescriptor sender(socket(AF_INET, SOCK_DGRAM, 0));
  const sockaddr_in from = Endpoint("192.0.2.1", from_port), to = Endpoint("192.0.2.2", to_port);
  Need(bind(sender.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0, "bind");
  Need(sendto(sender.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 1,
       "send");
}

uint64_t LivePolicy::Control() const { return Good(datapath_->ReadControl()); }

std::map<std::string, std::string> LivePolicy::Contents() const {
  std::map<std::string, std::string> contents;
  for (const auto& entry : std::filesystem::directory_iterator(pin_root_ + "/maps")) {
    contents[entry.path().filename()] = MapContents(entry.path());
  }
  return contents;
}

Ran LivePolicy::Run(const std::string& words) const {
  return RunCommand(fmt::format("{} --pin_root {}", words, pin_root_));
}

}  // namespace portmatrix
