// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/utf8.h"

namespace pitwall::engine {
namespace {

/// Well-formed sequences by first byte: how many bytes, and what the second may be (Unicode, table 3-7).
struct Lead {
    uint8_t length, second_low, second_high, payload;
};

Lead lead_of(uint8_t byte) {
    if (byte < 0x80) return {1, 0, 0, byte};
    if (byte >= 0xc2 && byte <= 0xdf) return {2, 0x80, 0xbf, static_cast<uint8_t>(byte & 0x1f)};
    if (byte >= 0xe0 && byte <= 0xef) {
        const auto payload = static_cast<uint8_t>(byte & 0x0f);
        if (byte == 0xe0) return {3, 0xa0, 0xbf, payload};
        if (byte == 0xed) return {3, 0x80, 0x9f, payload};  // no surrogates
        return {3, 0x80, 0xbf, payload};
    }
    if (byte >= 0xf0 && byte <= 0xf4) {
        const auto payload = static_cast<uint8_t>(byte & 0x07);
        if (byte == 0xf0) return {4, 0x90, 0xbf, payload};
        if (byte == 0xf4) return {4, 0x80, 0x8f, payload};  // not above U+10FFFF
        return {4, 0x80, 0xbf, payload};
    }
    return {0, 0, 0, 0};
}

}  // namespace

Utf8Step utf8_step(std::string_view text) {
    using State = Utf8Step::State;
    const Lead lead = lead_of(static_cast<uint8_t>(text[0]));
    if (lead.length == 0) return {State::kBroken, 1, 0};
    uint32_t code_point = lead.payload;
    for (uint8_t i = 1; i < lead.length; ++i) {
        if (i == text.size()) return {State::kCut, i, 0};
        const auto byte = static_cast<uint8_t>(text[i]);
        const uint8_t low = i == 1 ? lead.second_low : 0x80, high = i == 1 ? lead.second_high : 0xbf;
        if (byte < low || byte > high) return {State::kBroken, i, 0};
        code_point = code_point << 6 | (byte & 0x3fu);
    }
    return {State::kWhole, lead.length, code_point};
}

size_t valid_utf8_prefix(std::string_view text) {
    size_t at = 0;
    while (at < text.size()) {
        const Utf8Step step = utf8_step(text.substr(at));
        if (step.state != Utf8Step::State::kWhole) break;
        at += step.length;
    }
    return at;
}

void append_utf8(std::string& out, uint32_t c) {
    const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xc0 | c >> 6);
        tail(0);
    } else if (c < 0x10000) {
        out += static_cast<char>(0xe0 | c >> 12);
        tail(6);
        tail(0);
    } else {
        out += static_cast<char>(0xf0 | c >> 18);
        tail(12);
        tail(6);
        tail(0);
    }
}

std::string repaired_utf8(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const Utf8Step step = utf8_step(text);
        out += step.state == Utf8Step::State::kWhole ? text.substr(0, step.length) : kReplacement;
        text.remove_prefix(step.length);
    }
    return out;
}

}  // namespace pitwall::engine
