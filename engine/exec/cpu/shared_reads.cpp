// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/shared_reads.h"

#include <algorithm>

namespace pitwall::engine::cpu {
namespace {

/// Of that chunk, those that lie wholly before the sequence's tokens.
uint32_t past_tiles(const SequenceRows& sequence, uint32_t chunk) {
    const uint32_t tiles = sequence.first_position / kAttentionTile;
    return tiles <= chunk * kChunkTiles ? 0 : std::min(tiles - chunk * kChunkTiles, kChunkTiles);
}

}  // namespace

void SharedReads::plan(std::span<const SequenceRows> sequences, uint32_t most_own_tokens,
                       uint32_t most_tokens) {
    sequences_ = sequences;
    reads_.clear();
    members_.clear();
    candidates_.clear();
    parts_.resize(std::max(parts_.size(), sequences.size()));
    for (auto& own : parts_) own.clear();
    rows_ = 0;
    for (uint32_t i = 0; i < sequences.size(); ++i)
        if (sequences[i].tokens <= most_own_tokens) candidates_.push_back(i);
    for (uint32_t chunk = 0;; ++chunk) {
        std::erase_if(candidates_, [&](uint32_t i) { return past_tiles(sequences[i], chunk) == 0; });
        if (candidates_.size() < 2) return;
        plan_chunk(chunk, most_tokens);
    }
}

/// Neighbours in order of the chunk's first block, as many together as a read may have.
void SharedReads::plan_chunk(uint32_t chunk, uint32_t most_tokens) {
    const auto first_block = [&](uint32_t i) {
        return sequences_[i].block_table[size_t{chunk} * kChunkBlocks];
    };
    std::ranges::stable_sort(candidates_, {}, first_block);
    for (size_t begin = 0, end = 0; begin < candidates_.size(); begin = end) {
        uint32_t tokens = 0;
        for (; end < candidates_.size() && first_block(candidates_[end]) == first_block(candidates_[begin]);
             ++end) {
            tokens += sequences_[candidates_[end]].tokens;
            if (tokens > most_tokens && end > begin) break;
        }
        if (end - begin > 1) add_read(chunk, std::span(candidates_).subspan(begin, end - begin));
    }
}

void SharedReads::add_read(uint32_t chunk, std::span<const uint32_t> members) {
    Read read{chunk,
              common_tiles(chunk, members),
              static_cast<uint32_t>(members_.size()),
              static_cast<uint32_t>(members.size()),
              0,
              rows_};
    if (read.tiles == 0) return;
    for (const uint32_t member : members) {
        members_.push_back(member);
        parts_[member].resize(chunk + 1);
        parts_[member][chunk] = {read.tiles, rows_};
        read.tokens += sequences_[member].tokens;
        rows_ += sequences_[member].tokens;
    }
    reads_.push_back(read);
}

uint32_t SharedReads::common_tiles(uint32_t chunk, std::span<const uint32_t> members) const {
    const size_t begin = size_t{chunk} * kChunkBlocks;
    const auto first = sequences_[members[0]].block_table.subspan(begin);
    uint32_t tiles = kChunkTiles;
    for (const uint32_t member : members) {
        tiles = std::min(tiles, past_tiles(sequences_[member], chunk));
        const auto own = sequences_[member].block_table.subspan(begin);
        uint32_t same = 0;
        while (same < tiles * kTileBlocks && own[same] == first[same]) ++same;
        tiles = std::min(tiles, same / kTileBlocks);
    }
    return tiles;
}

}  // namespace pitwall::engine::cpu
