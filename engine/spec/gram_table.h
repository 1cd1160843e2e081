// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "telemetry/base/ids.h"

namespace pitwall::engine {

/// Of a run of tokens; never 0.
uint64_t run_hash(std::span<const TokenId> run);

/// Where each run of `length` tokens of one sequence ended last. Holds positions only and compares with the sequence
/// itself, so a hash that two runs share costs a look and gives no wrong answer.
class GramTable {
  public:
    explicit GramTable(uint32_t length) : length_(length) {}

    uint32_t length() const { return length_; }
    /// The run that ends before `end` occurs there; tokens[end] is what followed. Precondition: end >= length().
    void add(std::span<const TokenId> tokens, uint32_t end);
    /// The position after the last occurrence that was added of the run at the end of `tokens`; 0: none.
    uint32_t find(std::span<const TokenId> tokens) const;

  private:
    size_t slot_of(std::span<const TokenId> tokens, std::span<const TokenId> run) const;
    void grow(std::span<const TokenId> tokens);

    uint32_t length_;
    size_t used_ = 0;
    std::vector<uint32_t> ends_;  ///< open addressing; a power of two of slots, 0: free
};

}  // namespace pitwall::engine
