// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/side_text.h"

#include <cassert>

namespace pitwall::engine::cpu {

Result<std::unique_ptr<SideText>> SideText::create(const PackedModel& model, ThreadPool& pool,
                                                   const Kernels& kernels, KvDtype dtype) {
    constexpr uint32_t kBlocks = kMostTokens / kBlockTokens;
    auto side = std::make_unique<SideText>();
    auto arena = KvArena::create(model.config, kBlocks * kv_bytes_per_block(dtype, model.config), dtype);
    if (!arena.ok()) return arena.error();
    side->arena_ = std::move(arena).value();
    if (Status status = side->arena_.resize(kBlocks); !status.ok()) return status.error();
    auto forward = Forward::create(model, pool, kernels, side->arena_);
    if (!forward.ok()) return forward.error();
    side->forward_ = std::move(forward).value();
    for (uint32_t block = 0; block < kBlocks; ++block) side->table_.push_back(BlockId{block});
    return side;
}

void SideText::score(std::span<const TokenId> tokens, uint32_t first_position,
                     std::span<float* const> logits) {
    assert(first_position + tokens.size() <= kMostTokens && logits.size() == tokens.size());
    const SequenceRows rows{0, static_cast<uint32_t>(tokens.size()), first_position, table_};
    forward_->run(tokens, {&rows, 1});
    std::vector<uint32_t> wanted;
    std::vector<float*> targets;
    for (uint32_t i = 0; i < tokens.size(); ++i)
        if (logits[i]) wanted.push_back(i), targets.push_back(logits[i]);
    assert(wanted.size() <= Forward::kMaxHeadRows);
    if (!wanted.empty()) forward_->head(wanted, targets.data());
}

}  // namespace pitwall::engine::cpu
