// SPDX-License-Identifier: GPL-3.0-or-later
// libFuzzer: any text as a chat template.
#include <nlohmann/json.hpp>

#include "engine/tokenizer/jinja/template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace pitwall::engine::jinja;
    const auto parsed = Template::parse({reinterpret_cast<const char*>(data), size});
    if (!parsed.ok()) return 0;
    static const nlohmann::ordered_json context = {
        {"messages",
         {{{"role", "user"}, {"content", "Hi \xf0\x9f\x98\x80"}}, {{"role", "assistant"}, {"content", ""}}}},
        {"bos_token", "<s>"},
        {"add_generation_prompt", true},
        {"n", 3}};
    (void)parsed.value().render(context);
    return 0;
}
