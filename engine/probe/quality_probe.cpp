// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/probe/quality_probe.h"

#include <algorithm>
#include <cassert>

#include "engine/probe/logit_distance.h"

namespace pitwall::engine {

void QualityProbe::begin(RequestId request, uint32_t first_token, std::vector<TokenId> tokens,
                         KvDtype dtype) {
    assert(tokens.size() >= kLeastTokens && tokens.size() <= executor_->side_tokens());
    tokens_ = std::move(tokens);
    sample_ = {};
    sample_.request = request;
    sample_.dtype = dtype;
    sample_.reference = kReference;
    sample_.first_token = first_token;
    sample_.tokens = static_cast<uint32_t>(tokens_.size());
    done_ = 0;
    has_reference_ = false;
}

std::optional<ProbeEvent> QualityProbe::go_on() {
    const KvDtype dtype = has_reference_ ? sample_.dtype : kReference;
    if (!score(dtype, has_reference_ ? other_ : reference_)) {
        give_up();
        return std::nullopt;
    }
    has_reference_ = !has_reference_;
    if (has_reference_) return std::nullopt;
    compare();
    done_ = std::min(done_ + kPieceTokens, sample_.tokens);
    if (done_ < sample_.tokens) return std::nullopt;
    sample_.mean_kl /= std::max(1u, sample_.positions);
    give_up();
    return sample_;
}

bool QualityProbe::score(KvDtype dtype, std::vector<float>& logits) {
    const size_t vocab = executor_->vocab_size();
    const uint32_t count = std::min(kPieceTokens, sample_.tokens - done_);
    logits.resize(kPieceTokens / 4 * vocab);
    float* targets[kPieceTokens] = {};
    float* next = logits.data();
    for (uint32_t i = 0; i < count; ++i)
        if (is_compared(done_ + i)) targets[i] = std::exchange(next, next + vocab);
    return executor_->score_beside(dtype, std::span(tokens_).subspan(done_, count), done_, {targets, count})
        .ok();
}

void QualityProbe::compare() {
    const size_t vocab = executor_->vocab_size();
    const uint32_t end = std::min(done_ + kPieceTokens, sample_.tokens);
    size_t row = 0;
    for (uint32_t position = done_; position < end; ++position) {
        if (!is_compared(position)) continue;
        const LogitDistance distance = distance_between(std::span(reference_).subspan(row * vocab, vocab),
                                                        std::span(other_).subspan(row * vocab, vocab));
        ++row;
        ++sample_.positions;
        sample_.flips += distance.flip;
        sample_.mean_kl += distance.kl;
        sample_.worst_kl = std::max(sample_.worst_kl, distance.kl);
    }
}

}  // namespace pitwall::engine
