// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace pitwall::engine {

/// Blocks of an arena that can move to another stride together: none is written over one of them that is still to be read.
template <class Id>
struct MoveBatch {
    std::span<const Id> ids;
    bool overlaps_itself = false;  ///< each may lie on its own old place
};

/// In which batches the blocks `ids`, in ascending order, move within their arena from `from_bytes` a block to `to_bytes`.
/// Narrower blocks move down from the front: those whose new places lie below the first one's old place overwrite nothing,
/// and from batch to batch there are more of them. Wider ones move up from the back. As wide as before, all stay in place.
template <class Id>
std::vector<MoveBatch<Id>> in_place_moves(std::span<const Id> ids, uint64_t from_bytes, uint64_t to_bytes) {
    std::vector<MoveBatch<Id>> batches;
    const auto number = [](Id id) { return static_cast<uint64_t>(id); };
    if (from_bytes == to_bytes && !ids.empty()) return {{ids, true}};
    while (!ids.empty()) {
        const bool downward = to_bytes < from_bytes;
        const uint64_t free_until = number(ids.front()) * from_bytes,
                       free_from = (number(ids.back()) + 1) * from_bytes;
        const auto edge = std::partition_point(ids.begin(), ids.end(), [&](Id id) {
            return downward ? (number(id) + 1) * to_bytes <= free_until : number(id) * to_bytes < free_from;
        });
        const auto fit = static_cast<size_t>(downward ? edge - ids.begin() : ids.end() - edge);
        const size_t count = std::max<size_t>(1, fit);
        batches.push_back({downward ? ids.first(count) : ids.last(count), fit == 0});
        ids = downward ? ids.subspan(count) : ids.first(ids.size() - count);
    }
    return batches;
}

}  // namespace pitwall::engine
