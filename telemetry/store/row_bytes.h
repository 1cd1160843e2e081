// SPDX-License-Identifier: GPL-3.0-or-later
//
// What rows cost, as the store's budget counts it. Private to the store.
#pragma once

#include <string>

#include "telemetry/store/store.h"

namespace pitwall::telemetry {

inline constexpr size_t kMapNodeBytes = 48;

/// Of a request, without its tokens.
inline size_t row_bytes() { return sizeof(RequestRow) + kMapNodeBytes; }
inline size_t text_bytes(const std::string& text) {
    return sizeof(std::string) + kMapNodeBytes + text.size();
}
inline size_t step_bytes(const StepRow& row) {
    return sizeof(row) + row.members.capacity() * sizeof(StepMemberRow) +
           row.drafts.capacity() * sizeof(DraftRow);
}
/// Doubling leaves a quarter of a vector unused on average.
inline size_t token_bytes(size_t tokens) { return tokens * sizeof(RequestRow::Token) * 4 / 3; }

}  // namespace pitwall::telemetry
