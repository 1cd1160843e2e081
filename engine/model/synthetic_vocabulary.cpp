// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <cassert>

#include "engine/model/synthetic_model.h"
#include "engine/tokenizer/byte_alphabet.h"

namespace pitwall::engine {
namespace {

constexpr const char* kChatTemplate =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + "
    "'<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

}  // namespace

Vocabulary synthetic_vocabulary(uint32_t size) {
    constexpr int32_t kNormal = 1, kControl = 3;
    assert(size >= 260);
    Vocabulary v;
    v.model = "gpt2";
    v.pre = "smollm";
    for (const char* special : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"})
        v.tokens.emplace_back(special);
    v.types.assign(v.tokens.size(), kControl);
    for (uint32_t byte = 0; byte < 256; ++byte) {
        v.tokens.push_back(byte_symbol(static_cast<uint8_t>(byte)));
    }
    // Words, so that what random weights say looks like text. No merge leads to them.
    for (uint32_t i = 0; v.tokens.size() < size; ++i)
        v.tokens.push_back(byte_symbol(' ') + fmt::format("w{}", i));
    v.types.resize(size, kNormal);
    v.bos = 1;
    v.eos = 2;
    v.unknown = 0;
    v.padding = 2;
    v.chat_template = kChatTemplate;
    return v;
}

}  // namespace pitwall::engine
