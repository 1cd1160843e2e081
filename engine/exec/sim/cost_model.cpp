// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/sim/cost_model.h"

#include <algorithm>
#include <cmath>

namespace pitwall::engine {

StepCost CostModel::cost(const StepPlan& plan) const {
    double tokens = 0, sampled = 0, pairs = 0, context = 0;
    for (const SequenceSlice& slice : plan.slices) {
        const auto fresh = static_cast<double>(slice.tokens.size());
        tokens += fresh;
        sampled += slice.samples;
        pairs += fresh * (slice.first_position + (fresh + 1) / 2);
        context += slice.first_position + fresh;
    }
    const double matrix_flops = 2 * (tokens * static_cast<double>(config_.layer_macs()) +
                                     sampled * static_cast<double>(config_.head_macs()));
    const double attention_flops = 4.0 * pairs * config_.num_layers * config_.num_heads * config_.head_dim;
    const double weight_bytes = plan.slices.empty() ? 0 : static_cast<double>(weight_bytes_);
    const double kv_bytes = (context + tokens) * kv_bytes_per_token_;
    const double copy_bytes =
        2.0 * static_cast<double>(plan.copies.size()) * kBlockTokens * kv_bytes_per_token_;

    StepCost cost;
    cost.submit_ns = profile_.submit_ns;
    cost.sample_ns = static_cast<int64_t>(sampled) * profile_.sample_ns_per_token;
    cost.flops = matrix_flops + attention_flops;
    cost.bytes = weight_bytes + kv_bytes + copy_bytes;
    if (profile_.token_ns > 0) {
        cost.copy_ns = static_cast<int64_t>(plan.copies.size()) * profile_.copy_ns;
        cost.execute_ns =
            plan.slices.empty() ? 0 : profile_.step_ns + static_cast<int64_t>(tokens) * profile_.token_ns;
        return cost;
    }
    const double bandwidth = profile_.bytes_per_s * profile_.stream_efficiency;
    const double matrices_s = std::max(matrix_flops / (profile_.flops_per_s * profile_.matrix_efficiency),
                                       weight_bytes / bandwidth);
    const double attention_s = std::max(
        attention_flops / (profile_.flops_per_s * profile_.attention_efficiency), kv_bytes / bandwidth);
    cost.execute_ns = static_cast<int64_t>(std::ceil((matrices_s + attention_s) * 1e9));
    if (!plan.slices.empty()) cost.execute_ns += profile_.layer_launch_ns * config_.num_layers;
    cost.copy_ns = static_cast<int64_t>(std::ceil(copy_bytes / bandwidth * 1e9));
    return cost;
}

int64_t CostModel::conversion_ns(size_t blocks, uint64_t from_bytes, uint64_t to_bytes) const {
    if (profile_.token_ns > 0) return static_cast<int64_t>(blocks) * profile_.copy_ns;
    const double bytes = static_cast<double>(blocks) * static_cast<double>(from_bytes + to_bytes);
    return static_cast<int64_t>(std::ceil(bytes / (profile_.bytes_per_s * profile_.stream_efficiency) * 1e9));
}

}  // namespace pitwall::engine
