// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who computes which rows of a step's attention: the lists that attend() reads, made on the host.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/exec/cuda/kernels/attention.h"

namespace pitwall::cuda {

/// A sequence's rows in a step: tokens at positions [first_position, first_position + tokens).
struct StepSequence {
    uint32_t first_row, tokens, first_position;
    std::span<const uint32_t>
        blocks;  ///< of its table: at least those that hold these and all earlier positions
};

struct AttentionPlan {
    std::vector<SequenceRows> sequences;
    std::vector<uint32_t> tables;
    std::vector<AttendItem> decode_items, prefill_items;  ///< what takes longest first
    std::vector<uint32_t> row_parts;                      ///< [rows, 2]
    uint32_t parts = 0;                                   ///< of all rows
    uint32_t most_parts = 0;                              ///< of a row
};

/// `rows`: of the step, those of no sequence among them. `group`: query heads of a KV head, up to kPrefillRows.
AttentionPlan plan_attention(std::span<const StepSequence> sequences, uint32_t rows, uint32_t group);

/// The most parts a plan may have where no step has more than `rows` rows of up to `sequences` sequences, and no sequence
/// gets beyond `positions`.
uint32_t most_attention_parts(uint32_t rows, uint32_t sequences, uint32_t positions, uint32_t group);

}  // namespace pitwall::cuda
