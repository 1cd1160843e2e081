// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/spec/model_drafter.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/sched/sequence.h"

namespace pitwall::engine {

ModelDrafter::ModelDrafter(Loading loading, uint32_t max_context_tokens, const Clock& clock,
                           std::function<void(Loading)> give_up)
    : loading_(std::move(loading)),
      give_up_(std::move(give_up)),
      max_context_tokens_(max_context_tokens),
      clock_(clock) {}

ModelDrafter::~ModelDrafter() {
    if (loading_.valid() && give_up_) give_up_(std::move(loading_));
}

bool ModelDrafter::loaded() {
    if (executor_) return true;
    if (!status_.ok() || !loading_.valid() ||
        loading_.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
        return false;
    auto loaded = loading_.get();
    if (!loaded.ok()) return fail(loaded.error()), false;
    const uint32_t blocks = loaded.value()->capacity_blocks();
    if (Status status = loaded.value()->resize_pool(blocks); !status.ok()) return fail(status.error()), false;
    executor_ = std::move(loaded).value();
    pool_ = BlockPool(blocks);
    return true;
}

void ModelDrafter::fail(const Error& error) {
    status_ = error;
    texts_.clear();
    asked_.clear();
}

/// Passes go on while somebody has drafts to come; each has a row for each of those.
void ModelDrafter::prepare(std::span<const DraftAsk> asks) {
    passes_.clear();
    asked_.clear();
    ++turn_;
    if (!loaded()) return;
    for (const DraftAsk& ask : asks)  // nobody here makes room for another
        if (ask.tokens.size() < max_context_tokens_) texts_[raw(ask.request)].turn = turn_;
    for (const DraftAsk& ask : asks) take_in(ask);
    while (!asked_.empty() && run_pass())
        std::erase_if(asked_, [](const Asked& asked) { return !goes_on(asked); });
}

void ModelDrafter::take_in(const DraftAsk& ask) {
    const auto length = static_cast<uint32_t>(ask.tokens.size());
    if (length >= max_context_tokens_) return;
    Text& text = texts_[raw(ask.request)];
    follow(text, ask.tokens);
    const uint32_t left = length - text.computed, reads = std::min(ask.reads, left - 1);
    // The last draft is sampled, but its own KV is needed only if it is accepted.
    const uint32_t most = reads < left - 1 ? 0 : std::min(ask.most, max_context_tokens_ - length);
    const uint32_t rows = most > 0 ? left : reads;
    if (rows == 0) return;
    // For the whole text, also where only a piece is read. Who finds no room gives up what it has: with all of them growing
    // nobody would ever find any.
    if (!make_room(text, length + std::max(most, 1u) - 1)) return find_no_room(text);
    asked_.push_back({&ask, &text, most, rows});
}

/// How many tokens the text, drafts included, has in common with what the sequence is now.
uint32_t ModelDrafter::in_common(const Text& text, std::span<const TokenId> tokens) {
    const auto first_apart = std::mismatch(text.tokens.begin() + text.known, text.tokens.end(),
                                           tokens.begin() + text.known, tokens.end())
                                 .first;
    return static_cast<uint32_t>(first_apart - text.tokens.begin());
}

/// Drops drafts that did not hold and takes in what was said instead.
void ModelDrafter::follow(Text& text, std::span<const TokenId> tokens) {
    const uint32_t same = in_common(text, tokens);
    text.tokens.resize(same);
    text.tokens.insert(text.tokens.end(), tokens.begin() + same, tokens.end());
    text.known = static_cast<uint32_t>(tokens.size());
    text.computed = std::min({text.computed, same, text.known - 1});
}

/// Blocks for so many tokens. Those of the text that was asked for longest ago go first, and of this step's none.
bool ModelDrafter::make_room(Text& text, uint32_t token_count) {
    const uint32_t wanted = Sequence::blocks_for(token_count);
    if (wanted > pool_.size()) return false;
    while (pool_.free_count() + text.table.size() < wanted) {
        const auto oldest = std::min_element(texts_.begin(), texts_.end(), [](const auto& a, const auto& b) {
            return std::pair(a.second.table.empty(), a.second.turn) <
                   std::pair(b.second.table.empty(), b.second.turn);
        });
        if (oldest->second.table.empty() || oldest->second.turn == turn_) return false;
        drop_blocks(oldest->second);
    }
    while (text.table.size() < wanted) text.table.push_back(pool_.take_free());
    return true;
}

void ModelDrafter::drop_blocks(Text& text) {
    for (const BlockId block : text.table) pool_.drop_reference(block, false);
    text.table.clear();
    text.computed = 0;
}

/// Nobody is to reckon with it every step, and none to wait for it.
void ModelDrafter::find_no_room(Text& text) {
    drop_blocks(text);
    text.rests_until = turn_ + kRest;
}

bool ModelDrafter::goes_on(const Asked& asked) {
    const auto drafts = static_cast<uint32_t>(asked.text->tokens.size()) - asked.text->known;
    return drafts > 0 && drafts < asked.most;
}

bool ModelDrafter::run_pass() {
    const int64_t begin_ns = clock_.now_ns();
    plan_.id = kNoStep;
    plan_.slices.clear();
    uint32_t rows = 0;
    for (const Asked& asked : asked_) {
        build_slice(asked);
        rows += asked.rows;
    }
    StepResult result = executor_->collect(executor_->submit(plan_));
    if (!result.status.ok()) return fail(result.status.error()), false;
    auto sampled = result.sampled.begin();
    for (size_t i = 0; i < asked_.size(); ++i) {
        Text& text = *asked_[i].text;
        text.computed += std::exchange(asked_[i].rows, 1);
        if (plan_.slices[i].samples > 0) text.tokens.push_back(*sampled++);
    }
    passes_.push_back({rows, clock_.now_ns() - begin_ns});
    return true;
}

void ModelDrafter::build_slice(const Asked& asked) {
    const Text& text = *asked.text;
    const std::span<const TokenId> tokens(text.tokens);
    const uint32_t end = text.computed + asked.rows;
    SequenceSlice slice;
    slice.request = asked.ask->request;
    slice.work = WorkKind::kDraft;
    slice.tokens = tokens.subspan(text.computed, asked.rows);
    slice.first_position = text.computed;
    slice.block_table = std::span(text.table).first(Sequence::blocks_for(end));
    slice.samples = end == tokens.size() ? 1 : 0;
    slice.sampling = asked.ask->sampling;
    slice.history = tokens.first(end);
    slice.banned = asked.ask->banned;
    slice.banned_before = asked.ask->banned_before;
    plan_.slices.push_back(slice);
}

std::optional<uint32_t> ModelDrafter::behind(RequestId request, std::span<const TokenId> tokens) const {
    const auto length = static_cast<uint32_t>(tokens.size());
    const bool too_long = executor_ && Sequence::blocks_for(length) > pool_.size();
    if (length >= max_context_tokens_ || too_long) return std::nullopt;
    const auto found = texts_.find(raw(request));
    if (found == texts_.end()) return length - 1;
    const Text& text = found->second;
    if (turn_ < text.rests_until) return std::nullopt;
    return length - 1 - std::min({text.computed, in_common(text, tokens), length - 1});
}

uint32_t ModelDrafter::draft(RequestId request, std::span<const TokenId> tokens, uint32_t most,
                             std::vector<TokenId>& out) {
    const auto found = texts_.find(raw(request));
    if (found == texts_.end() || found->second.known != tokens.size()) return 0;
    const Text& text = found->second;
    const auto drafts = std::span(text.tokens).subspan(text.known);
    const auto taken = drafts.first(std::min<size_t>(most, drafts.size()));
    out.insert(out.end(), taken.begin(), taken.end());
    return 0;
}

void ModelDrafter::end(RequestId request, std::span<const TokenId> /*tokens*/) {
    const auto text = texts_.find(raw(request));
    if (text == texts_.end()) return;
    drop_blocks(text->second);
    texts_.erase(text);
}

uint64_t ModelDrafter::kv_capacity_bytes() const {
    return executor_ ? executor_->capacity_blocks() * executor_->bytes_per_block() : 0;
}

uint64_t ModelDrafter::resident_bytes() const {
    if (!executor_) return 0;
    return executor_->weight_bytes() + executor_->activation_bytes() +
           pool_.held_count() * executor_->bytes_per_block();
}

}  // namespace pitwall::engine
