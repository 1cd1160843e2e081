// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "engine/tokenizer/tokenizer.h"
#include "engine/tokenizer/utf8.h"

namespace pitwall::engine {

/// A stop string with the failure function of Knuth, Morris and Pratt: each byte costs constant time, and the state
/// is how many bytes at the end of the text may be its beginning.
StreamDecoder::Stop::Stop(std::string_view text)
    : pattern(repaired_utf8(text)), fallback(pattern.size() + 1, 0) {
    for (size_t i = 1, k = 0; i < pattern.size(); ++i) {
        while (k > 0 && pattern[i] != pattern[k]) k = fallback[k];
        if (pattern[i] == pattern[k]) ++k;
        fallback[i + 1] = k;
    }
}

bool StreamDecoder::Stop::advance(char byte) {
    while (matched > 0 && pattern[matched] != byte) matched = fallback[matched];
    if (pattern[matched] == byte) ++matched;
    return matched == pattern.size();
}

StreamDecoder::StreamDecoder(const std::vector<std::string>& stops) {
    for (const std::string& stop : stops) {
        if (!stop.empty()) stops_.emplace_back(stop);
    }
}

StreamDecoder::Piece StreamDecoder::push(std::string_view token_bytes) {
    if (stopped_) return {"", true};
    unfinished_ += token_bytes;
    std::string_view rest = unfinished_;
    while (!rest.empty() && !stopped_) {
        const Utf8Step step = utf8_step(rest);
        if (step.state == Utf8Step::State::kCut) break;
        append(step.state == Utf8Step::State::kWhole ? rest.substr(0, step.length) : kReplacement);
        rest.remove_prefix(step.length);
    }
    unfinished_.erase(0, unfinished_.size() - rest.size());
    return {release(), stopped_};
}

std::string StreamDecoder::finish() {
    if (stopped_) return "";
    if (!unfinished_.empty()) append(kReplacement);
    unfinished_.clear();
    if (!stopped_) {
        for (Stop& stop : stops_) stop.matched = 0;  // nothing follows that could complete one
    }
    return release();
}

void StreamDecoder::append(std::string_view character) {
    for (const char byte : character) {
        held_ += byte;
        size_t longest = 0;
        for (Stop& stop : stops_) {
            if (stop.advance(byte)) longest = std::max(longest, stop.pattern.size());
        }
        if (longest == 0) continue;
        held_.erase(held_.size() - longest);
        stopped_ = true;
        return;
    }
}

std::string StreamDecoder::release() {
    size_t keep = 0;
    for (const Stop& stop : stops_) keep = stopped_ ? 0 : std::max(keep, stop.matched);
    std::string out = held_.substr(0, held_.size() - keep);
    held_.erase(0, out.size());
    return out;
}

}  // namespace pitwall::engine
