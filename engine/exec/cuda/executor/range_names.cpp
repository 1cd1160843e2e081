// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/range_names.h"

#include <fmt/format.h>

#include <span>

#include "engine/exec/executor.h"

namespace pitwall::cuda {

std::string name_of(const abi::Plan& plan) {
    if (plan.step == raw(engine::kNoStep)) return "drafts";
    return fmt::format("{} {}", plan.num_slices > 0 ? "step" : "moves before step", plan.step);
}

std::string words_of(const abi::Plan& plan, const std::string& name) {
    if (plan.num_slices == 0) return fmt::format("{}: {} blocks", name, plan.num_copies);
    uint64_t tokens = 0;
    for (const abi::Slice& slice : std::span(plan.slices, plan.num_slices)) tokens += slice.num_tokens;
    return fmt::format("{}: {} sequences, {} tokens", name, plan.num_slices, tokens);
}

}  // namespace pitwall::cuda
