// SPDX-License-Identifier: GPL-3.0-or-later
//
// A block a row. Nothing is sorted: candidates in the sampler's order (by value, the best first, of equal ones the lowest token; or by
// token, where neither top-k nor top-p cuts) are summed up by bins, and a running sum over the bins says in which one the wanted
// candidate lies; its few candidates are ranked by comparing each with each, and where they are many, bins divide them again.
// Weights are rounded to whole numbers of 2^-45 or less (of 2^-63 times the vocabulary), so that their sums are exact.
//
// Readings of the row (vocab x 4 bytes each, the first from memory, the others from the second-level cache), of which one is the floor:
//   greedy                     1   the best
//   temperature alone          2   the best; sums by token
//   top-p                      4   the best; sums; top-p's bin; the draw's bin
//   top-k                      5   the best; counts; top-k's bin; sums; the draw's bin       and one more with top-p
// Two more for each time that a bin has more than kListed candidates, ten a search at most: thousands of logits that are nearly the same.
// What is uploaded for it: 48 bytes a row, and 4 for each token that a penalised request has seen. Shared memory: 41 KB, and two bits
// a token of the vocabulary.
#include "engine/exec/cuda/kernels/sample.h"

#include <bit>

#include "engine/exec/cuda/kernels/sample_scores.h"
#include "engine/exec/cuda/kernels/sample_sums.h"
#include "engine/exec/cuda/runtime/launch.h"
#include "engine/sample/exponential.h"

namespace pitwall::cuda {
namespace {

constexpr float kLargestFloat = 3.402823466e+38f;
/// Candidates that are ranked at once.
constexpr uint32_t kListed = 512;
/// Tokens in a bin of sums by token, or a multiple of it: as many as a block has threads at least.
constexpr uint32_t kChunk = 256;

struct Found {
    uint64_t key, through;  ///< of the candidate, and the running sum with it
};

struct Workspace {
    Sums coarse, fine;
    Finder finder;
    uint64_t *keys, *measures;  ///< [kListed]
    Found* found;
    uint32_t* listed;
    Best* bests;              ///< [kMostWarps]
    uint32_t *seen, *banned;  ///< TokenSet::words

    PITWALL_DEVICE static Workspace take(SharedMemory& shared, uint32_t columns) {
        Workspace w;
        w.coarse = Sums::take(shared);
        w.fine = Sums::take(shared);
        w.finder = Finder::take(shared);
        w.keys = shared.take<uint64_t>(kListed);
        w.measures = shared.take<uint64_t>(kListed);
        w.found = shared.take<Found>(1);
        w.listed = shared.take<uint32_t>(4);
        w.bests = shared.take<Best>(kMostWarps);
        w.seen = shared.take<uint32_t>(token_set_words(columns));
        w.banned = shared.take<uint32_t>(token_set_words(columns));
        return w;
    }
    static uint32_t bytes(uint32_t columns) {
        const uint32_t set_bytes = (token_set_words(columns) * 4 + 15) / 16 * 16;
        return static_cast<uint32_t>(2 * Sums::kBytes + Finder::kBytes + sizeof(uint64_t) * 2 * kListed +
                                     sizeof(Found) + 16 + kMostWarps * sizeof(Best)) +
               2 * set_bytes;
    }
};

/// The candidates of a row and their order: what is summed up of them is 1 each, or their weights.
class Candidates {
  public:
    PITWALL_DEVICE Candidates(const Scores& scores, const SampleRow& row, const Best& best,
                              const Workspace& workspace)
        : workspace_(workspace),
          scores_(scores),
          best_(fminf(best.score, kLargestFloat)),
          temperature_(row.temperature),
          farthest_(row.farthest) {
        while ((scores.columns - 1) >> id_bits_ != 0) ++id_bits_;
        unit_ = ldexpf(1.0f, static_cast<int>(63 - id_bits_));
        constexpr float kLeastRange = 1e-30f;  // its reciprocal is finite
        const float range = fminf(farthest_, distance(best.least));
        bins_a_unit_ = static_cast<float>(kBins) / fmaxf(range, kLeastRange);
    }

    PITWALL_DEVICE void weigh() { weighted_ = true; }
    PITWALL_DEVICE bool weighted() const { return weighted_; }
    /// Those after the key's are none from now on.
    PITWALL_DEVICE void cut_after(uint64_t key) { last_key_ = key; }
    PITWALL_DEVICE uint32_t id_of(uint64_t key) const {
        return static_cast<uint32_t>(key & ((uint64_t{1} << id_bits_) - 1));
    }

    /// By value, for find(); gives the sum of all.
    PITWALL_DEVICE uint64_t sum_up() const;
    /// The first, by value, with which the running sum is no smaller than `target`: from 1 to the sum of all.
    PITWALL_DEVICE Found find(uint64_t target) const;
    /// The same by token, in sums of its own.
    PITWALL_DEVICE uint32_t draw_by_token(double uniform) const;

  private:
    /// How far it lies below the best, as the sampler computes it: NaN for what is none.
    PITWALL_DEVICE float distance(float score) const {
        const float tame = score != score ? -INFINITY : fminf(score, kLargestFloat);
        return (best_ - tame) / temperature_;
    }
    /// Ascending in the sampler's order: no distance is below zero, and the bits of such floats are in their order; but for those of
    /// -0, which -0 less 0 gives.
    PITWALL_DEVICE uint64_t key_of(float distance, uint32_t id) const {
        return uint64_t{std::bit_cast<uint32_t>(fabsf(distance))} << id_bits_ | id;
    }
    PITWALL_DEVICE uint32_t bin_of(float distance) const {
        const auto bin = static_cast<uint32_t>(distance * bins_a_unit_);
        return bin < kBins ? bin : kBins - 1;
    }
    PITWALL_DEVICE uint64_t measure(float distance) const {
        if (!weighted_) return 1;
        constexpr float kHasFraction = 8388608.0f;  // from 2^23 on floats are whole numbers
        const float units = engine::exponential::of_negative(-distance) * unit_;
        return static_cast<uint64_t>(units < kHasFraction ? units + 0.5f : units);
    }
    template <class Take>
    PITWALL_DEVICE void each(const Take& take) const {
        constexpr uint32_t kAtOnce = 4;  // arithmetic takes longer than reading: less code is worth more
        scores_.each<kAtOnce>([&](uint32_t id, float score) {
            const float d = distance(score);
            if (!(d <= farthest_)) return;
            const uint64_t key = key_of(d, id);
            if (key <= last_key_) take(d, key);
        });
    }
    /// A part of the order: those of a coarse bin whose keys begin with `upper`, which leaves `shift` bits open.
    struct Part {
        uint32_t bin, shift;
        uint64_t upper;
    };
    template <class Take>
    PITWALL_DEVICE void each_of(const Part& part, const Take& take) const {
        each([&](float d, uint64_t key) {
            if (bin_of(d) == part.bin && key >> part.shift == part.upper) take(d, key);
        });
    }
    PITWALL_DEVICE uint32_t list(const Part& part) const;
    PITWALL_DEVICE Found rank(uint32_t count, uint64_t before, uint64_t target) const;
    PITWALL_DEVICE uint64_t measure_at(uint32_t id) const {
        if (id >= scores_.columns || scores_.banned.has(id)) return 0;
        const float d = distance(scores_.penalized(id, scores_.logits[id]));
        return d <= farthest_ ? measure(d) : 0;
    }
    PITWALL_DEVICE uint32_t sum_up_by_token() const;

    const Workspace& workspace_;
    const Scores& scores_;
    float best_, temperature_, farthest_, bins_a_unit_ = 0, unit_ = 0;
    uint32_t id_bits_ = 0;
    uint64_t last_key_ = UINT64_MAX;
    bool weighted_ = false;
};

PITWALL_DEVICE uint64_t Candidates::sum_up() const {
    const Sums& sums = workspace_.coarse;
    sums.clear();
    each([&](float d, uint64_t) { sums.add(bin_of(d), measure(d)); });
    sync_block();
    return workspace_.finder.total(sums);
}

PITWALL_DEVICE Found Candidates::find(uint64_t target) const {
    const Workspace& w = workspace_;
    Place place = w.finder.find(w.coarse, target);
    Part part{place.bin, 31 + id_bits_, 0};
    for (uint64_t before = place.before;; before += place.before) {
        const uint32_t count = list(part);
        if (count <= kListed) return rank(count, before, target);
        const uint32_t shift = part.shift > kBinBits ? part.shift - kBinBits : 0;
        const uint64_t first = part.upper << (part.shift - shift);
        w.fine.clear();
        each_of(part, [&](float d, uint64_t key) {
            w.fine.add(static_cast<uint32_t>((key >> shift) - first), measure(d));
        });
        sync_block();
        place = w.finder.find(w.fine, target - before);
        part.shift = shift;
        part.upper = first + place.bin;
    }
}

/// The first kListed of a part, in no order; gives how many there are.
PITWALL_DEVICE uint32_t Candidates::list(const Part& part) const {
    const Workspace& w = workspace_;
    if (thread() == 0) *w.listed = 0;
    sync_block();
    each_of(part, [&](float d, uint64_t key) {
        const uint32_t at = add_atomically(w.listed, 1);
        if (at >= kListed) return;
        w.keys[at] = key;
        w.measures[at] = measure(d);
    });
    sync_block();
    return *w.listed;
}

/// Of what is listed, after `before`. One has it: those without weight are reached by the one before them.
PITWALL_DEVICE Found Candidates::rank(uint32_t count, uint64_t before, uint64_t target) const {
    const Workspace& w = workspace_;
    for (uint32_t i = thread(); i < count; i += threads()) {
        const uint64_t key = w.keys[i], own = w.measures[i];
        uint64_t through = before + own;
        for (uint32_t j = 0; j < count; ++j) through += w.keys[j] < key ? w.measures[j] : 0;
        if (through >= target && through - own < target) *w.found = {key, through};
    }
    sync_block();
    return *w.found;
}

/// A warp a chunk; gives the tokens of one.
PITWALL_DEVICE uint32_t Candidates::sum_up_by_token() const {
    const uint32_t columns = scores_.columns;
    const uint32_t chunk = (columns + kChunk * kBins - 1) / (kChunk * kBins) * kChunk;
    const Sums& sums = workspace_.coarse;
    sums.clear();
    for (uint32_t bin = warp(); bin * chunk < columns; bin += threads() / kWarp) {
        uint64_t sum = 0;
#pragma unroll 8
        for (uint32_t i = lane(); i < chunk; i += kWarp) sum += measure_at(bin * chunk + i);
        sum = warp_sum(sum);
        if (lane() == 0) sums.set(bin, sum);
    }
    sync_block();
    return chunk;
}

/// The candidate at which the running sum exceeds `uniform` of the whole.
PITWALL_DEVICE uint64_t drawn_target(uint64_t total, double uniform) {
    const uint64_t target = static_cast<uint64_t>(uniform * static_cast<double>(total)) + 1;
    return target < total ? target : total;
}

PITWALL_DEVICE uint32_t Candidates::draw_by_token(double uniform) const {
    const Workspace& w = workspace_;
    const uint32_t chunk = sum_up_by_token();
    const uint64_t target = drawn_target(w.finder.total(w.coarse), uniform);
    const Place place = w.finder.find(w.coarse, target);
    uint64_t before = place.before;
    for (uint32_t first = place.bin * chunk; before < target; first += threads()) {
        const uint64_t own = measure_at(first + thread());
        const Scan scan = block_scan(own, w.finder.warp_sums);
        const uint64_t before_own = before + scan.before;
        if (before_own < target && target <= before_own + own) w.found->key = first + thread();
        before += scan.total;
    }
    sync_block();
    return static_cast<uint32_t>(w.found->key);
}

/// The candidate with which the running sum is no smaller than top-p of the whole; the best at least.
PITWALL_DEVICE uint64_t top_p_target(uint64_t total, float top_p) {
    const double wanted = ceil(static_cast<double>(fmaxf(top_p, 0.0f)) * static_cast<double>(total));
    return wanted < 1 ? 1 : static_cast<uint64_t>(wanted);
}

/// A loop, so that there is one copy of the code that searches.
PITWALL_DEVICE uint32_t draw(Candidates& candidates, const SampleRow& row) {
    enum Stage : uint32_t { kTopK, kTopP, kDraw, kStages };
    bool by_value = row.top_p < 1;
    uint64_t total = 0;
#pragma unroll 1
    for (uint32_t stage = row.top_k > 0 ? kTopK : kTopP; stage < kStages; ++stage) {
        if (stage == kTopP && !(row.top_p < 1)) continue;
        if (stage == kDraw && !by_value) break;
        if (stage == kTopK || !candidates.weighted()) {
            if (stage != kTopK) candidates.weigh();
            total = candidates.sum_up();
        }
        if (stage == kTopK && total <= row.top_k) continue;
        const uint64_t target = stage == kTopK   ? row.top_k
                                : stage == kTopP ? top_p_target(total, row.top_p)
                                                 : drawn_target(total, row.uniform);
        const Found found = candidates.find(target);
        if (stage == kDraw) return candidates.id_of(found.key);
        if (stage == kTopP) total = found.through;
        if (stage == kTopK) candidates.cut_after(found.key), by_value = true;
    }
    candidates.weigh();
    return candidates.draw_by_token(row.uniform);
}

PITWALL_DEVICE uint32_t sample_row(const SampleArgs& args, const SampleRow& row, const Workspace& workspace) {
    const Scores scores{args.logits + size_t{block_x()} * args.ld, args.columns,
                        gather_tokens(args, row.first_seen, row.num_seen, workspace.seen),
                        gather_tokens(args, row.first_banned, row.num_banned, workspace.banned), row.penalty};
    const Best best = find_best(scores, workspace.bests);
    if (best.id == kNoToken) return 0;
    if (best.score == -INFINITY || !(row.temperature > 0)) return best.id;
    Candidates candidates(scores, row, best, workspace);
    return draw(candidates, row);
}

PITWALL_KERNEL PITWALL_BOUNDS(kMostRowThreads, 1) sample_rows_kernel(SampleArgs args) {
    begin_kernel();
    SharedMemory shared;
    const Workspace workspace = Workspace::take(shared, args.columns);
    const SampleRow& row = args.rows[block_x()];
    const uint32_t id = row.wanted != 0 ? sample_row(args, row, workspace) : 0;
    if (thread() == 0) args.sampled[block_x()] = static_cast<int32_t>(id);
}

}  // namespace

uint32_t sample_shared_bytes(uint32_t columns) { return Workspace::bytes(columns); }

void sample_rows(Stream& stream, const SampleArgs& args, uint32_t rows) {
    launch(stream,
           {.kernel = "sample_rows",
            .x = rows,
            .threads = row_threads(args.columns),
            .shared_bytes = sample_shared_bytes(args.columns)},
           sample_rows_kernel, args);
}

}  // namespace pitwall::cuda
