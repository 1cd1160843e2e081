// SPDX-License-Identifier: GPL-3.0-or-later
//
// When the quality probe runs: while nobody waits, and else in a small share of the time that steps take.
#include <algorithm>

#include "engine/core/engine_impl.h"
#include "engine/kv/chain_hash.h"

namespace pitwall::engine {

using namespace telemetry;
using presets::KnobId;

namespace {

constexpr double kShare = 0.02;        ///< of the time of steps
constexpr uint32_t kBusyTokens = 24;   ///< of a sample while others wait: one piece in each format
constexpr uint32_t kIdleSamples = 64;  ///< after so many of one format an idle engine rests
constexpr size_t kRecentTexts = 16;
constexpr size_t kRecentTokens = 2048;

}  // namespace

bool Engine::Impl::may_probe() {
    const KvDtype dtype = executor_->kv_cache_dtype();
    if (dtype != probe_dtype_) {
        probe_.give_up();
        probe_dtype_ = dtype;
        probe_busy_ns_ = probe_spent_ns_ = probe_cost_ns_ = 0;
        probe_failed_ = false;
        probe_samples_ = 0;
    }
    return dtype != QualityProbe::kReference && !probe_failed_ && executor_->side_tokens() > 0 && !paused_ &&
           in_flight_.empty() && effective_.boolean(KnobId::kKvQualityProbe);
}

/// After a step. What a piece may cost is what the last one did.
void Engine::Impl::probe_between_steps(int64_t step_ns) {
    if (!may_probe()) return;
    probe_busy_ns_ += step_ns;
    const auto allowed_ns = static_cast<int64_t>(kShare * static_cast<double>(probe_busy_ns_));
    if (probe_spent_ns_ + probe_piece_ns_ > allowed_ns) return;
    if (probe_.busy() || begin_probe_of_running()) probe_spent_ns_ += probe_piece();
}

bool Engine::Impl::probe_when_idle() {
    if (has_work() || !may_probe()) return false;
    if (!probe_.busy() && (probe_samples_ >= kIdleSamples || !begin_probe_of_recent())) return false;
    (void)probe_piece();
    return true;
}

int64_t Engine::Impl::probe_piece() {
    const int64_t begin_ns = clock_.now_ns();
    std::optional<ProbeEvent> sample = probe_.go_on();
    const int64_t now_ns = stamp();
    probe_piece_ns_ = now_ns - begin_ns;
    probe_cost_ns_ += probe_piece_ns_;
    if (sample) {
        sample->cost_ns = probe_cost_ns_;
        ++probe_samples_;
        writer_.probe(*sample);
    }
    probe_failed_ = !sample && !probe_.busy();  // no memory for it, say; not tried again in this format
    if (!probe_.busy()) probe_cost_ns_ = 0;
    return probe_piece_ns_;
}

/// The running request that comes next by number, and of its text a piece anywhere.
bool Engine::Impl::begin_probe_of_running() {
    const LiveRequest* chosen = nullptr;
    for (const Sequence* s : scheduler_.running()) {
        if (s->length() < QualityProbe::kLeastTokens) continue;
        const auto wraps = [&](const Sequence* x) { return raw(x->id) <= raw(probed_); };
        if (!chosen || std::pair(wraps(s), raw(s->id)) < std::pair(wraps(chosen), raw(chosen->id)))
            chosen = static_cast<const LiveRequest*>(s);
    }
    if (!chosen) return false;
    probed_ = chosen->id;
    begin_probe(chosen->id, chosen->tokens, kBusyTokens);
    return true;
}

bool Engine::Impl::begin_probe_of_recent() {
    if (recent_texts_.empty()) return false;
    const auto& [request, tokens] = recent_texts_[probe_samples_ % recent_texts_.size()];
    begin_probe(request, tokens, executor_->side_tokens());
    return true;
}

void Engine::Impl::begin_probe(RequestId request, std::span<const TokenId> tokens, uint32_t most) {
    const auto length = static_cast<uint32_t>(std::min<size_t>(tokens.size(), most));
    const auto places = static_cast<uint32_t>(tokens.size()) - length + 1;
    const auto first =
        static_cast<uint32_t>(detail::final_mix(uint64_t{raw(request)} << 32 | probe_samples_) % places);
    const std::span<const TokenId> piece = tokens.subspan(first, length);
    probe_.begin(request, first, {piece.begin(), piece.end()}, probe_dtype_);
}

void Engine::Impl::remember_text(const LiveRequest& r) {
    if (executor_->side_tokens() == 0 || r.committed < QualityProbe::kLeastTokens) return;
    const size_t length = std::min<size_t>(r.committed, kRecentTokens);
    recent_texts_.push_back({r.id, {r.tokens.begin(), r.tokens.begin() + static_cast<ptrdiff_t>(length)}});
    if (recent_texts_.size() > kRecentTexts) recent_texts_.pop_front();
}

}  // namespace pitwall::engine
