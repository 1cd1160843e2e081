// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/exec/cpu/kernels/attention_kernels.h"
#include "engine/exec/executor.h"

namespace pitwall::engine::cpu {

inline constexpr uint32_t kTileBlocks = kAttentionTile / kBlockTokens;
inline constexpr uint32_t kChunkBlocks = kAttentionChunk / kBlockTokens;
inline constexpr uint32_t kChunkTiles = kAttentionChunk / kAttentionTile;

/// The tokens of one sequence in a batch: rows [first_row, first_row + tokens) of the activations.
struct SequenceRows {
    uint32_t first_row, tokens, first_position;
    std::span<const BlockId> block_table;
};

/// KV that several sequences of a batch look at, found by their block tables: each such run of blocks is read once for up
/// to so many tokens of them. In whole tiles at the beginning of a chunk, which the tokens all lie behind.
class SharedReads {
  public:
    /// The first `tiles` tiles of a chunk, for the tokens of members [first_member, first_member + members).
    struct Read {
        uint32_t chunk, tiles, first_member, members, tokens;
        uint32_t first_row;  ///< of its results, a row a token
    };
    /// What of a chunk is read for one sequence, and the row of its first token's results; no tiles: nothing.
    struct Part {
        uint32_t tiles = 0, first_row = 0;
    };

    /// Sequences of more than `most_own_tokens` read for themselves. `most_tokens` bounds those of a read.
    void plan(std::span<const SequenceRows> sequences, uint32_t most_own_tokens, uint32_t most_tokens);

    std::span<const Read> reads() const { return reads_; }
    /// Numbers of sequences.
    std::span<const uint32_t> members(const Read& read) const {
        return std::span(members_).subspan(read.first_member, read.members);
    }
    Part part(uint32_t sequence, uint32_t chunk) const {
        const auto& own = parts_[sequence];
        return chunk < own.size() ? own[chunk] : Part{};
    }
    uint32_t rows() const { return rows_; }

  private:
    void plan_chunk(uint32_t chunk, uint32_t most_tokens);
    void add_read(uint32_t chunk, std::span<const uint32_t> members);
    uint32_t common_tiles(uint32_t chunk, std::span<const uint32_t> members) const;

    std::span<const SequenceRows> sequences_;
    std::vector<uint32_t> candidates_;  ///< that may share this chunk
    std::vector<Read> reads_;
    std::vector<uint32_t> members_;
    std::vector<std::vector<Part>> parts_;  ///< by sequence and chunk
    uint32_t rows_ = 0;
};

}  // namespace pitwall::engine::cpu
