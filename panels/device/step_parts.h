// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <vector>

#include "panels/common/value_row.h"
#include "telemetry/store/step_sums.h"

namespace pitwall::panels {

/// Where the time of steps went: the parts of those whose kernels were timed, which sum to the steps' own length, or to
/// more where the clocks of device and host disagree: no part is below 0.
class StepParts {
  public:
    /// In the order of the bar: the device's own, the host's, and what is left.
    enum Part : size_t {
        kProduct,
        kAttention,
        kHead,
        kRowwise,
        kBetween,
        kSampling,
        kDrafting,
        kPlanning,
        kCommit,
        kRest,
        kParts
    };

    StepParts() = default;
    explicit StepParts(const telemetry::KernelSums& sums);

    double ns(Part part) const { return ns_.at(part); }  ///< in sum over the steps; never below 0
    double total_ns() const;
    /// Of every part that took any time: ms a step, and its share.
    std::vector<ValueRow> rows() const;
    static const char* color_token(Part part);

  private:
    ValueRow row(Part part) const;

    std::array<double, kParts> ns_{};
    double steps_ = 0;
};

/// What each kind of kernel does a second while it runs: bytes of weights and KV, operations, operations a byte.
std::vector<ValueRow> kernel_rates(const telemetry::KernelSums& sums);

}  // namespace pitwall::panels
