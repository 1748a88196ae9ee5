// SPDX-License-Identifier: Apache-2.0
#include "tools/import/service_cell.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "agent/policy/scalar.h"
#include "agent/policy/service_reader.h"
#include "tools/import/plain_text.h"
#include "tools/import/port_text.h"

namespace portmatrix {
namespace {

struct Transport {
  std::string_view word;  // in small letters
  const char* protocol;
};
// Protocols with ports: a cell that names one of them says which ports, too.
constexpr Transport kWithPorts[] = {{"tcp", "tcp"}, {"udp", "udp"}, {"sctp", "sctp"}};
// Looked for only where none of those is named, because roles are called so as well.
constexpr Transport kWithoutPorts[] = {{"icmpv6", "icmpv6"}, {"icmp", "icmp"}, {"esp", "50"},
                                       {"ah", "51"},         {"gre", "47"},    {"igmp", "2"},
                                       {"ospf", "89"},       {"vrrp", "112"}};

struct Found {
  size_t at = 0;
  size_t length = 0;
  const char* protocol = nullptr;
};

bool IsLetter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

// Words of letters, with the digits of `icmpv6`; "TCP443" is the word TCP before a number.
template <size_t kCount>
std::vector<Found> FindWords(std::string_view text, const Transport (&words)[kCount]) {
  const std::string lowered = Lowered(text);
  std::vector<Found> found;
  for (size_t at = 0; at < lowered.size();) {
    if (!IsLetter(lowered[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < lowered.size() && IsLetter(lowered[end])) ++end;
    if (lowered.compare(at, 6, "icmpv6") == 0) end = at + 6;
    for (const Transport& each : words) {
      if (lowered.compare(at, end - at, each.word) == 0)
        found.push_back({at, end - at, each.protocol});
    }
    at = end;
  }
  return found;
}

// Transports that only slashes, commas and small words keep apart, and the texts around them.
struct Cut {
  struct List {
    std::vector<std::string> protocols;
    std::string_view after;  // up to the next list
  };
  std::string_view before;
  std::vector<List> lists;
};

bool OnlyJoins(std::string_view gap) {
  std::string rest = Lowered(gap);
  for (const char* word : {"and", "or"}) {
    const size_t at = rest.find(word);
    if (at != std::string::npos) rest.erase(at, std::string_view(word).size());
  }
  return rest.find_first_not_of(" /,&+;|\n") == std::string::npos;
}

Cut CutAt(std::string_view text, const std::vector<Found>& found) {
  Cut cut;
  cut.before = text.substr(0, found.front().at);
  for (size_t i = 0; i < found.size(); ++i) {
    const size_t end = found[i].at + found[i].length;
    const size_t next = i + 1 < found.size() ? found[i + 1].at : text.size();
    const std::string_view gap = text.substr(end, next - end);
    const bool joins =
        i > 0 && OnlyJoins(text.substr(found[i - 1].at + found[i - 1].length,
                                       found[i].at - found[i - 1].at - found[i - 1].length));
    if (!joins) cut.lists.emplace_back();
    Cut::List& list = cut.lists.back();
    if (std::ranges::find(list.protocols, found[i].protocol) == list.protocols.end())
      list.protocols.emplace_back(found[i].protocol);
    list.after = gap;
  }
  return cut;
}

// Takes a small word with its blanks off an end of the text.
std::string_view WithoutWord(std::string_view text, std::string_view word, bool at_end) {
  if (text.size() < word.size()) return text;
  const std::string_view part =
      at_end ? text.substr(text.size() - word.size()) : text.substr(0, word.size());
  if (Lowered(part) != word) return text;
  const std::string_view rest =
      at_end ? text.substr(0, text.size() - word.size()) : text.substr(word.size());
  const char neighbour = rest.empty() ? ' ' : (at_end ? rest.back() : rest.front());
  return IsLetter(neighbour) ? text : rest;
}

// What joins a port to its neighbours, taken off both ends.
std::string_view PortPart(std::string_view text) {
  constexpr std::string_view kJoints = " /,;:|&+\n";
  text = Trimmed(text, kJoints);
  for (const char* word : {"and", "or"}) text = Trimmed(WithoutWord(text, word, true), kJoints);
  for (const char* word : {"ports", "port"}) {
    text = Trimmed(WithoutWord(text, word, false), kJoints);
    text = Trimmed(WithoutWord(text, word, true), kJoints);
  }
  if (text.size() >= 2 && text.front() == '(' && text.back() == ')')
    text = Trimmed(text.substr(1, text.size() - 2));
  return text;
}

std::string_view RolePart(std::string_view text) {
  text = Trimmed(text, " /,;:|-\n(");
  for (const char* word : {"over", "on", "port", "ports"}) {
    text = Trimmed(WithoutWord(text, word, true), " /,;:|-\n(");
  }
  return text;
}

// Where a port list at the end of `before` begins; its size if there is none.
size_t TrailingNumber(std::string_view before) {
  size_t at = before.find_last_not_of("0123456789 ,.'-/(:\n");
  at = at == std::string_view::npos ? 0 : at + 1;
  const size_t digit = before.find_first_of("0123456789", at);
  if (digit == std::string_view::npos) return before.size();
  // Digits that end a word, as in "H323", are none of it.
  return digit == at && at > 0 ? before.size() : digit;
}

void AddService(const std::vector<std::string>& protocols, std::string_view ports,
                ServiceCell& cell) {
  PortsRead read = ReadPortText(ports);
  if (!read.problem.empty() && cell.problem.empty()) cell.problem = std::move(read.problem);
  cell.services.push_back({protocols, std::move(read.ports), {}});
}

ServiceCell ReadTransports(std::string_view text, const std::vector<Found>& found) {
  const Cut cut = CutAt(text, found);
  ServiceCell cell;
  const std::string_view last = Trimmed(cut.lists.back().after, " /:)\n");
  const size_t number = TrailingNumber(cut.before);
  const bool ports_first = last.empty() && number < cut.before.size();
  if (!ports_first && number < cut.before.size() &&
      !Trimmed(cut.before.substr(number), " /(").empty() && !last.empty()) {
    cell.problem =
        fmt::format("`{}` stands before the transport, `{}` behind it: which is the port?",
                    Trimmed(cut.before.substr(number), " /(,"), OneLine(std::string(last)));
  }
  cell.role = RolePart(ports_first ? cut.before.substr(0, number) : cut.before);
  for (size_t i = 0; i < cut.lists.size(); ++i) {
    std::string_view ports = cut.lists[i].after;
    if (ports_first) ports = i == 0 ? cut.before.substr(number) : cut.lists[i - 1].after;
    ports = PortPart(Trimmed(ports, ports_first ? " ()/,;" : ""));
    if (ports.empty()) {
      cell.problem = fmt::format("no port for {}", cut.lists[i].protocols.front());
      return cell;
    }
    AddService(cut.lists[i].protocols, ports, cell);
  }
  return cell;
}

ServiceCell ReadPortless(std::string_view text, const Found& found) {
  ServiceCell cell;
  cell.role = RolePart(text.substr(0, found.at));
  CellService service{{found.protocol}, {}, {}};
  const bool icmp = found.protocol == std::string_view("icmp");
  const bool icmpv6 = found.protocol == std::string_view("icmpv6");
  std::string rest = Lowered(Trimmed(text.substr(found.at + found.length), " /,;:()"));
  if ((icmp || icmpv6) && (rest == "echo" || rest == "echo request" || rest == "ping")) {
    service.icmp_type = icmp ? uint8_t{8} : uint8_t{128};
  } else if ((icmp || icmpv6) && rest.starts_with("type ")) {
    const auto type = ParseNumber(rest.substr(5), 255);
    if (type) service.icmp_type = static_cast<uint8_t>(*type);
    if (!type) cell.problem = fmt::format("`{}` is no ICMP type", rest);
  } else if (!rest.empty() && rest != "any" && rest != "all" && rest != "*" && rest != "n/a" &&
             rest != "-") {
    cell.problem = fmt::format("`{}` behind {} is not understood", OneLine(rest),
                               text.substr(found.at, found.length));
  }
  cell.services.push_back(std::move(service));
  return cell;
}

// "IP protocol 50", "protocol 47", "IP/50".
std::optional<ServiceCell> ReadNumbered(std::string_view text) {
  const std::string lowered = Lowered(text);
  for (const std::string_view phrase : {"ip protocol", "protocol", "ip/"}) {
    const size_t at = lowered.rfind(phrase);
    if (at == std::string::npos || (at > 0 && IsLetter(lowered[at - 1]))) continue;
    const auto number = ParseNumber(Trimmed(lowered.substr(at + phrase.size()), " /:"), 255);
    if (!number) continue;
    ServiceCell cell;
    cell.role = RolePart(text.substr(0, at));
    cell.services.push_back({{ProtocolWord(static_cast<uint8_t>(*number))}, {}, {}});
    return cell;
  }
  return std::nullopt;
}

}  // namespace

ServiceCell ReadServiceCell(std::string_view text) {
  text = Trimmed(text);
  if (text.empty()) return {"", {}, "no protocol and no port"};
  if (const auto found = FindWords(text, kWithPorts); !found.empty())
    return ReadTransports(text, found);
  if (const auto found = FindWords(text, kWithoutPorts); found.size() == 1)
    return ReadPortless(text, found.front());
  if (auto numbered = ReadNumbered(text)) return std::move(*numbered);
  std::string whole = Lowered(text);
  std::erase_if(whole, [](char c) { return c == '/' || c == ' '; });
  if (whole == "any" || whole == "all" || whole == "anyany" || whole == "ipany" || whole == "*")
    return {"", {{{"any"}, {}, {}}}, ""};
  return {
      std::string(text), {}, fmt::format("`{}` names no transport", OneLine(std::string(text)))};
}

}  // namespace portmatrix
