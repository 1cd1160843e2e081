// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cassert>
#include <cstring>

#include "engine/exec/cpu/strip.h"

namespace pitwall::engine::cpu {

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
        return multiply_floats<float>(kernels_->floats, run, {run.x, run.ldx, run.k()}, scratch);
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
    const bool in_place = sums_in_place(strip);
    TilePanel panels[kStripPanels];
    for (uint32_t i = 0; i < strip.panel_count; ++i) {
        const Product::Panel& panel = strip.panels[i];
        float* const c =
            in_place ? out.data + strip.first_token * out.ld + panel.column : scratch.from_panel(i).sums;
        panels[i] = {panel.data, panel.format, c};
    }
    kernels_->tiles->multiply({panels, strip.panel_count, strip.k(), bfloat_rows_.row(strip.first_token),
                               bfloat_rows_.ld(), strip.product->tile_exponent(), strip.tokens,
                               in_place ? out.ld : scratch.ld, in_place && out.epilogue == Epilogue::kAdd,
                               tile_scratch_.data() + scratch.thread * kTileScratchBytes,
                               kernels_->fetch.weights_for(strip.tokens)});
    if (rounds_outputs(out))
        round_outputs(strip, scratch);
    else if (!in_place)
        finish(strip, scratch);
}

/// Where they are outputs as tiles leave them. Whether they are does not depend on tokens: it changes the order of sums.
bool Multiplier::sums_in_place(const Strip& strip) {
    const Output& out = *strip.out;
    return out.rows == nullptr && (out.epilogue == Epilogue::kStore ||
                                   (out.epilogue == Epilogue::kAdd && !strip.product->scales_tiles()));
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
        done = kernels_->integer.direct({panels, strip.panel_count, strip.panels[0].format, strip.k(), rows,
                                         sums, scratch.ld, kernels_->fetch.weights_for(rows.tokens)});
    }
    return done;
}

void Multiplier::multiply_integer_panel(const Strip& strip, uint32_t panel, const Scratch& scratch) {
    const Product::Panel& own = strip.panels[panel];
    auto* weights = reinterpret_cast<UnpackedGroup*>(scratch.weights);
    const uint32_t groups = strip.k() / kGroupValues, blocks = (groups + kGroupBlock - 1) / kGroupBlock;
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

}  // namespace pitwall::engine::cpu
