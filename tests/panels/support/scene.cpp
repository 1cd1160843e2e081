// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/panels/support/scene.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "presets/knob.h"

namespace pitwall::testing {
namespace {

using namespace telemetry;

constexpr uint32_t kBlockTokens = 16;
constexpr double kMsPerToken = .2;
constexpr std::array<uint32_t, 3> kSystem = {192, 320, 448};
constexpr std::array kWords = {
    "The",     " pool",     " is",   " cut",    " into",    " blocks", " of",    " sixteen", " tokens.",
    " A",      " request",  " asks", " for",    " a",       " block",  " only",  " when",    " its",
    " last",   " one",      " is",   " full,",  " so",      " at",     " most",  " fifteen", " slots",
    " stand",  " empty.",   " When", " two",    " prompts", " start",  " the",   " same",    " way,",
    " second", " one",      " is",   " handed", " the",     " blocks", " of",    " the",     " first",
    " and",    " computes", " only", " what",   " is",      " new.",   " Größe", " naïve",   " ✓"};

int64_t ns(double seconds) { return static_cast<int64_t>(std::llround(seconds * 1e9)); }

}  // namespace

Scene::Scene(SceneOptions options)
    : options_(options),
      random_(options.seed),
      budget_(options.change_at_s < 1e8 ? 3 * options.budget : options.budget),
      blocks_(options.blocks) {
    for (uint32_t b = 0; b < options.blocks; ++b) free_.insert(b);
}

Event& Scene::add(EventKind kind, double at_s) {
    Event& event = out_.emplace_back();
    event.kind = kind;
    event.t_ns = ns(at_s);
    return event;
}

void Scene::text(DictionaryKind kind, uint32_t id, const std::string& text) {
    for (size_t at = 0; at < std::max<size_t>(text.size(), 1); at += DictionaryEvent::kPieceBytes) {
        DictionaryEvent& d = add(EventKind::kDictionary, now_).dictionary;
        const size_t length = std::min(text.size() - at, DictionaryEvent::kPieceBytes);
        d = {kind, static_cast<uint8_t>(length),       0,
             id,   static_cast<uint32_t>(text.size()), static_cast<uint32_t>(at),
             {}};
        std::memcpy(d.bytes, text.data() + at, length);
    }
}

void Scene::knob(uint16_t id, const char* name, double old_value, double value, bool start) {
    if (start) text(DictionaryKind::kKnobName, id, name);
    KnobEvent& k = add(EventKind::kKnob, now_).knob;
    k = {};
    k.knob = id;
    k.origin = start ? KnobOrigin::kStart : KnobOrigin::kUser;
    k.old_value = old_value;
    k.asked_value = k.effective_value = value;
    k.step_id = step_;
}

void Scene::begin() {
    begun_ = true;
    for (uint32_t i = 0; i < kWords.size(); ++i) text(DictionaryKind::kToken, i, kWords[i]);
    text(DictionaryKind::kRequestClass, 1, "chat");
    using presets::KnobId;
    knob(static_cast<uint16_t>(KnobId::kMaxNumBatchedTokens), "max_num_batched_tokens", 0, budget_, true);
    knob(static_cast<uint16_t>(KnobId::kTtftSloMs), "ttft_slo_ms", 0, 400, true);
    knob(static_cast<uint16_t>(KnobId::kTpotSloMs), "tpot_slo_ms", 0, 30, true);
    const auto part = [this](KeyframePart p) -> KeyframeEvent& {
        KeyframeEvent& k = add(EventKind::kKeyframe, now_).keyframe;
        std::memset(static_cast<void*>(&k), 0, sizeof(k));
        k.part = p;
        return k;
    };
    part(KeyframePart::kBegin).begin = {1, options_.blocks, kBlockTokens, 0, 190'080};
    KeyframeBlocks& run = part(KeyframePart::kBlocks).blocks;
    run.used = 1;
    run.runs[0] = {BlockId{0}, options_.blocks, kNoRequest, 0, 0, BlockState::kFree, KvDtype::kF16, 0, 0};
    part(KeyframePart::kEnd);
}

uint64_t Scene::key(const Request& r, uint32_t index) const {
    const Conversation& c = conversations_[r.conversation];
    const uint64_t prefix =
        (index + 1) * kBlockTokens <= kSystem[c.system] ? c.system : r.conversation + 100u;
    return (prefix << 32 | index) + 1;
}

void Scene::tell_block(uint32_t id, uint32_t request, BlockPhase phase, uint32_t index) {
    const Block& b = blocks_[id];
    BlockEvent& e = add(EventKind::kBlock, now_).block;
    e = {};
    e.block = BlockId{id};
    e.request = RequestId{request};
    e.phase = phase;
    e.state = !b.owners.empty() ? BlockState::kHeld : b.key ? BlockState::kCached : BlockState::kFree;
    e.dtype = KvDtype::kF16;
    e.owners = static_cast<uint16_t>(b.owners.size());
    e.filled_tokens = static_cast<uint16_t>(b.filled);
    e.table_index = index;
    e.source = kNoBlock;
}

void Scene::tell_request(const Request& r, RequestPhase phase) {
    RequestEvent& e = add(EventKind::kRequest, now_).request;
    e = {};
    e.request = RequestId{r.id};
    e.phase = phase;
    e.reason = phase == RequestPhase::kFinished ? (r.id % 3 ? FinishReason::kStop : FinishReason::kLength)
                                                : FinishReason::kNone;
    e.request_class = 1;
    e.arrival_ns = r.arrival_ns;
    e.prompt_tokens = r.prompt;
    e.cached_tokens = r.cached;
    e.output_tokens = r.made;
    e.max_tokens = 512;
    const bool token = phase == RequestPhase::kFirstToken || phase == RequestPhase::kToken;
    e.token = token ? static_cast<TokenId>((r.made - 1) % kWords.size()) : -1;
    e.blocks = static_cast<uint32_t>(r.blocks.size());
    e.step_id = step_;
}

uint32_t Scene::take(const Request& r, uint32_t index) {
    uint32_t id = 0;
    if (!free_.empty()) {
        id = *free_.begin();
        free_.erase(free_.begin());
    } else {
        id = lru_.front();
        lru_.pop_front();
        index_.erase(blocks_[id].key);
        blocks_[id] = {};
        tell_block(id, 0, BlockPhase::kEvicted, 0);
    }
    blocks_[id] = {{r.id}, 0, 0};
    tell_block(id, r.id, BlockPhase::kAllocated, index);
    return id;
}

bool Scene::hit(Request& r, uint32_t index) {
    const auto found = index_.find(key(r, index));
    if (found == index_.end()) return false;
    Block& b = blocks_[found->second];
    const bool shared = !b.owners.empty();
    if (!shared) lru_.erase(std::find(lru_.begin(), lru_.end(), found->second));
    b.owners.insert(r.id);
    r.blocks.push_back(found->second);
    tell_block(found->second, r.id, shared ? BlockPhase::kShared : BlockPhase::kHit, index);
    return true;
}

void Scene::arrive() {
    const auto uniform = [this] { return std::uniform_real_distribution<>(0, 1)(random_); };
    const auto lognormal = [this](double mean, double sigma) {
        return std::lognormal_distribution<>(mean, sigma)(random_);
    };
    std::vector<uint32_t> ready;
    for (uint32_t c = 0; c < conversations_.size(); ++c)
        if (conversations_[c].ready <= next_arrival_ && conversations_[c].turns > 0) ready.push_back(c);
    uint32_t at = static_cast<uint32_t>(conversations_.size());
    if (!ready.empty() && uniform() < .74) {
        at = ready[static_cast<size_t>(uniform() * double(ready.size()))];
    } else {
        const auto system = static_cast<uint32_t>(uniform() * 3);
        conversations_.push_back({system, 2 + static_cast<uint32_t>(uniform() * 5), kSystem[system], 0});
    }
    Request r;
    r.id = next_request_++;
    r.conversation = at;
    r.arrival_ns = r.told_ns = ns(next_arrival_);
    r.prompt =
        conversations_[at].tokens + static_cast<uint32_t>(std::clamp(lognormal(4.3, .85), 12.0, 900.0));
    r.out = static_cast<uint32_t>(std::clamp(lognormal(4.75, .62), 14.0, 420.0));
    --conversations_[at].turns;
    conversations_[at].ready = 1e9;
    text(DictionaryKind::kPrompt, r.id,
         "How does a paged cache share the blocks of two prompts? (" + std::to_string(r.id) + ")");
    tell_request(r, RequestPhase::kArrived);
    waiting_.push_back(std::move(r));
    next_arrival_ += std::exponential_distribution<>(options_.arrivals_per_s)(random_);
}

void Scene::admit(Request& r, uint32_t& left, std::vector<Work>& work) {
    tell_request(r, RequestPhase::kAdmitted);
    uint32_t index = 0;
    while ((index + 1) * kBlockTokens < r.prompt && hit(r, index)) ++index;
    r.cached = r.done = index * kBlockTokens;
    step_cached_ += r.cached;
    tell_request(r, RequestPhase::kScheduled);
    const uint32_t n = std::min(left, r.prompt - r.done);
    left -= n;
    work.push_back({&r, WorkKind::kPrefill, n, r.done});
}

std::vector<Scene::Work> Scene::plan() {
    std::vector<Work> work;
    uint32_t left = budget_;
    for (Request& r : running_) {
        if (r.done < r.prompt || left == 0) continue;
        --left;
        work.push_back({&r, WorkKind::kDecode, 1, r.computed()});
    }
    for (Request& r : running_) {
        if (r.done >= r.prompt || left == 0) continue;
        const uint32_t n = std::min(left, r.prompt - r.done);
        left -= n;
        work.push_back({&r, WorkKind::kPrefill, n, r.done});
    }
    while (!waiting_.empty() && left > 0 && running_.size() < options_.max_seqs) {
        Request& r = waiting_.front();
        if (room() < (r.prompt + r.out) / kBlockTokens + 2) break;
        running_.splice(running_.end(), waiting_, waiting_.begin());
        admit(r, left, work);
    }
    return work;
}

void Scene::grow(Request& r) {
    while (r.blocks.size() * kBlockTokens < r.computed())
        r.blocks.push_back(take(r, static_cast<uint32_t>(r.blocks.size())));
    for (uint32_t i = 0; i < r.blocks.size(); ++i) {
        Block& b = blocks_[r.blocks[i]];
        const uint32_t filled = std::min(kBlockTokens, r.computed() - i * kBlockTokens);
        if (b.filled >= filled) continue;
        b.filled = filled;
        if (filled == kBlockTokens && index_.try_emplace(key(r, i), r.blocks[i]).second) b.key = key(r, i);
        tell_block(r.blocks[i], r.id, BlockPhase::kFilled, i);
    }
}

void Scene::finish(Request& r) {
    for (size_t i = r.blocks.size(); i-- > 0;) {
        const uint32_t id = r.blocks[i];
        Block& b = blocks_[id];
        b.owners.erase(r.id);
        if (b.owners.empty() && b.key) lru_.push_back(id);
        if (b.owners.empty() && !b.key) {
            b.filled = 0;
            free_.insert(id);
        }
        tell_block(id, r.id, BlockPhase::kReleased, static_cast<uint32_t>(i));
    }
    tell_request(r, RequestPhase::kFinished);
    Conversation& c = conversations_[r.conversation];
    c.tokens = r.computed();
    if (c.tokens > 1500) c.turns = 0;
    c.ready = now_ + 2 + double(random_() % 12);
}

/// Time that a request was told of last, up to `until_ns`, belongs to `cause`.
void Scene::cause(Request& r, Cause cause, int64_t until_ns) {
    if (until_ns <= r.told_ns) return;
    CauseEvent& e = add(EventKind::kCause, 0).cause;
    out_.back().t_ns = r.told_ns;
    e = {};
    e.request = RequestId{r.id};
    e.cause = cause;
    e.duration_ns = until_ns - r.told_ns;
    e.step_id = step_;
    r.told_ns = until_ns;
}

void Scene::causes(const std::vector<Work>& work, double start, double ms, double prefill_ms,
                   double decode_ms) {
    const double scale = ms / 1000 / (prefill_ms + decode_ms + .5);
    for (const Work& w : work) {
        Request& r = *w.request;
        const double own = w.kind == WorkKind::kPrefill ? kMsPerToken * w.tokens : 0;
        double at = start;
        cause(r, Cause::kWaitBudget, ns(at));
        const auto part = [&](Cause c, double part_ms) { cause(r, c, ns(at += part_ms * scale)); };
        part(Cause::kScheduling, .3);
        part(Cause::kPrefillOwn, own);
        part(Cause::kPrefillOthers, prefill_ms - own);
        part(Cause::kDecode, decode_ms);
        part(Cause::kSampling, .15);
        cause(r, Cause::kDelivery, ns(start + ms / 1000));
    }
}

void Scene::commit(const std::vector<Work>& work, double start, double ms) {
    uint32_t prefill = 0, decode = 0;
    for (const Work& w : work) {
        Request& r = *w.request;
        (w.kind == WorkKind::kPrefill ? prefill : decode) += w.tokens;
        if (w.kind == WorkKind::kPrefill) r.done += w.tokens;
        const bool token = w.kind == WorkKind::kDecode || r.done >= r.prompt;
        if (token) ++r.made;
        grow(r);
        if (token) tell_request(r, r.made == 1 ? RequestPhase::kFirstToken : RequestPhase::kToken);
        StepMemberEvent& m = add(EventKind::kStepMember, now_).member;
        m = {step_, RequestId{r.id}, w.kind, {}, w.tokens, w.first, static_cast<uint32_t>(r.blocks.size())};
    }
    const auto running = static_cast<uint32_t>(running_.size());
    running_.remove_if([this](Request& r) { return r.made >= r.out && (finish(r), true); });
    StepEvent& s = add(EventKind::kStep, start).step;
    s = {};
    s.step_id = step_;
    s.duration_ns = ns(ms / 1000);
    s.plan_ns = 160'000, s.sample_ns = 50'000 + 18'000 * decode, s.commit_ns = 60'000;
    s.execute_ns = s.duration_ns - s.plan_ns - s.sample_ns - s.commit_ns;
    s.prefill_tokens = prefill, s.decode_tokens = decode, s.cached_tokens = step_cached_,
    s.budget_tokens = budget_;
    s.running = running, s.waiting = static_cast<uint32_t>(waiting_.size());
    s.blocks_free = static_cast<uint32_t>(free_.size()), s.blocks_cached = static_cast<uint32_t>(lru_.size());
    s.blocks_held = options_.blocks - s.blocks_free - s.blocks_cached;
    for (const Block& b : blocks_) s.slots_filled += b.owners.empty() ? 0 : b.filled;
}

void Scene::step() {
    if (budget_ != options_.budget && now_ >= options_.change_at_s) {
        knob(static_cast<uint16_t>(presets::KnobId::kMaxNumBatchedTokens), "", budget_, options_.budget,
             false);
        budget_ = options_.budget;
    }
    step_cached_ = 0;
    const std::vector<Work> work = plan();
    if (work.empty()) {
        now_ = std::max(now_ + .001, next_arrival_);
        return;
    }
    double prefill_ms = 0, decode_ms = 4.2;
    for (const Work& w : work) {
        if (w.kind == WorkKind::kPrefill)
            prefill_ms += kMsPerToken * w.tokens;
        else
            decode_ms += .21;
        decode_ms += .00052 * w.request->computed();
    }
    const double start = now_,
                 ms = (prefill_ms + decode_ms + .5) * std::uniform_real_distribution<>(.975, 1.03)(random_);
    now_ += ms / 1000;
    causes(work, start, ms, prefill_ms, decode_ms);
    commit(work, start, ms);
    ++step_;
}

std::vector<Event> Scene::run(double seconds) {
    out_.clear();
    if (!begun_) begin();
    for (const double end = now_ + seconds; now_ < end;) {
        while (next_arrival_ <= now_) arrive();
        step();
    }
    return std::move(out_);
}

}  // namespace pitwall::testing
