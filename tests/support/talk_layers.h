// SPDX-License-Identifier: Apache-2.0
// The layers of a talk's packet, with the options, extension headers and sizes that chance adds.
#ifndef PORTMATRIX_TESTS_SUPPORT_TALK_LAYERS_H_
#define PORTMATRIX_TESTS_SUPPORT_TALK_LAYERS_H_

#include <cstdint>
#include <optional>

#include "tests/support/packet_builder.h"
#include "tests/support/random.h"
#include "tests/support/talk.h"

namespace portmatrix {

struct Fragmenting {
  uint32_t identification = 0;
  uint16_t offset = 0;  // bytes
  bool more = false;
};

wire::Stack LinkLayers(Random& random, const Talk& talk);
// IP header and IPv6 extension headers. A fragment header stands among these, also (seldom) an
// atomic one.
wire::Stack NetworkLayers(Random& random, const pm_tuple& tuple,
                          const std::optional<Fragmenting>& fragmenting = std::nullopt);
// Transport header and payload; bare bytes for protocols without a layer.
wire::Stack TransportLayers(Random& random, const pm_tuple& tuple, uint8_t tcp_flags);
// Zeros that make the size of `transport` a multiple of 8, as in a fragment with more to come.
wire::Payload FragmentPadding(const wire::Stack& transport);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_SUPPORT_TALK_LAYERS_H_
