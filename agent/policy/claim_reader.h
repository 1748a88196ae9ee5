// SPDX-License-Identifier: Apache-2.0
// Reads which packets an expectation means that means more than one: `from`, `to`, `protocol` and
// the services as in a rule (`port` and `source_port` stand for one of `ports` and `source_ports`),
// without those of `except`: a map, or a list of maps, of the same keys, none of them required.
#ifndef PORTMATRIX_AGENT_POLICY_CLAIM_READER_H_
#define PORTMATRIX_AGENT_POLICY_CLAIM_READER_H_

#include "agent/policy/diagnostic.h"
#include "agent/policy/fields.h"
#include "agent/policy/policy.h"

namespace portmatrix {

WrittenClaim ReadClaim(Fields& fields, Diagnostics& diagnostics);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_CLAIM_READER_H_
