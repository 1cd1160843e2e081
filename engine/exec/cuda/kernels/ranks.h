// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the ranks of a model have computed by themselves, put together.
#pragma once

#include <cstdint>

#include "engine/exec/cuda/runtime/runtime.h"

namespace pitwall::cuda {

/// out[i] += parts[0][i] + parts[1][i] + ..., added up in that order whatever the count.
struct AddPartsArgs {
    const float* parts;  ///< [num_parts, count]
    float* out;          ///< [count]
    uint64_t count;
    uint32_t num_parts;
};
void add_parts(Stream& stream, const AddPartsArgs& args);

/// out[row][i] = parts[i / each][row][i % each]: columns that were cut into equal pieces, the last one less full.
struct JoinColumnsArgs {
    const float* parts;  ///< [any, rows, each]
    float* out;          ///< [rows, columns]
    uint32_t rows, each, columns;
};
void join_columns(Stream& stream, const JoinColumnsArgs& args);

}  // namespace pitwall::cuda
