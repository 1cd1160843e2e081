// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "engine/exec/cpu/bfloat_rows.h"
#include "engine/exec/cpu/integer_rows.h"
#include "engine/exec/cpu/kernels/kernels.h"
#include "engine/exec/cpu/product.h"
#include "engine/exec/cpu/thread_pool.h"

namespace pitwall::engine::cpu {

/// What becomes of the sums.
enum class Epilogue : uint8_t { kStore, kAdd, kSwiglu };

struct Output {
    /// [tokens, ld], with room for whole panels, and for a multiple of 16 tokens: in tiles of bfloat16 what lies behind the last is overwritten.
    float* data = nullptr;
    size_t ld = 0;
    /// Where given, of each token, instead of data; of kStore alone. Of a token that has none there, only the largest output
    /// is kept, see Multiplier::largest().
    float* const* rows = nullptr;
    uint32_t columns = 0;  ///< of rows: nothing is written from there on
    Epilogue epilogue = Epilogue::kStore;
    /// Of SwiGLU: where given, that product is multiplied next, with what comes out, and nobody else reads it: it may be rounded as it
    /// is made, and data not written.
    const Product* only_for = nullptr;
};

/// Carries out products over all threads; splits over panels and tokens, never over k.
class Multiplier {
  public:
    /// For products of up to `k` columns with up to `tokens` rows.
    static Result<Multiplier> create(ThreadPool& pool, const Kernels& kernels, uint32_t tokens, uint32_t k);

    /// As what activations meet panels from now on: integers those of quantized formats, bfloat16 (which the
    /// kernels must have) those of floats, or of all formats where kernels multiply it in tiles. All others meet float32.
    void set_activation_dtype(ActivationDtype dtype);
    /// Before a multiply() of that product with so many tokens: their rows may be given one by one, as they are made.
    void lay_out(const Product& product, uint32_t tokens);
    /// By any thread.
    void take_row(uint32_t token, const float* x);
    /// Rows of that product may also be given in parts, of multiples of 32 values.
    bool takes_parts(const Product& product) const { return in_tiles() && product.k() % kGroupValues == 0; }
    void take_part(uint32_t token, uint32_t first, uint32_t count, const float* x);
    /// x [tokens, ldx]; all rows of it were taken, or none.
    void multiply(const Product& product, const float* x, size_t ldx, uint32_t tokens, const Output& out);
    /// Of a token of the last product, which had no row to be written into.
    Largest largest(uint32_t token) const;
    uint64_t scratch_bytes() const;

  private:
    struct Deal;
    struct Strip;
    struct Scratch;
    /// Rows of a strip's tokens; k in Elements.
    template <class Element>
    struct Rows {
        const Element* data;
        size_t ld;
        uint32_t k;
    };
    Multiplier(ThreadPool& pool, const Kernels& kernels) : pool_(&pool), kernels_(&kernels) {}
    void take_rows(const float* x, size_t ldx, uint32_t tokens, uint32_t k);
    void deal_out(const Product& product, const float* x, size_t ldx, uint32_t tokens, const Output& out);
    void multiply_strip(const Strip& strip, uint32_t thread);
    void multiply_runs(const Strip& strip, const Scratch& scratch);
    void multiply_run(const Strip& run, const Scratch& scratch);
    template <class Element>
    void multiply_floats(const ProductKernels<Element>& kernels, const Strip& run, const Rows<Element>& x,
                         const Scratch& scratch);
    template <class Element>
    bool multiply_direct(const ProductKernels<Element>& kernels, const Strip& run, const Rows<Element>& x,
                         const Scratch& scratch);
    template <class Element>
    static void multiply_tiles(const ProductKernels<Element>& kernels, const Strip& run,
                               const Rows<Element>& x, const Scratch& scratch);
    void multiply_in_tiles(const Strip& strip, const Scratch& scratch);
    static bool sums_in_place(const Strip& strip);
    bool rounds_outputs(const Output& out) const {
        return out.only_for != nullptr && out.epilogue == Epilogue::kSwiglu && takes_parts(*out.only_for);
    }
    void round_outputs(const Strip& strip, const Scratch& scratch);
    void multiply_integers(const Strip& strip, const Scratch& scratch);
    bool multiply_integers_direct(const Strip& strip, const Scratch& scratch);
    void multiply_integer_panel(const Strip& strip, uint32_t panel, const Scratch& scratch);
    void finish(const Strip& strip, const Scratch& scratch);
    void give_rows(const Strip& strip, const Scratch& scratch);
    void forget_largest(uint32_t tokens, const Output& out);
    Largest& largest_of(uint32_t thread, uint32_t token) {
        return largest_[thread * largest_tokens_ + token];
    }
    /// Tokens that are not cut where a product is split: integers lie in tiles, and so may bfloat16.
    uint32_t tile_height(const Product& product) const;
    uint32_t blocks_of(const Product& product, uint32_t tiles, uint32_t pairs) const;
    Scratch scratch_of(uint32_t thread);
    bool wants_integers(const Product& product) const {
        return is_integer(dtype_) && product.any_quantized();
    }
    bool wants_bfloats(const Product& product) const {
        return dtype_ == ActivationDtype::kBf16 && (in_tiles() || product.any_float());
    }
    bool in_tiles() const { return dtype_ == ActivationDtype::kBf16 && kernels_->tiles != nullptr; }

    ThreadPool* pool_;
    const Kernels* kernels_;
    ActivationDtype dtype_ = ActivationDtype::kF32;
    const Product* taken_for_ =
        nullptr;  ///< if any: the rows below that dtype_ wants are made, or being made, for its multiply()
    IntegerRows rows_;
    BfloatRows bfloat_rows_, next_bfloat_rows_;
    PageBuffer scratch_, tile_scratch_;
    std::vector<Largest> largest_;  ///< [threads, largest_tokens_]
    uint32_t largest_tokens_ = 0;
};

}  // namespace pitwall::engine::cpu
