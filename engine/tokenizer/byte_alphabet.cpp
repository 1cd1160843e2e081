// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/byte_alphabet.h"

#include <array>

namespace pitwall::engine {
namespace {

constexpr bool stands_for_itself(uint32_t byte) {
    return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
}

constexpr uint32_t kSymbols = 256 + 68;  // one above the highest code point of the alphabet

struct Alphabet {
    std::array<uint16_t, 256> code_point = {};
    std::array<int16_t, kSymbols> byte = {};
};

constexpr Alphabet make_alphabet() {
    Alphabet a;
    a.byte.fill(-1);
    uint16_t next = 256;
    for (uint32_t b = 0; b < 256; ++b) {
        a.code_point[b] = stands_for_itself(b) ? static_cast<uint16_t>(b) : next++;
        a.byte[a.code_point[b]] = static_cast<int16_t>(b);
    }
    return a;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

std::string byte_symbol(uint8_t byte) {
    const uint32_t c = kAlphabet.code_point[byte];
    if (c < 0x80) return std::string(1, static_cast<char>(c));
    return {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 0x3f))};
}

std::string symbols_to_bytes(std::string_view token) {
    std::string out;
    out.reserve(token.size());
    for (size_t i = 0; i < token.size(); ++i) {
        uint32_t c = static_cast<unsigned char>(token[i]);
        if (c >= 0x80) {  // the alphabet needs two bytes at most
            const bool two = (c & 0xe0) == 0xc0 && i + 1 < token.size() && (token[i + 1] & 0xc0) == 0x80;
            if (!two) return std::string(token);
            c = (c & 0x1f) << 6 | (static_cast<unsigned char>(token[++i]) & 0x3f);
        }
        if (c >= kSymbols || kAlphabet.byte[c] < 0) return std::string(token);
        out += static_cast<char>(kAlphabet.byte[c]);
    }
    return out;
}

}  // namespace pitwall::engine
