// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/exec/executor.h"
#include "engine/kv/block_pool.h"
#include "engine/spec/drafter.h"
#include "telemetry/base/clock.h"

namespace pitwall::engine {

/// A smaller model of the same vocabulary says what comes next (Leviathan et al. 2023; Chen et al. 2023), picked by the same
/// sampler with the same noise, so that a model that agrees drafts what will be accepted, also where it is not greedy. Its
/// executor and KV cache are its own: all sequences of a step share each pass; what a text has grown by, or was rolled back
/// to, is read in the first one; whose KV there is no room for drafts nothing for a while.
class ModelDrafter final : public BatchDrafter {
  public:
    /// Steps for which a text is left alone when there was no room for its KV.
    static constexpr uint64_t kRest = 16;
    using Loading = std::future<Result<std::unique_ptr<Executor>>>;

    /// Drafts nothing until `loading` is done. Where nobody wants it any longer before that, `give_up` gets it, so that
    /// nobody waits for it here. Texts of more than `max_context_tokens` are left alone.
    ModelDrafter(Loading loading, uint32_t max_context_tokens, const Clock& clock,
                 std::function<void(Loading)> give_up = {});
    ~ModelDrafter() override;

    void poll() override { static_cast<void>(loaded()); }
    void prepare(std::span<const DraftAsk> asks) override;
    std::optional<uint32_t> behind(RequestId request, std::span<const TokenId> tokens) const override;
    std::span<const DraftPass> passes() const override { return passes_; }
    /// What prepare() made; as sure as any.
    uint32_t draft(RequestId request, std::span<const TokenId> tokens, uint32_t most,
                   std::vector<TokenId>& out) override;
    void end(RequestId request, std::span<const TokenId> tokens) override;
    Status status() const override { return status_; }
    uint64_t resident_bytes() const override;
    /// That its KV may take; 0 before its executor is there.
    uint64_t kv_capacity_bytes() const;
    uint64_t weight_bytes() const override { return executor_ ? executor_->weight_bytes() : 0; }

  private:
    struct Text {
        std::vector<TokenId> tokens;  ///< of the sequence, and then its drafts
        uint32_t known = 0;           ///< of these, the sequence's own
        uint32_t computed = 0;        ///< whose KV is there
        std::vector<BlockId> table;
        uint64_t turn = 0;         ///< when it was last asked for
        uint64_t rests_until = 0;  ///< a turn
    };
    /// Of one prepare().
    struct Asked {
        const DraftAsk* ask;
        Text* text;
        uint32_t most;
        uint32_t rows;  ///< of the next pass
    };

    bool loaded();
    void fail(const Error& error);
    void take_in(const DraftAsk& ask);
    static uint32_t in_common(const Text& text, std::span<const TokenId> tokens);
    static void follow(Text& text, std::span<const TokenId> tokens);
    bool make_room(Text& text, uint32_t token_count);
    void drop_blocks(Text& text);
    void find_no_room(Text& text);
    bool run_pass();
    void build_slice(const Asked& asked);
    static bool goes_on(const Asked& asked);

    Loading loading_;
    std::function<void(Loading)> give_up_;
    uint32_t max_context_tokens_;
    const Clock& clock_;
    std::unique_ptr<Executor> executor_;  ///< null: not there yet
    BlockPool pool_{0};
    Status status_;
    std::unordered_map<uint32_t, Text> texts_;  ///< by request
    std::vector<Asked> asked_;
    std::vector<DraftPass> passes_;
    StepPlan plan_;
    uint64_t turn_ = 0;
};

}  // namespace pitwall::engine
