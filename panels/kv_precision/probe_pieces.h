// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <set>
#include <tuple>
#include <vector>

#include "telemetry/store/store.h"

namespace pitwall::panels {

/// Which samples of the quality probe are the first of their piece: of that stretch of text, in that KV format and with those
/// activations. Older recordings tell some pieces again and again, each time with the same divergence.
class ProbePieces {
  public:
    explicit ProbePieces(const telemetry::Store& store);
    /// True for the first of a piece among those given.
    bool add(const telemetry::ProbeRow& row);

  private:
    double activations_at(int64_t t_ns) const;

    std::vector<telemetry::KnobChange> changes_;  ///< of activations
    std::set<std::tuple<RequestId, uint32_t, telemetry::KvDtype, double>> seen_;
};

}  // namespace pitwall::panels
