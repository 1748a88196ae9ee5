// SPDX-License-Identifier: Apache-2.0
// `portmatrix help limits`: how large things may be, as the constants say it that refuse more.
#include "tools/limits_help.h"

#include <fmt/format.h>

#include <vector>

#include "agent/compile/matchers.h"
#include "agent/control_api.h"
#include "agent/policy/limits.h"
#include "maps/layout.h"
#include "tools/table.h"

namespace portmatrix {
namespace {

struct Limit {
  const char* what;
  size_t most;
  const char* remark;
};

constexpr Limit kOfANode[] = {
    {"rules", kMaxRules, "over all interfaces; `direction: both` counts twice"},
    {"counters", 0, "portmatrixd --max_rules: rules of all retained generations together"},
    {"interfaces", kMaxInterfaces, ""},
    {"devices", kMaxDevices, ""},
    {"different prefixes", kMaxPrefixes, "of all sets and rules"},
    {"prefixes named", kMaxNamedPrefixes, "those of every rule added up, and those of every set"},
    {"sets inside each other", kMaxSetDepth, ""},
    {"dynamic sets", kMaxLiveSets, ""},
    {"entries of a dynamic set", kMaxLiveEntries, "`max`; 65,536 where it is not written"},
    {"dynamic pairs", PM_MAX_LIVE_MATCHERS,
     "of dynamic sets as source and destination, in the rules of one direction of an interface"},
    {"Ethertypes", kMaxEthertypes, "on one interface's list"},
    {"conversations", 0, "portmatrixd --max_flows; the oldest makes room"},
};
constexpr Limit kOfTables[] = {
    {"axis words", kMaxAxisWords, "4 bytes each: classes of addresses by direction and interface"},
    {"table words", kMaxPairWords, "4 bytes each: pairs of address classes"},
    {"tree blocks", kMaxTreeBlocks, "64 bytes each: services"},
};
constexpr Limit kOfFiles[] = {
    {"bytes of a document", kMaxDocumentBytes, ""},
    {"bytes of a list file", kMaxListBytes, ""},
    {"bytes of a policy", kMaxPolicyBytes, "all files"},
    {"files of a policy", kMaxFiles, ""},
    {"bytes of documents to the agent", kMaxDocumentsBytes, ""},
    {"bytes of lists to the agent", kMaxListsBytes, ""},
    {"YAML depth", kMaxYamlDepth, ""},
    {"bytes of a name", kMaxNameBytes, ""},
    {"errors told of a list file", kMaxListErrors, ""},
};

std::string Grouped(size_t number) {
  std::string text = std::to_string(number);
  for (size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

template <size_t kCount>
std::string TableOf(const char* title, const Limit (&limits)[kCount]) {
  std::vector<std::vector<std::string>> rows = {{title, "AT MOST", ""}};
  for (const Limit& limit : limits)
    rows.push_back({limit.what, limit.most == 0 ? "a flag" : Grouped(limit.most), limit.remark});
  return AlignedTable(rows, {1}) + "\n";
}

}  // namespace

std::string LimitsHelp() {
  return "What exceeds a limit is refused before the kernel is touched, with the figure and what "
         "to "
         "do.\n\n" +
         TableOf("OF A NODE", kOfANode) + TableOf("OF ITS TABLES", kOfTables) +
         TableOf("OF FILES", kOfFiles);
}

}  // namespace portmatrix
