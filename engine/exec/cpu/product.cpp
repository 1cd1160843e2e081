// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/product.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace pitwall::engine::cpu {
namespace {

constexpr uint32_t kStripPanels = 4;
/// Activations of so many tokens stay in the second-level cache while panels pass by.
constexpr uint32_t kTokenBlock = 128;
/// In tiles (of integers, or of bfloat16) they are smaller, and the more tokens a panel's weights are unpacked for the better.
constexpr uint32_t kTiledTokenBlock = 512;
constexpr size_t kTiledBlockBytes = 512 * 1024;
/// So many Elements of k are unpacked at a time: the weights of a strip stay in the first-level cache over all tokens.
constexpr uint32_t kDepthBlock = 128;
constexpr size_t kWeightFloats = size_t{kDepthBlock} * kStripPanels * kPanelRows;
static_assert(sizeof(BfloatPair) == sizeof(float));
/// The same of one panel in bytes.
constexpr uint32_t kGroupBlock = 18;
constexpr size_t kWeightBytes = std::max(kWeightFloats * sizeof(float), kGroupBlock * sizeof(UnpackedGroup));
/// A tile's last rows may be of no token, and are written all the same; a block may exceed its most by less than a tile.
constexpr size_t kSumFloats = size_t{kTiledTokenBlock + kMostTileTokens} * kStripPanels * kPanelRows;
/// With so many tokens for each thread, threads divide tokens and not panels: what was made of a token stays in one core's
/// cache, which is worth more than that weights are read by one thread alone.
constexpr uint32_t kOwnTokens = 32;
constexpr uint32_t kOwnTokensInTiles = 128;  ///< unpacked weights have to serve more there
constexpr uint32_t kSerialValues = 8192;     ///< to be rounded: waking other threads for so few costs more
constexpr uint32_t kPairsPerThread =
    8;  ///< fewer leave threads with nothing to do: smaller blocks are taken then
constexpr size_t kThreadBytes = kWeightBytes + kSumFloats * sizeof(float);

}  // namespace

/// Up to four neighbouring panels by a block of tokens: the work of one call.
struct Multiplier::Strip {
    const Product::Panel* panels;
    uint32_t panel_count, k;
    const float* x;
    size_t ldx;
    uint32_t first_token, tokens;
    uint32_t first_tile, end_tile;  ///< the same tokens, where they lie in tiles
    const Output* out;

    /// Where its panels lie; false where they are not of one format, which a direct kernel wants.
    bool of_one_format(const std::byte* (&data)[kStripPanels]) const {
        for (uint32_t i = 0; i < panel_count; ++i) {
            if (panels[i].format != panels[0].format) return false;
            data[i] = panels[i].data;
        }
        return true;
    }
};

struct Multiplier::Scratch {
    std::byte* weights;
    float* sums;  ///< [tokens, ld]
    size_t ld;
    uint32_t thread;
    /// Where the sums of so many panels begin, from that one on.
    Scratch from_panel(uint32_t panel) const {
        return {weights, sums + size_t{panel} * kPanelRows, ld, thread};
    }
};

void Product::count(const PackedMatrix& matrix) {
    k_ = matrix.columns();
    (layout_of(matrix.format()).is_float() ? any_float_ : any_quantized_) = true;
    (has_small_weights(matrix.format()) ? any_small_ : any_plain_) = true;
    bytes_ += matrix.bytes();
    macs_ += uint64_t{matrix.rows()} * matrix.columns();
}

void Product::append(const PackedMatrix& matrix, uint32_t first_column) {
    count(matrix);
    for (uint32_t i = 0; i < matrix.panels(); ++i)
        panels_.push_back({matrix.panel(i), matrix.format(), first_column + i * kPanelRows});
}

void Product::append_pairs(const PackedMatrix& gate, const PackedMatrix& up) {
    count(gate);
    count(up);
    for (uint32_t i = 0; i < gate.panels(); ++i) {
        panels_.push_back({gate.panel(i), gate.format(), i * kPanelRows});
        panels_.push_back({up.panel(i), up.format(), i * kPanelRows});
    }
}

Result<Multiplier> Multiplier::create(ThreadPool& pool, const Kernels& kernels, uint32_t tokens, uint32_t k) {
    Multiplier multiplier(pool, kernels);
    auto scratch = PageBuffer::allocate(pool.threads() * kThreadBytes, "products");
    if (!scratch.ok()) return scratch.error();
    auto rows = IntegerRows::create(tokens, k);
    if (!rows.ok()) return rows.error();
    multiplier.scratch_ = std::move(scratch).value();
    multiplier.rows_ = std::move(rows).value();
    if (kernels.bfloats == nullptr) return multiplier;
    auto bfloat_rows = BfloatRows::create(tokens, k);
    if (!bfloat_rows.ok()) return bfloat_rows.error();
    multiplier.bfloat_rows_ = std::move(bfloat_rows).value();
    if (kernels.tiles == nullptr) return multiplier;
    auto next_rows = BfloatRows::create(tokens, k);
    if (!next_rows.ok()) return next_rows.error();
    multiplier.next_bfloat_rows_ = std::move(next_rows).value();
    auto tiles = PageBuffer::allocate(pool.threads() * kTileScratchBytes, "products");
    if (!tiles.ok()) return tiles.error();
    multiplier.tile_scratch_ = std::move(tiles).value();
    return multiplier;
}

uint64_t Multiplier::scratch_bytes() const {
    return scratch_.bytes() + rows_.bytes() + bfloat_rows_.bytes() + next_bfloat_rows_.bytes() +
           tile_scratch_.bytes();
}

void Multiplier::set_activation_dtype(ActivationDtype dtype) {
    assert(dtype != ActivationDtype::kBf16 || kernels_->bfloats != nullptr);
    dtype_ = dtype;
}

void Multiplier::lay_out(const Product& product, uint32_t tokens) {
    taken_ = wants_integers(product) || wants_bfloats(product);
    if (wants_integers(product)) rows_.lay_out(*kernels_, dtype_, product.k(), tokens);
    if (wants_bfloats(product)) bfloat_rows_.lay_out(product.k());
    tile_exponent_ = product.tile_exponent();
    scales_tiles_ = product.scales_tiles();
}

void Multiplier::take_row(uint32_t token, const float* x) {
    if (!taken_) return;
    if (is_integer(dtype_))
        rows_.round(*kernels_, token, x);
    else if (in_tiles())
        bfloat_rows_.round(*kernels_->tiles, token, x, tile_exponent_);
    else
        bfloat_rows_.round(*kernels_->bfloats, token, x);
}

void Multiplier::take_part(uint32_t token, uint32_t first, uint32_t count, const float* x) {
    bfloat_rows_.round_part(*kernels_->tiles, token, first, count, x, tile_exponent_);
}

void Multiplier::take_rows(const float* x, size_t ldx, uint32_t tokens, uint32_t k) {
    if (!taken_) return;
    const auto some = [&](uint32_t begin, uint32_t end, uint32_t) {
        for (uint32_t token = begin; token < end; ++token) take_row(token, x + token * ldx);
    };
    const uint32_t grain = std::max(1u, kSerialValues / 2 / k);
    size_t{tokens} * k <= kSerialValues ? some(0, tokens, 0) : pool_->run(tokens, grain, some);
}

void Multiplier::multiply(const Product& product, const float* x, size_t ldx, uint32_t tokens,
                          const Output& out) {
    if (tokens == 0) return;
    forget_largest(tokens, out);
    if (!taken_) {
        lay_out(product, tokens);
        take_rows(x, ldx, tokens, product.k());
    }
    taken_ = false;
    if (rounds_outputs(out)) next_bfloat_rows_.lay_out(out.only_for->k());
    const uint32_t height = tile_height(product), tiles = (tokens + height - 1) / height;
    const auto pairs = static_cast<uint32_t>((product.panels().size() + 1) / 2);
    const uint32_t blocks = blocks_of(product, tiles * height, pairs);
    pool_->run(pairs * blocks, kStripPanels / 2, [&](uint32_t begin, uint32_t end, uint32_t thread) {
        while (begin < end) {
            const uint32_t block = begin / pairs, pair = begin % pairs;
            const uint32_t count = std::min(end - begin, pairs - pair);
            const auto panel_count =
                std::min<uint32_t>(2 * count, static_cast<uint32_t>(product.panels().size()) - 2 * pair);
            const auto first_tile = static_cast<uint32_t>(uint64_t{tiles} * block / blocks);
            const auto end_tile = static_cast<uint32_t>(uint64_t{tiles} * (block + 1) / blocks);
            const uint32_t first = first_tile * height, last = std::min(end_tile * height, tokens);
            multiply_strip({product.panels().data() + 2 * size_t{pair}, panel_count, product.k(),
                            x + first * ldx, ldx, first, last - first, first_tile, end_tile, &out},
                           thread);
            begin += count;
        }
    });
    if (rounds_outputs(out)) {
        std::swap(bfloat_rows_, next_bfloat_rows_);
        lay_out(*out.only_for, tokens);
    }
}

uint32_t Multiplier::tile_height(const Product& product) const {
    if (in_tiles()) return kTileTokens;
    return wants_integers(product) ? rows_.tile_height() : 1;
}

uint32_t Multiplier::blocks_of(const Product& product, uint32_t tokens, uint32_t pairs) const {
    const uint32_t small = (tokens + kTokenBlock - 1) / kTokenBlock;
    if (!in_tiles() && !wants_integers(product)) return small;
    const uint32_t own = in_tiles() ? kOwnTokensInTiles : kOwnTokens;
    const size_t token_bytes = in_tiles() ? bfloat_rows_.ld() * sizeof(BfloatPair) : rows_.token_bytes();
    const size_t fitting = kTiledBlockBytes / token_bytes;
    const auto most = static_cast<uint32_t>(std::clamp<size_t>(fitting, own, kTiledTokenBlock));
    const uint32_t fewest = (tokens + most - 1) / most, threads = pool_->threads();
    const uint32_t even = (fewest + threads - 1) / threads * threads;
    if (tokens / even >= own) return even;
    assert(pairs > 0);
    return std::max(fewest, std::min(kPairsPerThread * threads / pairs, small));
}

Multiplier::Scratch Multiplier::scratch_of(uint32_t thread) {
    std::byte* own = scratch_.data() + thread * kThreadBytes;
    return {own, reinterpret_cast<float*>(own + kWeightBytes), 0, thread};
}

void Multiplier::multiply_strip(const Strip& strip, uint32_t thread) {
    Scratch scratch = scratch_of(thread);
    scratch.ld = size_t{strip.panel_count} * kPanelRows;
    if (in_tiles()) return multiply_in_tiles(strip, scratch);
    multiply_runs(strip, scratch);
    finish(strip, scratch);
}

void Multiplier::multiply_runs(const Strip& strip, const Scratch& scratch) {
    const auto is_float = [&](uint32_t panel) { return layout_of(strip.panels[panel].format).is_float(); };
    // Neighbours of one kind together: which panels are neighbours here is an accident of threads and changes no bit.
    for (uint32_t begin = 0, end = 0; begin < strip.panel_count; begin = end) {
        while (end < strip.panel_count && is_float(end) == is_float(begin)) ++end;
        Strip run = strip;
        run.panels += begin;
        run.panel_count = end - begin;
        multiply_run(run, scratch.from_panel(begin));
    }
}

/// Panels that are all floats, or all quantized.
void Multiplier::multiply_run(const Strip& run, const Scratch& scratch) {
    const bool floats = layout_of(run.panels[0].format).is_float();
    if (!floats && is_integer(dtype_)) return multiply_integers(run, scratch);
    if (!floats || dtype_ != ActivationDtype::kBf16)
        return multiply_floats<float>(kernels_->floats, run, {run.x, run.ldx, run.k}, scratch);
    multiply_floats<BfloatPair>(kernels_->bfloats->products, run,
                                {bfloat_rows_.row(run.first_token), bfloat_rows_.ld(), bfloat_rows_.pairs()},
                                scratch);
}

template <class Element>
void Multiplier::multiply_floats(const ProductKernels<Element>& kernels, const Strip& run,
                                 const Rows<Element>& x, const Scratch& scratch) {
    if (!multiply_direct(kernels, run, x, scratch)) multiply_tiles(kernels, run, x, scratch);
}

template <class Element>
bool Multiplier::multiply_direct(const ProductKernels<Element>& kernels, const Strip& run,
                                 const Rows<Element>& x, const Scratch& scratch) {
    if (run.tokens > kDirectTokens) return false;
    const std::byte* panels[kStripPanels];
    if (!run.of_one_format(panels)) return false;
    return kernels.direct({panels, run.panel_count, run.panels[0].format, x.k, x.data, x.ld, run.tokens,
                           scratch.sums, scratch.ld, kernels_->fetch.weights_for(run.tokens)});
}

template <class Element>
void Multiplier::multiply_tiles(const ProductKernels<Element>& kernels, const Strip& run,
                                const Rows<Element>& x, const Scratch& scratch) {
    auto* weights = reinterpret_cast<Element*>(scratch.weights);
    const size_t ld = size_t{run.panel_count} * kPanelRows;
    for (uint32_t k = 0; k < x.k; k += kDepthBlock) {
        const uint32_t depth = std::min(kDepthBlock, x.k - k);
        for (uint32_t i = 0; i < run.panel_count; ++i) {
            kernels.unpack(run.panels[i].format, run.panels[i].data, k, depth,
                           weights + size_t{i} * kPanelRows, ld);
        }
        kernels.tile({x.data + k, x.ld, weights, ld, scratch.sums, scratch.ld, run.tokens, run.panel_count,
                      depth, k > 0});
    }
}

void Multiplier::multiply_in_tiles(const Strip& strip, const Scratch& scratch) {
    const Output& out = *strip.out;
    const bool in_place = sums_in_place(out);
    TilePanel panels[kStripPanels];
    for (uint32_t i = 0; i < strip.panel_count; ++i) {
        const Product::Panel& panel = strip.panels[i];
        float* const c =
            in_place ? out.data + strip.first_token * out.ld + panel.column : scratch.from_panel(i).sums;
        panels[i] = {panel.data, panel.format, c};
    }
    kernels_->tiles->multiply({panels, strip.panel_count, strip.k, bfloat_rows_.row(strip.first_token),
                               bfloat_rows_.ld(), tile_exponent_, strip.tokens,
                               in_place ? out.ld : scratch.ld, in_place && out.epilogue == Epilogue::kAdd,
                               tile_scratch_.data() + scratch.thread * kTileScratchBytes,
                               kernels_->fetch.weights_for(strip.tokens)});
    if (rounds_outputs(out))
        round_outputs(strip, scratch);
    else if (!in_place)
        finish(strip, scratch);
}

/// Where they are outputs as tiles leave them. Whether they are does not depend on tokens: it changes the order of sums.
bool Multiplier::sums_in_place(const Output& out) const {
    return out.rows == nullptr &&
           (out.epilogue == Epilogue::kStore || (out.epilogue == Epilogue::kAdd && !scales_tiles_));
}

void Multiplier::round_outputs(const Strip& strip, const Scratch& scratch) {
    const int exponent = strip.out->only_for->tile_exponent();
    for (uint32_t i = 0; i < strip.panel_count; i += 2) {
        kernels_->tiles->round_swiglu({scratch.from_panel(i).sums, scratch.ld, strip.tokens,
                                       strip.panels[i].column, exponent,
                                       next_bfloat_rows_.place(strip.first_token), next_bfloat_rows_.ld()});
    }
}

void Multiplier::multiply_integers(const Strip& strip, const Scratch& scratch) {
    if (multiply_integers_direct(strip, scratch)) return;
    for (uint32_t panel = 0; panel < strip.panel_count; ++panel)
        multiply_integer_panel(strip, panel, scratch.from_panel(panel));
}

/// Of few tiles, and with some kernels of any number, to unpack weights anew in registers is cheaper than to keep them.
bool Multiplier::multiply_integers_direct(const Strip& strip, const Scratch& scratch) {
    if (strip.end_tile - strip.first_tile > kernels_->integer.direct_tiles) return false;
    const std::byte* panels[kStripPanels];
    if (!strip.of_one_format(panels)) return false;
    bool done = true;
    for (uint32_t tile = strip.first_tile; done && tile < strip.end_tile; ++tile) {
        float* sums = scratch.sums + (tile - strip.first_tile) * rows_.tile_height() * scratch.ld;
        const TileRows rows = rows_.tile(tile);
        done = kernels_->integer.direct({panels, strip.panel_count, strip.panels[0].format, strip.k, rows,
                                         sums, scratch.ld, kernels_->fetch.weights_for(rows.tokens)});
    }
    return done;
}

void Multiplier::multiply_integer_panel(const Strip& strip, uint32_t panel, const Scratch& scratch) {
    const Product::Panel& own = strip.panels[panel];
    auto* weights = reinterpret_cast<UnpackedGroup*>(scratch.weights);
    const uint32_t groups = strip.k / kGroupValues, blocks = (groups + kGroupBlock - 1) / kGroupBlock;
    for (uint32_t block = 0; block < blocks; ++block) {
        const uint32_t first = groups * block / blocks, count = groups * (block + 1) / blocks - first;
        kernels_->integer.unpack(own.format, own.data, first, count, weights);
        for (uint32_t tile = strip.first_tile; tile < strip.end_tile; ++tile) {
            float* sums = scratch.sums + (tile - strip.first_tile) * rows_.tile_height() * scratch.ld;
            kernels_->integer.tile({weights, count, own.format, rows_.tile(tile, first), sums, scratch.ld,
                                    first > 0, first + count == groups});
        }
    }
}

void Multiplier::finish(const Strip& strip, const Scratch& scratch) {
    const Output& out = *strip.out;
    if (out.rows != nullptr) return give_rows(strip, scratch);
    const auto kernel = out.epilogue == Epilogue::kSwiglu ? kernels_->swiglu
                        : out.epilogue == Epilogue::kAdd  ? kernels_->add
                                                          : kernels_->store;
    for (uint32_t i = 0; i < strip.panel_count; i += out.epilogue == Epilogue::kSwiglu ? 2 : 1) {
        kernel({scratch.sums + size_t{i} * kPanelRows, scratch.ld, strip.tokens,
                out.data + strip.first_token * out.ld + strip.panels[i].column, out.ld});
    }
}

/// Rows end where their columns do, or there is none.
void Multiplier::give_rows(const Strip& strip, const Scratch& scratch) {
    const Output& out = *strip.out;
    assert(out.epilogue == Epilogue::kStore);
    for (uint32_t token = 0; token < strip.tokens; ++token) {
        float* row = out.rows[strip.first_token + token];
        for (uint32_t i = 0; i < strip.panel_count; ++i) {
            const uint32_t column = strip.panels[i].column;
            const float* sums = scratch.sums + token * scratch.ld + size_t{i} * kPanelRows;
            assert(column < out.columns);
            const uint32_t count = std::min(kPanelRows, out.columns - column);
            if (row == nullptr)
                kernels_->keep_largest({sums, count, static_cast<int32_t>(column)},
                                       largest_of(scratch.thread, strip.first_token + token));
            else if (count == kPanelRows)  // of a known size: four moves, not a call
                std::memcpy(row + column, sums, kPanelRows * sizeof(float));
            else
                std::memcpy(row + column, sums, count * sizeof(float));
        }
    }
}

void Multiplier::forget_largest(uint32_t tokens, const Output& out) {
    if (out.rows == nullptr) return;
    largest_tokens_ = tokens;
    largest_.assign(size_t{pool_->threads()} * tokens, {});
}

Largest Multiplier::largest(uint32_t token) const {
    Largest largest;
    for (size_t at = token; at < largest_.size(); at += largest_tokens_)
        if (largest.is_beaten_by(largest_[at].value, largest_[at].column)) largest = largest_[at];
    return largest;
}

}  // namespace pitwall::engine::cpu
