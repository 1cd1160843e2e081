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

constexpr double kShare = 0.02;                               ///< of the time of steps
constexpr uint32_t kBusyTokens = QualityProbe::kPieceTokens;  ///< of a sample while others wait
constexpr uint32_t kIdleSamples = 64;  ///< after so many of one format an idle engine rests
constexpr size_t kRecentTexts = 16;
constexpr size_t kRecentTokens = 2048;

}  // namespace

bool Engine::Impl::may_probe() {
    const NumericFormat format = numeric_format();
    if (format != probe_format_) {
        probe_.give_up();  // half of its sample was computed otherwise
        probe_format_ = format;
        probe_busy_ns_ = probe_spent_ns_ = probe_cost_ns_ = 0;
        probe_failed_ = false;
        probe_samples_ = 0;
    }
    return format.kv != QualityProbe::kReference && !probe_failed_ && executor_->side_tokens() > 0 &&
           !paused_ && in_flight_.empty() && effective_.boolean(KnobId::kKvQualityProbe);
}

/// After a step. What a piece may cost is what the last one did.
void Engine::Impl::probe_between_steps(int64_t step_ns) {
    if (!may_probe()) return;
    probe_busy_ns_ += step_ns;
    const auto allowed_ns = static_cast<int64_t>(kShare * static_cast<double>(probe_busy_ns_));
    if (probe_spent_ns_ + probe_piece_ns_ > allowed_ns) return;
    if (probe_.busy() || begin_probe_of_running())
        probe_spent_ns_ += probe_piece();
    else
        probe_spent_ns_ = allowed_ns - probe_piece_ns_;  // time without anything new is not saved up
}

bool Engine::Impl::probe_when_idle() {
    if (has_work() || !may_probe()) return false;
    if (!probe_.busy() && (probe_samples_ >= kIdleSamples || !begin_probe_of_recent())) return false;
    (void)probe_piece();
    replace_if_lost();
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
        if (ProbedPieces* pieces = probed_pieces(sample->request))
            pieces->add(probe_format_, {sample->first_token, sample->tokens});
    }
    probe_failed_ = !sample && !probe_.busy();  // no memory for it, say; not tried again in this format
    if (!probe_.busy()) probe_cost_ns_ = 0;
    return probe_piece_ns_;
}

/// What was judged of that text, which may have ended while it was being judged.
ProbedPieces* Engine::Impl::probed_pieces(RequestId request) {
    for (RecentText& text : recent_texts_)
        if (text.request == request) return &text.probed;
    const auto running = requests_.find(raw(request));
    return running == requests_.end() ? nullptr : &running->second->probed;
}

/// The running request that comes next by number and has something new.
bool Engine::Impl::begin_probe_of_running() {
    const LiveRequest* chosen = nullptr;
    for (Sequence* s : scheduler_.running()) {
        const LiveRequest& r = live(*s);
        const auto wraps = [&](const LiveRequest& x) { return raw(x.id) <= raw(probed_); };
        if (chosen && std::pair(wraps(*chosen), raw(chosen->id)) < std::pair(wraps(r), raw(r.id))) continue;
        if (next_piece(r.id, r.tokens, r.probed, kBusyTokens)) chosen = &r;
    }
    if (!chosen) return false;
    probed_ = chosen->id;
    return begin_probe(chosen->id, chosen->tokens, chosen->probed, kBusyTokens);
}

/// The text that comes next among those kept and has something new.
bool Engine::Impl::begin_probe_of_recent() {
    for (size_t i = 0; i < recent_texts_.size(); ++i) {
        const RecentText& text = recent_texts_[(probe_samples_ + i) % recent_texts_.size()];
        if (begin_probe(text.request, text.tokens, text.probed, executor_->side_tokens())) return true;
    }
    return false;
}

std::optional<ProbedPieces::Piece> Engine::Impl::next_piece(RequestId request,
                                                            std::span<const TokenId> tokens,
                                                            const ProbedPieces& probed, uint32_t most) const {
    const uint64_t draw = detail::final_mix(uint64_t{raw(request)} << 32 | probe_samples_);
    return probed.next(probe_format_, static_cast<uint32_t>(tokens.size()), most, draw);
}

/// False: all that is long enough was judged.
bool Engine::Impl::begin_probe(RequestId request, std::span<const TokenId> tokens, const ProbedPieces& probed,
                               uint32_t most) {
    const auto piece = next_piece(request, tokens, probed, most);
    if (!piece) return false;
    const std::span<const TokenId> text = tokens.subspan(piece->first, piece->tokens);
    probe_.begin(request, piece->first, {text.begin(), text.end()}, probe_format_.kv);
    return true;
}

void Engine::Impl::remember_text(const LiveRequest& r) {
    if (executor_->side_tokens() == 0 || r.committed < QualityProbe::kLeastTokens) return;
    const size_t length = std::min<size_t>(r.committed, kRecentTokens);
    recent_texts_.push_back(
        {r.id, {r.tokens.begin(), r.tokens.begin() + static_cast<ptrdiff_t>(length)}, r.probed});
    if (recent_texts_.size() > kRecentTexts) recent_texts_.pop_front();
}

}  // namespace pitwall::engine
