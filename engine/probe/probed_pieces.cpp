// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/probe/probed_pieces.h"

#include <algorithm>

#include "engine/probe/quality_probe.h"

namespace pitwall::engine {

const ProbedPieces::Stretch* ProbedPieces::judged(const NumericFormat& format) const {
    const auto found = std::find_if(stretches_.begin(), stretches_.end(),
                                    [&](const Stretch& stretch) { return stretch.format == format; });
    return found == stretches_.end() ? nullptr : &*found;
}

std::optional<ProbedPieces::Piece> ProbedPieces::next(const NumericFormat& format, uint32_t text_tokens,
                                                      uint32_t most, uint64_t draw) const {
    const Stretch* known = judged(format);
    if (!known) {
        if (text_tokens < QualityProbe::kLeastTokens) return std::nullopt;
        const uint32_t tokens = std::min(text_tokens, most);
        return Piece{static_cast<uint32_t>(draw % (text_tokens - tokens + 1)), tokens};
    }
    // What is kept of a text that has ended may be shorter than what was judged of it.
    const uint32_t before = std::min(known->begin, text_tokens), end = std::min(known->end, text_tokens);
    if (text_tokens - end >= QualityProbe::kPieceTokens) return Piece{end, std::min(text_tokens - end, most)};
    if (before < QualityProbe::kPieceTokens) return std::nullopt;
    const uint32_t tokens = std::min(before, most);
    return Piece{before - tokens, tokens};
}

void ProbedPieces::add(const NumericFormat& format, Piece piece) {
    const uint32_t end = piece.first + piece.tokens;
    if (const Stretch* known = judged(format)) {
        Stretch& stretch = stretches_[static_cast<size_t>(known - stretches_.data())];
        stretch.begin = std::min(stretch.begin, piece.first);
        stretch.end = std::max(stretch.end, end);
    } else {
        stretches_.push_back({format, piece.first, end});
    }
}

}  // namespace pitwall::engine
