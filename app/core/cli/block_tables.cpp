// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/block_tables.h"

#include <fmt/format.h>

#include "engine/sched/sequence.h"

namespace pitwall::app {

Result<std::vector<std::vector<BlockId>>> make_block_tables(engine::Executor& executor, uint32_t sequences,
                                                            uint32_t max_tokens) {
    const uint32_t blocks_each = engine::Sequence::blocks_for(max_tokens);
    const uint64_t blocks = uint64_t{sequences} * blocks_each;
    if (blocks > executor.capacity_blocks())
        return Error{fmt::format("{} sequences of {} tokens need {} KV blocks, the memory holds {}",
                                 sequences, max_tokens, blocks, executor.capacity_blocks()),
                     "raise kv_cache_memory_bytes"};
    if (auto resized = executor.resize_pool(static_cast<uint32_t>(blocks)); !resized.ok())
        return resized.error();
    std::vector<std::vector<BlockId>> tables(sequences);
    uint32_t next = 0;
    for (auto& table : tables)
        for (uint32_t i = 0; i < blocks_each; ++i) table.push_back(BlockId{next++});
    return tables;
}

}  // namespace pitwall::app
