// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/kv/numeric_history.h"

namespace pitwall::engine {

/// Which stretch of one text the quality probe has judged, in each format. Pieces never overlap: a second look at the same
/// tokens finds the same, and would only make an interval over samples look surer than it is.
class ProbedPieces {
  public:
    struct Piece {
        uint32_t first = 0, tokens = 0;
    };
    /// A piece of up to `most` tokens, none of which was judged in `format`: the text's first one lies anywhere, by `draw`,
    /// others beside what was judged. Nothing where what is left is too short to say much.
    std::optional<Piece> next(const NumericFormat& format, uint32_t text_tokens, uint32_t most,
                              uint64_t draw) const;
    /// That piece, as next() gave it, was judged in `format`.
    void add(const NumericFormat& format, Piece piece);

  private:
    struct Stretch {
        NumericFormat format;
        uint32_t begin = 0, end = 0;
    };
    const Stretch* judged(const NumericFormat& format) const;

    std::vector<Stretch> stretches_;  ///< one a format
};

}  // namespace pitwall::engine
